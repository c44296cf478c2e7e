"""`harness reproduce`: a version is made again from what it carries, and its answers are held against the first ones.

A version that `harness train` wrote carries its configuration and its lock; the table is found by the digest in its
manifest. What differs between two versions is taken apart by versions that differ in one thing alone.
"""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import versions
from harness.errors import Exit, HarnessError
from harness.run import acts
from harness.run.apart import Apart, apart_of
from harness.run.train import TRAINING, train
from harness.settings import Settings
from harness.versions.version import Version
from harness.versions.wheel import version_of

FACTORS = ("data", "configuration", "libraries")


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A version that was made again: the files that are not the same to the byte, how far the answers lie apart
    where there are such, and what else is not as it was."""

    version: Version
    again: Version
    files: tuple[str, ...]
    apart: Apart
    around: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Equal to the byte, or in every answer."""
        return not self.files or not self.apart.differ

    def within(self, ulps: int) -> bool:
        """Equal, or no answer further apart."""
        return self.same or self.apart.ulps <= ulps


@dataclass(frozen=True, slots=True)
class Cause:
    """What one factor does alone: the first version with this of the second."""

    factor: str
    apart: Apart


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What a version is made from."""

    configuration: Path
    lock: Path
    data: Path | None
    data_sha256: str


def reproduce(
    settings: Settings, spec: str, data: Path | None, folder: Path, say: Callable[[str], None]
) -> Reproduced:
    """Make the version of `spec` again in the environment of its lock, in `folder`, and compare.

    Raises HarnessError for a version that does not carry its configuration, and for a table that is not found (E47).
    """
    version = versions.resolve(spec, settings, "baseline")
    recipe = _recipe(version, settings, data, folder / "first")
    again = _made(recipe, folder / "again", say)
    assert version.manifest is not None
    assert again.manifest is not None
    old, new = version.manifest.files, again.manifest.files
    files = tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))
    apart = apart_of(version, again, settings, say) if files else Apart(0, 0.0, 0.0, 0.0)
    return Reproduced(version, again, files, apart, tuple(_around(version, again)))


def note(folder: Path, done: Reproduced, ulps: int) -> None:
    """Note below the reports' folder that the version was made again, and how near it came."""
    if done.version.sha256:
        how = "to the byte" if not done.files else f"its answers: {done.apart.words()}"
        about = {"wheels": [done.version.sha256], "passed": done.within(ulps), "how": how}
        acts.note(folder, "reproduce", about)


def causes(
    settings: Settings,
    first: str,
    second: str,
    data: tuple[Path | None, Path | None],
    folder: Path,
    say: Callable[[str], None],
) -> Iterator[Cause]:
    """What each thing that differs between two versions does alone, then all of it. The old model under the new
    libraries is a factor of its own: what they do without a new fit."""
    one = versions.resolve(first, settings, "baseline")
    two = versions.resolve(second, settings, "candidate")
    old = _recipe(one, settings, data[0], folder / "first")
    new = _recipe(two, settings, data[1], folder / "second")
    differ = {
        "data": old.data_sha256 != new.data_sha256,
        "configuration": _digest(old.configuration) != _digest(new.configuration),
        "libraries": one.lock != two.lock,
    }
    if differ["libraries"]:
        yield Cause("libraries, without a new fit", apart_of(one, replace(one, lock=two.lock), settings, say))
    for factor in (name for name in FACTORS if differ[name]):
        mixed = _Recipe(
            new.configuration if factor == "configuration" else old.configuration,
            new.lock if factor == "libraries" else old.lock,
            new.data if factor == "data" else old.data,
            new.data_sha256 if factor == "data" else old.data_sha256,
        )
        made = _made(mixed, folder / f"with-{factor}", say)
        yield Cause(f"{factor} alone", apart_of(one, made, settings, say))
    yield Cause("everything", apart_of(one, two, settings, say))


def _recipe(version: Version, settings: Settings, data: Path | None, folder: Path) -> _Recipe:
    manifest = version.manifest
    text = _carried(version)
    if manifest is None or text is None:
        raise HarnessError(
            f"{version.title} does not carry the configuration that it was trained with",
            where=version.location,
            hint="versions that harness train writes do; train it again, or name another version",
        )
    folder.mkdir(parents=True)
    configuration, lock = folder / "training.toml", folder / "training.lock"
    configuration.write_bytes(text)
    lock.write_text(version.lock, encoding="utf-8")
    said = TRAINING["configuration"](configuration)
    if said.sha256 != manifest.configuration.get("sha256"):
        raise HarnessError(
            "the configuration in the wheel is not the one of the manifest",
            where=version.location,
            hint="the file was changed, or another harness digests it otherwise: find out who wrote it",
            code="E46",
            exit=Exit.STORE,
        )
    sha256 = str(manifest.data.get("sha256", ""))
    table = None if said.data.bundled else _table(said.data.path, sha256, version, settings, data, folder)
    return _Recipe(configuration, lock, table, sha256)


def _carried(version: Version) -> bytes | None:
    try:
        with zipfile.ZipFile(version.location) as archive:
            names = [name for name in archive.namelist() if name.endswith(".dist-info/training.toml")]
            return archive.read(names[0]) if len(names) == 1 else None
    except (OSError, zipfile.BadZipFile):
        return None


def _table(
    written: str, sha256: str, version: Version, settings: Settings, named: Path | None, folder: Path
) -> Path:
    """The table of a digest: the named file, or a snapshot, or the configured file, or that of the version's commit."""
    home = (settings.root / settings.training).parent
    tried = [named] if named else [*sorted((home / "snapshots").glob(f"{sha256}.*")), home / written]
    for path in tried:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path.absolute()
    commit = str(version.manifest.code.get("commit", "")) if version.manifest else ""
    content = b"" if named or not commit or not written else _committed(home, commit, written)
    if content and hashlib.sha256(content).hexdigest() == sha256:
        path = folder / Path(written).name
        path.write_bytes(content)
        return path
    raise HarnessError(
        f"the table that {version.title} was trained on is not here: sha256 {sha256[:12]}…",
        where=", ".join(str(path) for path in tried) + (f", commit {commit[:12]}" if commit else ""),
        hint="name it with --data FILE; tables are kept by digest where [data] names snapshots",
        code="E47",
        exit=Exit.STORE,
    )


def _committed(home: Path, commit: str, written: str) -> bytes:
    done = subprocess.run(
        ["git", "show", f"{commit}:./{written}"], cwd=home, capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 else b""


def _made(recipe: _Recipe, out: Path, say: Callable[[str], None]) -> Version:
    made = train(recipe.configuration, out, say, data=recipe.data, lock=recipe.lock)
    return version_of(made.wheel, why="made again")


def _around(version: Version, again: Version) -> Iterator[str]:
    """What is not as it was when the version was made."""
    old, new = version.manifest, again.manifest
    assert old is not None
    assert new is not None
    pairs: list[tuple[str, Any, Any]] = [
        ("data", old.data.get("sha256"), new.data.get("sha256")),
        ("configuration", old.configuration.get("sha256"), new.configuration.get("sha256")),
        ("lock", old.lock.get("sha256"), new.lock.get("sha256")),
        ("Python", old.python, new.python),
        ("processor", old.machine, new.machine),
        ("harness", old.code.get("harness"), new.code.get("harness")),
        *(
            (name, old.libraries.get(name), new.libraries.get(name))
            for name in sorted(old.libraries.keys() | new.libraries.keys())
        ),
        ("threads and kernels", _kernels(old.evaluation), _kernels(new.evaluation)),
    ]
    for name, before, after in pairs:
        if before != after:
            yield f"{name}: {_said(before)} → {_said(after)}"


def _kernels(evaluation: Mapping[str, Any]) -> str | None:
    pools = evaluation.get("threads")
    return pools and "; ".join(" ".join(str(value) for value in pool.values()) for pool in pools)


def _said(value: Any) -> str:
    return "unknown" if value is None else str(value)[:60]


def _digest(configuration: Path) -> str:
    digest: str = TRAINING["configuration"](configuration).sha256
    return digest
