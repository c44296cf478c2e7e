"""A model file, or a folder of MLflow, laid out beside the loader that opens it in the version's own process.

Nothing is opened here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.predictors import loading
from harness.predictors.cache import cache_folder, made
from harness.predictors.packages import verified, written
from harness.versions.manifest import digest
from harness.versions.version import Version

LOADER = "harness_artifact"


def placed(version: Version) -> Path:
    """The folder to put on a worker's path. HarnessError E46 where the file changed, E47 where it is gone."""
    path = Path(version.location)
    wishes = {
        "name": path.name,
        "allow_types": sorted(version.profile.allow_types),
        # MLflow serves one method; another is one of the model that it wraps
        "native": bool(version.profile.method),
    }
    files = {
        f"{LOADER}.py": Path(loading.__file__).read_bytes(),
        f"{LOADER}.json": json.dumps(wishes).encode(),
    }
    if path.is_dir() or not path.suffix:
        return _folder(path, version.sha256, files)
    return written("artifacts", {**files, "artifact" + path.suffix: verified(path, version.sha256)})


def _folder(path: Path, sha256: str, files: dict[str, bytes]) -> Path:
    """As one file is, with the whole folder as `artifact`."""
    found = tree_digest(path)
    if found != sha256:
        raise HarnessError(
            f"digest mismatch: expected {sha256[:12]}, got {found[:12]}"
            if path.is_dir()
            else "the model is gone",
            where=str(path),
            hint="the folder changed since it was resolved: find out who wrote into it",
            code="E46" if path.is_dir() else "E47",
            exit=Exit.STORE,
        )
    whole = digest(
        {"artifact": sha256, **{name: hashlib.sha256(text).hexdigest() for name, text in files.items()}}
    )

    def usable(place: Path) -> bool:
        names = {item.name for item in place.iterdir()} if place.is_dir() else set()
        return (
            names == {"artifact", *files}
            and tree_digest(place / "artifact") == sha256
            and all((place / name).read_bytes() == content for name, content in files.items())
        )

    def make(beside: Path) -> None:
        shutil.copytree(path, beside / "artifact", ignore=shutil.ignore_patterns("__pycache__"))
        for name, content in files.items():
            (beside / name).write_bytes(content)

    return made(cache_folder() / "artifacts" / whole[:32], usable, make)


def tree_digest(folder: Path) -> str:
    """sha256 over the names and contents of all files in a folder. HarnessError E54 for a link that leads out of it."""
    inside, names = folder.resolve(), {}
    for path in sorted(folder.rglob("*")):
        if not path.resolve().is_relative_to(inside):
            raise HarnessError(
                f"refused: {path.relative_to(folder)} leads out of the model's folder",
                where=str(folder),
                hint="do not use this folder; find out who made it",
                code="E54",
                exit=Exit.REFUSED,
            )
        if path.is_file() and "__pycache__" not in path.parts:
            names[str(path.relative_to(folder))] = _file_digest(path)
    return digest(names)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
