"""`verdict.json`: INCOMPLETE from the first moment of a run, replaced atomically as its last act.

An exit code alone cannot carry the verdict: `os._exit(0)` in any code that pytest loaded ends the process with
0. Whoever wants to know reads this file, and finds INCOMPLETE wherever a run did not reach its end.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from pathlib import Path
from typing import Any

from harness import files
from harness.errors import Exit, HarnessError

FILE = "verdict.json"
SCHEMA_VERSION = 1
_VARIABLE = "MODEL_HARNESS_RUN"
# set by pytest-xdist in its workers, before their pytest begins
_XDIST_WORKER, _XDIST_RUN = "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID"


def new_run_id() -> str:
    """Sortable by time, unique by chance: `20261123T091500-4f2a91`."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + "-" + secrets.token_hex(3)


def is_run_id(text: object) -> bool:
    """Whether this is the name of a run, and so of a folder below `runs`."""
    return isinstance(text, str) and re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{6}", text) is not None


def refuse_folder(folder: Path, root: Path) -> None:
    """What lies in the reports' folder does not count as code, since the verdict is written there: so the project
    itself must not lie in it. Raises HarnessError."""
    if root.resolve().is_relative_to(folder.resolve()):
        raise HarnessError(
            "the reports' folder holds the project itself",
            where=str(folder),
            hint='name a folder of its own: reports = "reports"',
            code="E27",
        )


def begin(folder: Path, run_id: str) -> None:
    """Write INCOMPLETE, whatever stood there before."""
    try:
        files.write_json(
            folder / FILE,
            {
                "schema_version": SCHEMA_VERSION,
                "run_id": run_id,
                "verdict": "INCOMPLETE",
                "reason": "E09 run not finished",
            },
        )
    except OSError as error:
        raise HarnessError(
            f"cannot write the verdict: {error.strerror}",
            where=str(folder),
            hint="make the report's folder writable, or choose another with --compare-report",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        ) from None


def end(folder: Path, summary: dict[str, Any]) -> None:
    """Replace INCOMPLETE by the verdict: the last act of a run."""
    files.write_json(folder / FILE, summary)


def read(folder: Path) -> dict[str, Any]:
    """The verdict file; E16 where there is none, INCONCLUSIVE where it cannot be read."""
    path = folder / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HarnessError(
            "no verdict file",
            where=str(path),
            hint="run pytest --compare-to=previous first; without --compare-to nothing is compared",
            code="E16",
            exit=Exit.INCONCLUSIVE,
        ) from None
    except (ValueError, UnicodeDecodeError):
        data = None
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        raise HarnessError(
            "the verdict file cannot be read",
            where=str(path),
            hint="run the comparison again",
            code="E16",
            exit=Exit.INCONCLUSIVE,
        )
    return data


def announce(run_id: str) -> None:
    """Let the workers of this process (pytest-xdist) know which run they belong to."""
    os.environ[_VARIABLE] = f"{run_id}:{os.getpid()}:{os.environ.get(_XDIST_RUN, '')}"


def withdraw() -> None:
    """Take the announcement back, so that later children start runs of their own."""
    os.environ.pop(_VARIABLE, None)


def announced() -> str:
    """The run that this process is a pytest-xdist worker of, or nothing.

    A grandchild's parent is somebody else. A pytest that one of our tests starts is a child too: but no worker, or
    one by what it inherited from a session of pytest-xdist around all of us.
    """
    run_id, parent, around = [*os.environ.get(_VARIABLE, "").split(":", 2), "", "", ""][:3]
    worker = os.environ.get(_XDIST_WORKER) and os.environ.get(_XDIST_RUN, "") != around
    return run_id if worker and parent == str(os.getppid()) else ""
