"""Snapshots: training data kept under their sha256, verified at every read, so that a version can be made again."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.files import replacing
from harness.training.sources.content import Content


def keep(shelf: Path, found: Content) -> Path:
    """Write the content under its digest, unless it is there; returns the file."""
    path = shelf / f"{found.sha256}{found.suffix}"
    if not path.exists():
        try:
            with found.open() as source, replacing(path) as file:
                shutil.copyfileobj(source, file, 2**20)
                # before the copy takes the name of the digest
                found.check()
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
