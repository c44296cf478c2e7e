"""Python packages without a manifest: from an index, from a wheel, or from a project that builds itself."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from harness import files
from harness.errors import Exit, HarnessError
from harness.predictors import environments
from harness.predictors.cache import cache_folder
from harness.predictors.sources.locking import lock, requirements_of
from harness.settings import Profile, Settings
from harness.versions.manifest import digest
from harness.versions.version import Version
from harness.versions.wheel import interpreter_of

_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[[\w,. -]*\])?==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")


class IndexSource:
    """`pypi:NAME==1.2`: a published package, from the index that pip is configured for."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """As with an empty profile, which names no entry: always an error that says so."""
        return self.resolve_under(spec, settings, Profile())

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The package and all that it needs, locked."""
        found = _PINNED.fullmatch(spec)
        if not found:
            raise HarnessError(
                f"pypi:{spec} names no version of a package",
                where=f"pypi:{spec}",
                hint="pypi:NAME==1.2: a range would be another version tomorrow",
            )
        demand_entry(profile, f"pypi:{spec}")
        text = lock((spec, *requirements_of(profile, settings)), profile.python)
        return Version(
            spec=f"pypi:{spec}",
            kind="python",
            name=found[1],
            version=found[3],
            location="",
            why="a published package, with the lock that was resolved for it",
            lock=text,
            profile=profile,
            interpreter=interpreter_of(profile),
            artifact=f"{found[1]}=={found[3]}",
        )


class PlainWheel:
    """A wheel without a manifest."""

    def of(self, path: Path, why: str, settings: Settings, profile: Profile) -> Version:
        """The package in that wheel, with a lock of what it needs. Its identity is its members, not its bytes: a
        wheel that is built again differs in times alone."""
        demand_entry(profile, str(path))
        content, members = _members(path)
        name, version = path.name.split("-")[:2]
        identity = digest(members)
        wanted = (f"{name} @ {path.resolve().as_uri()}", *requirements_of(profile, settings))
        return Version(
            spec=str(path),
            kind="python",
            name=name.replace("_", "-"),
            version=version,
            location=str(path),
            why=why,
            sha256=hashlib.sha256(content).hexdigest(),
            lock=lock(wanted, profile.python, identity, path),
            profile=profile,
            interpreter=interpreter_of(profile),
            artifact=identity,
        )


class PlainProject:
    """A folder with a package that nobody has built."""

    def built(self, folder: Path, settings: Settings, profile: Profile) -> Version:
        """The package as its own build backend makes it."""
        if not is_package(folder):
            raise HarnessError(
                "no package: neither pyproject.toml with a build system or project, nor setup.py",
                where=str(folder),
                hint="name the folder of a Python package",
            )
        with tempfile.TemporaryDirectory(prefix="harness-project-") as scratch:
            # a build leaves folders behind, and believes what an earlier one left
            copy = Path(scratch, "project")
            shutil.copytree(folder, copy, symlinks=True, ignore=_not_source)
            if (folder / ".git").exists():
                (copy / ".git").symlink_to((folder / ".git").resolve())
            wheel = build(copy, profile.python)
        return PlainWheel().of(wheel, "built by the project's own build backend", settings, profile)


def demand_entry(profile: Profile, where: str) -> None:
    """A plain package does not say what predicts."""
    if not (profile.entry or profile.adapter):
        raise HarnessError(
            "a package without a manifest does not say what predicts",
            where=where,
            hint="give it a version profile: [tool.harness.versions.NAME] with spec and "
            'entry = "package.module:function"',
        )


def _not_source(folder: str, names: list[str]) -> set[str]:
    """What of a project's folder is made, not written: environments, bytecode, what builds leave."""
    top = (
        {"build", "dist"}
        if Path(folder, "pyproject.toml").exists() or Path(folder, "setup.py").exists()
        else set()
    )
    return {
        name
        for name in names
        if name in ("__pycache__", ".git", ".tox", *top)
        or name.endswith(".egg-info")
        or Path(folder, name, "pyvenv.cfg").exists()
    }


def is_package(folder: Path) -> bool:
    """Whether a build backend would know what to do with this folder."""
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        text = ""
    return (folder / "setup.py").is_file() or bool(re.search(r"(?m)^\[(build-system|project)\]", text))


def build(folder: Path, python: str, variables: Mapping[str, str] | None = None) -> Path:
    """Build the package in `folder` under that interpreter; the wheel lies in the cache. Raises HarnessError E08."""
    base = environments.find_interpreter(python)
    with tempfile.TemporaryDirectory(prefix="harness-build-") as scratch:
        environments.run_uv_here(
            "build", "--wheel", "--quiet", "--no-create-gitignore", "--python", base, "--out-dir", scratch,
            str(folder), variables=variables,
        )  # fmt: skip
        (wheel,) = Path(scratch).glob("*.whl")
        content, members = _members(wheel)
        place = cache_folder() / "built" / digest(members)[:32] / wheel.name
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(place, content)
    return place


def _members(path: Path) -> tuple[bytes, dict[str, str]]:
    """A wheel's bytes, and the sha256 of each member but the list of them."""
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith(("/", ".dist-info/RECORD"))]
            if len(set(names)) != len(names):
                raise ValueError("a name stands in it twice")
            return content, {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names}
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, EOFError) as error:
        raise HarnessError(
            f"the wheel cannot be read: {error}",
            where=str(path),
            hint="it is damaged or no wheel: build it again",
            code="E46",
            exit=Exit.STORE,
        ) from None
