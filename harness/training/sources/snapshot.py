"""Snapshots: training data kept under their sha256, verified at every read, so that a version can be made again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.files import write_atomic


def keep(shelf: Path, suffix: str, content: bytes) -> Path:
    """Write the content under its digest, unless it is there; returns the file."""
    path = shelf / f"{hashlib.sha256(content).hexdigest()}{suffix}"
    if not path.exists():
        try:
            write_atomic(path, content)
        except OSError as error:
            raise HarnessError(
                f"cannot keep the snapshot: {error.strerror}",
                where=str(path),
                hint="make room, or name another folder as snapshots under [data]",
                exit=Exit.STORE,
            ) from None
    return path


def find(shelf: Path, sha256: str) -> Path | None:
    """The snapshot of a digest, whatever its suffix."""
    return next(iter(sorted(shelf.glob(f"{sha256}.*"))), None)


def read(path: Path, sha256: str) -> bytes:
    """The content of a snapshot; raises E46 where it is another than its name says."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise HarnessError(
            f"digest mismatch: expected {sha256[:12]}, got {found[:12]}",
            where=str(path),
            hint="the snapshot is damaged: bring it back from version control or a backup",
            code="E46",
            exit=Exit.STORE,
        )
    return content
