"""What was tried on a version beside its comparisons, and how it came out: a small file each, in the reports' folder.

`harness reproduce`, `parity` and `sensitivity` end without a verdict; what they found would be lost with the terminal.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import files
from harness.errors import Exit, HarnessError
from harness.versions.manifest import digest

FOLDER = "acts"
FORMAT = 1
KINDS = ("reproduce", "parity", "sensitivity")


def note(folder: Path, kind: str, about: Mapping[str, Any]) -> Path:
    """Note an act of one of KINDS: `about` is plain data, with the sha256 of each wheel under `wheels` and whether it
    came out well under `passed`. An act about the same wheels takes the place of the one before. `automated`: the
    variable CI was set, as build servers do. E53 where it cannot be written."""
    assert kind in KINDS
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    automated = os.environ.get("CI", "").lower() not in ("", "0", "false")
    name = f"{kind}-{digest(sorted(about['wheels']))[:16]}.json"
    path = folder / FOLDER / name
    try:
        files.write_json(
            path, {"format": FORMAT, "act": kind, "at": at, "automated": automated, **dict(about)}
        )
    except OSError as error:
        raise HarnessError(
            f"not noted: {error.strerror or error}",
            where=str(path),
            hint="make room, or make the report's folder writable",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        ) from None
    return path


def read(folder: Path) -> list[dict[str, Any]]:
    """Every act, by name, with the `file` that it stands in, below `folder`. HarnessError for one that is broken."""
    found = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            whole = (
                data["format"] == FORMAT
                and data["act"] in KINDS
                and isinstance(data["automated"], bool)
                and isinstance(data["passed"], bool)
                and all(isinstance(one, str) for one in [data["at"], *data["wheels"]])
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(path, f"{type(error).__name__}: {error}") from None
        if not whole:
            raise _unreadable(path, "it is not written as this harness writes it")
        found.append({**data, "file": path.relative_to(folder).as_posix()})
    return found


def _unreadable(path: Path, words: str) -> HarnessError:
    return HarnessError(
        f"an act cannot be read: {words}",
        where=str(path),
        hint="remove the file, and run the command that wrote it again",
        exit=Exit.INCONCLUSIVE,
    )
