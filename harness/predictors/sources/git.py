"""`git:REF` and `git:REF#SUBDIR`: the package as it was at that commit."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

from harness import files
from harness.errors import HarnessError, did_you_mean
from harness.predictors.cache import cache_folder, made
from harness.predictors.sources.python import PlainWheel, build, is_package
from harness.settings import Profile, Settings
from harness.versions.manifest import digest
from harness.versions.version import Version
from harness.versions.wheel import has_manifest, interpreter_of, version_of

_ASKS_GIT = re.compile(
    r"setuptools[-_]scm|setuptools[-_]git|hatch-vcs|versioningit|versioneer|dunamai|\bpbr\b"
)


NAMED = 50
"""Files of a commit, at most, among which a guess at a misspelt one is made; refs that are listed at most."""


class GitSource:
    """A ref, `last-tag` (the newest tag below HEAD) or `merge-base(REF)`; after # a folder of the repository."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The version package of that commit."""
        return self.resolve_under(spec, settings, Profile())

    def resolve_under(self, spec: str, settings: Settings, profile: Profile) -> Version:
        """The package of that commit: archived, built and locked once."""
        root = Path(_git(settings.root, "rev-parse", "--show-toplevel").strip())
        ref, _, inner = spec.partition("#")
        commit = commit_of(root, ref)
        wheel = _wheel(root, commit, inner, spec, profile)
        why = f"{ref} is commit {commit[:12]}"
        if has_manifest(wheel):
            return version_of(wheel, why=why, profile=profile)
        found = PlainWheel().of(wheel, why, settings, profile)
        return replace(found, spec=f"git:{spec}")


def commit_of(root: Path, ref: str) -> str:
    """The commit behind a ref, `last-tag` or `merge-base(REF)`. HarnessError with a guess where git knows none."""
    if ref == "last-tag":
        return _last_tag(root)
    between = re.fullmatch(r"merge-base\((.+)\)", ref)
    if between:
        other = commit_of(root, between[1])
        try:
            return _git(root, "merge-base", "HEAD", other).strip()
        except HarnessError:
            raise HarnessError(
                f"HEAD and {between[1]} have no commit in common here",
                where=str(root),
                hint="a shallow clone lacks it: git fetch --unshallow (in a workflow, fetch-depth: 0)",
            ) from None
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except HarnessError:
        names = _git(root, "for-each-ref", "--format=%(refname:short)").split()
        raise HarnessError(
            f'git knows no "{ref}"',
            where=str(root),
            hint=_near(ref, names) + "; a shallow clone lacks what was not fetched",
            code="E48",
        ) from None


def _near(ref: str, names: list[str]) -> str:
    """A guess at a misspelt ref. Of many that are none of them near, their number alone."""
    guess = did_you_mean(ref, [*names, "last-tag"])
    many = len(names) > NAMED and guess.startswith("known: ")
    return f"git for-each-ref lists the {len(names)} that it knows" if many else guess


def file_at(folder: Path, commit: str, path: str) -> bytes:
    """What a file held at a commit; `path` is relative to `folder`, which lies in the repository."""
    found = _git(folder, "ls-tree", "-z", commit, "--", path).split(" ", 1)[0]
    if not found.startswith("100"):
        names = _git(folder, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
        near = [name for name in names if name and name.endswith(Path(path).suffix)]
        raise HarnessError(
            f"{path} is a link or a folder at commit {commit[:12]}"
            if found
            else f"commit {commit[:12]} has no file {path}",
            where=str(folder),
            hint=(
                did_you_mean(path, near)
                if len(near) <= NAMED
                else f"git ls-tree -r {commit[:12]} lists its files"
            )
            + "; the path is relative to the configuration file",
        )
    return _run(folder, "cat-file", "blob", f"{commit}:./{path}")


def _last_tag(root: Path) -> str:
    """The newest tag that HEAD came after: its own counts only while the working copy differs from it."""
    clean = not _git(root, "status", "--porcelain", "--untracked-files=no").strip()
    at_head = _git(root, "tag", "--points-at", "HEAD").strip()
    start = "HEAD^" if clean and at_head else "HEAD"
    try:
        tag = _git(root, "describe", "--tags", "--abbrev=0", start).strip()
    except HarnessError:
        raise HarnessError(
            "there is no tag before this commit",
            where=str(root),
            hint="git tag NAME COMMIT, or name a commit: git:REF; a shallow clone may lack its tags (git fetch --tags)",
            code="E48",
        ) from None
    return _git(root, "rev-parse", "--verify", f"refs/tags/{tag}^{{commit}}").strip()


def _wheel(root: Path, commit: str, inner: str, spec: str, profile: Profile) -> Path:
    key = digest({"commit": commit, "folder": inner, "interpreter": interpreter_of(profile)})[:32]

    def make(beside: Path) -> None:
        wheel = _built(root, commit, inner, spec, profile)
        files.write_atomic(beside / wheel.name, wheel.read_bytes())

    folder = made(cache_folder() / "commits" / key, lambda place: bool(list(place.glob("*.whl"))), make)
    return next(iter(folder.glob("*.whl")))


def _built(root: Path, commit: str, inner: str, spec: str, profile: Profile) -> Path:
    variables = {"SOURCE_DATE_EPOCH": _git(root, "show", "-s", "--format=%ct", commit).strip()}
    with tempfile.TemporaryDirectory(prefix="harness-commit-") as scratch:
        tree = Path(scratch, "tree")
        with tarfile.open(fileobj=io.BytesIO(_archive(root, commit))) as archive:
            archive.extractall(tree, filter="data")
        folder = _inside(tree, inner, spec)
        if not _asks_git(folder):
            try:
                return build(folder, profile.python, variables)
            except HarnessError as error:
                failed = error
        else:
            failed = None
        clone = Path(scratch, "clone")
        _git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(clone))
        _git(clone, "checkout", "--quiet", "--detach", commit)
        try:
            return build(_inside(clone, inner, spec), profile.python, variables)
        except HarnessError as error:
            raise failed or error from None


def _inside(tree: Path, inner: str, spec: str) -> Path:
    folder = (tree / inner).resolve()
    if not folder.is_relative_to(tree.resolve()) or not folder.is_dir():
        raise HarnessError(
            f"git:{spec} has no folder {inner}",
            where=f"git:{spec}",
            hint="git:REF#FOLDER, from the repository's root",
        )
    if not is_package(folder):
        trains = any(
            re.search(r"(?m)^\s*training\s*=", path.read_text(encoding="utf-8", errors="replace"))
            for path in (folder / "harness.toml", folder / "pyproject.toml")
            if path.is_file()
        )
        raise HarnessError(
            "that commit holds a training configuration and no package: a model is not trained again to be compared"
            if trains
            else "that commit holds no Python package: neither a build system or project, nor setup.py",
            where=f"git:{spec}",
            hint="name a release of the store, or a wheel that was kept"
            if trains
            else "name the package's folder: git:REF#FOLDER",
        )
    return folder


def _asks_git(folder: Path) -> bool:
    """Whether its build takes version or files from git: from an archive it would quietly make another package."""
    return any(
        _ASKS_GIT.search((folder / name).read_text(encoding="utf-8", errors="replace"))
        for name in ("pyproject.toml", "setup.py", "setup.cfg")
        if (folder / name).is_file()
    )


def _archive(root: Path, commit: str) -> bytes:
    return _run(root, "archive", "--format=tar", commit)


def _git(folder: Path, *arguments: str) -> str:
    return _run(folder, *arguments).decode("utf-8", "replace")


def _run(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except OSError as error:
        raise HarnessError(
            f"git does not run: {error.strerror}", where=str(folder), hint="install git"
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise HarnessError(
            f"git {arguments[0]} failed: {said[-1] if said else f'code {done.returncode}'}",
            where=str(folder),
            hint="a version git:REF needs a repository with that commit in it",
        )
    return done.stdout
