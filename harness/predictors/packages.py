"""A version package, unpacked once and checked at every use."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.predictors.cache import cache_folder, made
from harness.versions.manifest import Manifest


def unpack(wheel: Path, sha256: str, manifest: Manifest) -> Path:
    """The folder to put on a worker's path. Raises HarnessError E46 (digest), E47 (gone), E54 (a name that leaves
    the folder)."""
    try:
        content = wheel.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"the wheel is gone: {error.strerror}", where=str(wheel), hint="resolve the version again",
            code="E47", exit=Exit.STORE,
        ) from None  # fmt: skip
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise HarnessError(
            f"digest mismatch: expected {sha256[:12]}, got {found[:12]}", where=str(wheel),
            hint="the file changed since it was resolved: find out who wrote it", code="E46", exit=Exit.STORE,
        )  # fmt: skip

    def usable(folder: Path) -> bool:
        return folder.is_dir() and all(
            (folder / name).is_file() and hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
            for name, digest in manifest.files.items()
        )

    return made(cache_folder() / "packages" / sha256[:32], usable, lambda beside: _extract(wheel, beside))


def _extract(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            check_member(item, wheel)
            archive.extract(item, folder)


def check_member(item: zipfile.ZipInfo, wheel: Path) -> None:
    """Refuse names that leave the folder, and links."""
    parts = item.filename.split("/")
    link = (item.external_attr >> 16) & 0o170000 == 0o120000
    if item.filename.startswith(("/", "\\")) or ".." in parts or "\\" in item.filename or link:
        raise HarnessError(
            f"refused: {item.filename!r} in the wheel leads outside",
            where=str(wheel),
            hint="do not use this file; find out who made it",
            code="E54",
            exit=Exit.REFUSED,
        )
