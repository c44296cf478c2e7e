"""`verdict.json`: INCOMPLETE from the first moment of a run, replaced atomically as its last act.

An exit code alone cannot carry the verdict: `os._exit(0)` in any code that pytest loaded ends the process with
0. Whoever wants to know reads this file, and finds INCOMPLETE wherever a run did not reach its end.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import files
from harness.errors import Exit, HarnessError

FILE = "verdict.json"
LOCK = ".lock"
SEAL = "seal"
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


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """The reports' folder for one run alone: two that write their reports in turn would leave one's verdict beside the
    other's report, or a PASS where the later run was killed. HarnessError E09 where a run has it; it lasts as long as
    the process at most. A folder that cannot be written is left to `begin`, which says so."""
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # opened for reading: a lock left by another user is as good as one's own
            handle = os.open(folder / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            yield
            return
        stack.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HarnessError(
                "run not finished: another run is writing its reports here",
                where=str(folder),
                hint="wait for it, or give this one a folder of its own: --compare-report=DIR, --report=DIR",
                code="E09",
            ) from None
        yield


def begin(folder: Path, run_id: str, ledger: str = "") -> None:
    """Write INCOMPLETE, whatever stood there before; `ledger` is the head of the ledger beside it."""
    try:
        files.write_json(
            folder / FILE,
            {
                "schema_version": SCHEMA_VERSION,
                "run_id": run_id,
                "verdict": "INCOMPLETE",
                "reason": "E09 run not finished",
                "ledger": ledger,
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
    """Replace INCOMPLETE by the verdict, sealed: the last act of a run."""
    files.write_json(folder / FILE, summary | {SEAL: seal(summary)})


def seal(verdict: Mapping[str, Any]) -> str:
    """sha256 over every other field of a verdict: one that was edited afterwards, or put together by hand, has
    another. It guards against accidents; against the author of a change guards a trusted job that compares again."""
    rest = {name: value for name, value in verdict.items() if name != SEAL}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


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
