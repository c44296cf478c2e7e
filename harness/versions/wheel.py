"""Version packages: wheels with a manifest, named by a path or by the project that built them."""

from __future__ import annotations

import glob
import hashlib
import platform
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError
from harness.registry import Registry
from harness.settings import Profile, Settings
from harness.versions import manifest as manifests
from harness.versions.manifest import Manifest
from harness.versions.version import Version


class WheelSource:
    """`wheel:PATH`, or a path that ends with .whl; a glob must match exactly one file."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The version in that wheel."""
        return self.resolve_under(spec, settings, Profile())

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The version in that wheel, which needs a profile with an entry where it has no manifest."""
        found = sorted(glob.glob(str(settings.root / spec)))
        if len(found) != 1:
            raise HarnessError(
                f"no wheel {spec}" if not found else f"{len(found)} wheels match {spec}",
                where=str(settings.root),
                hint="name one wheel; the path is relative to the configuration file"
                if not found
                else "name one of " + ", ".join(Path(name).name for name in found[:5]),
            )
        return _package(Path(found[0]), "named by its path", settings, profile)


class ProjectSource:
    """`project:FOLDER`: the one wheel in the project's dist folder, as `harness train` leaves it there."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The version that the project has built."""
        return self.resolve_under(spec, settings, Profile())

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The version that the project has built; where there is none and the profile names an entry, it is built
        by its own build backend."""
        dist = settings.root / (spec or ".") / "dist"
        found = sorted(dist.glob("*.whl"))
        if not found and profile.entry:
            return PLAIN["project"]().built(dist.parent, settings, profile)  # type: ignore[no-any-return]
        if not found:
            raise HarnessError(
                "the candidate is not built: no wheel in dist",
                where=str(dist),
                hint="run harness train, or name another candidate with --compare-candidate",
            )
        if len(found) > 1:
            raise HarnessError(
                f"{len(found)} wheels in dist: which one is the candidate?",
                where=str(dist),
                hint="remove all but one, or name it: --compare-candidate=wheel:dist/" + found[-1].name,
            )
        return _package(found[0], "the project's own build", settings, profile)


PLAIN: Registry[Any] = Registry(
    "source of plain packages",
    {
        # they need uv, which stands above this room
        "wheel": "harness.predictors.sources.python:PlainWheel",
        "project": "harness.predictors.sources.python:PlainProject",
    },
)
"""What installs packages that have no manifest."""


def has_manifest(path: Path) -> bool:
    """Whether a wheel is a version package. What cannot be read counts as one: reading it says what is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(n.count("/") == 1 and n.endswith("/" + manifests.FILE) for n in archive.namelist())
    except (OSError, zipfile.BadZipFile, ValueError):
        return True


def _package(path: Path, why: str, settings: Settings, profile: Profile) -> Version:
    if profile.entry and not has_manifest(path):
        return PLAIN["wheel"]().of(path, why, settings, profile)  # type: ignore[no-any-return]
    return version_of(path, why=why)


def version_of(path: Path, *, why: str, expected: str = "", profile: Profile | None = None) -> Version:
    """The version in a wheel, its digests verified; `expected` is the sha256 that the file must have."""
    profile = profile or Profile()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"the wheel cannot be read: {error.strerror}",
            where=str(path),
            hint="name a wheel",
            exit=Exit.STORE,
        ) from None
    sha256 = hashlib.sha256(content).hexdigest()
    if expected and sha256 != expected:
        raise HarnessError(
            f"digest mismatch: expected {expected[:12]}, got {sha256[:12]}",
            where=str(path),
            hint="the file was changed or damaged: restore it from git, and find out who wrote it",
            code="E46",
            exit=Exit.STORE,
        )
    manifest, lock = read(path)
    return Version(
        spec=str(path),
        kind="package",
        name=manifest.name,
        version=manifest.version,
        location=str(path),
        why=why,
        sha256=sha256,
        lock=lock,
        manifest=manifest,
        profile=profile,
        interpreter=interpreter_of(profile),
    )


def read(path: Path) -> tuple[Manifest, str]:
    """Manifest and lock file of a version package. Every file must be listed with its digest, and no other be
    there; raises HarnessError E46 where that is not so."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(set(names)) != len(names):
                raise ValueError("a name stands in it twice")
            content = {
                name: archive.read(name)
                for name in names
                if not name.partition("/")[0].endswith(".dist-info")
            }
    # an encrypted member is a RuntimeError, an unknown compression a NotImplementedError
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise HarnessError(
            f"the wheel cannot be read: {error}",
            where=str(path),
            hint="it is damaged or no wheel: build it again",
            code="E46",
            exit=Exit.STORE,
        ) from None
    places = [name for name in content if name.count("/") == 1 and name.endswith("/" + manifests.FILE)]
    if len(places) != 1:
        raise HarnessError(
            f"no version package: {len(places)} files manifest.json in the wheel's packages",
            where=str(path),
            hint="a version package holds one import package with a manifest (docs/version-package.md); a plain "
            "package needs a version profile that names its entry",
        )
    where = f"{path.name}: {places[0]}"
    manifest = Manifest.parse(content.pop(places[0]), where)
    _verify(manifest, content, path)
    try:
        return manifest, content[manifest.lock["file"]].decode("utf-8")
    except UnicodeDecodeError as error:
        raise HarnessError(
            f"the lock file is no text: {error}", where=where, hint="build the package again", exit=Exit.STORE
        ) from None


def _verify(manifest: Manifest, content: dict[str, bytes], path: Path) -> None:
    def wrong(words: str) -> HarnessError:
        return HarnessError(
            words, where=str(path), hint="build the package again", code="E46", exit=Exit.STORE
        )

    for name in sorted(set(content) ^ set(manifest.files)):
        raise wrong(f"{name} is {'not in the manifest' if name in content else 'missing from the wheel'}")
    for name, expected in manifest.files.items():
        found = hashlib.sha256(content[name]).hexdigest()
        if found != expected:
            raise wrong(f"digest mismatch of {name}: expected {expected[:12]}, got {found[:12]}")
    lock = manifest.lock.get("file", "")
    if lock not in manifest.files or manifest.files[lock] != manifest.lock.get("sha256"):
        raise wrong("the manifest's lock file is not the one in the package")


def interpreter_of(profile: Profile) -> str:
    """What of the interpreter belongs to a version's identity: `cpython-3.11`."""
    wanted = profile.python
    if not wanted:
        return f"{sys.implementation.name}-{sys.version_info[0]}.{sys.version_info[1]}"
    if "/" not in wanted:
        return f"{platform.python_implementation().lower()}-" + ".".join(wanted.split(".")[:2])
    code = "import sys; print('%s-%d.%d' % (sys.implementation.name, *sys.version_info[:2]))"
    try:
        done = subprocess.run([wanted, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise HarnessError(
            f"{wanted} is no Python that runs",
            where=f"version profile {profile.name}",
            hint="name a version such as 3.11, or the path of an interpreter",
            code="E08",
            exit=Exit.INCONCLUSIVE,
        ) from None
    return done.stdout.strip()
