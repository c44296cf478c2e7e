"""`file:PATH` and `file:PATH@REF`: a model file, with the requirements that its profile states."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness import files
from harness.errors import Exit, HarnessError
from harness.predictors.cache import cache_folder
from harness.predictors.sources.git import commit_of, file_at
from harness.predictors.sources.locking import lock, requirements_of
from harness.settings import Profile, Settings
from harness.versions.version import PICKLES, SKOPS, Version
from harness.versions.wheel import interpreter_of

_LFS = b"version https://git-lfs."


class FileSource:
    """A model of whatever library, opened in the version's own process. A pickle is opened only if the profile lists
    its sha256 in `allow_pickle`, since opening it runs the code that is in it; a file of skops makes no types but those
    that skops or the profile trusts; any other format needs an adapter that opens it."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """As with an empty profile: always an error that says what is needed."""
        return self.resolve_under(spec, settings, Profile())

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The model in that file. Nothing is opened here."""
        name, ref = parted(spec, settings.root)
        path = settings.root / name
        known = (*PICKLES, SKOPS)
        if path.suffix not in known and not profile.adapter:
            raise HarnessError(
                f"unknown kind of model file {path.suffix or path.name}",
                where=f"file:{spec}",
                hint=f"known are {', '.join(known)}; of another kind, the profile names an adapter that opens "
                "harness_artifact.PATH",
            )
        if ref:
            path, content, why = _committed(settings.root, name, ref)
        else:
            content, why = _read(path), "a model file"
        if content.startswith(_LFS):
            raise HarnessError(
                f"{name} is a pointer of Git LFS, and not the model itself",
                where=f"file:{spec}",
                hint="git lfs pull fetches the model of the working copy; that of another commit: git lfs fetch origin "
                "REF, check it out elsewhere, and name that file"
                if ref
                else "git lfs pull fetches it",
            )
        sha256 = hashlib.sha256(content).hexdigest()
        wanted = requirements_of(profile, settings)
        if not wanted:
            raise HarnessError(
                "a model file does not say which libraries it needs",
                where=str(path),
                hint='a version profile states them: requirements = ["scikit-learn==1.5.2", …], or requirements_file',
            )
        if path.suffix in PICKLES:
            demand_allowed(sha256, profile, str(path))
        return Version(
            spec=f"file:{spec}",
            kind="python",
            name=Path(name).stem,
            version="",
            location=str(path),
            why=f"{why}, sha256 {sha256[:12]}",
            sha256=sha256,
            lock=lock(wanted, profile.python),
            profile=profile,
            interpreter=interpreter_of(profile),
            artifact=sha256,
        )


def demand_allowed(sha256: str, profile: Profile, where: str) -> None:
    """Raise HarnessError E54 for a pickle that the profile does not list."""
    if sha256 not in profile.allow_pickle:
        raise HarnessError(
            f"refused: a pickle runs code when it is opened, and nobody allowed {sha256[:12]}",
            where=where,
            hint=f'if you know who made it: allow_pickle = ["{sha256}"] in its version profile',
            code="E54",
            exit=Exit.REFUSED,
        )


def parted(spec: str, root: Path) -> tuple[str, str]:
    """Path and ref. A file that is there under the whole name is meant; else the path ends before the first @ behind
    an ending."""
    if "@" not in spec or (root / spec).is_file():
        return spec, ""
    for place in (place for place, letter in enumerate(spec) if letter == "@"):
        if Path(spec[:place]).suffix:
            return spec[:place], spec[place + 1 :]
    return spec, ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"the model file cannot be read: {error.strerror}",
            where=str(path),
            hint="the path is relative to the configuration file",
        ) from None


def _committed(root: Path, name: str, ref: str) -> tuple[Path, bytes, str]:
    """The file as it was, kept in the cache under its digest; its content; how it was found."""
    commit = commit_of(root, ref)
    content = file_at(root, commit, name)
    path = cache_folder() / "files" / hashlib.sha256(content).hexdigest() / Path(name).name
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, content)
    return path, content, f"a model file at {ref}, commit {commit[:12]}"
