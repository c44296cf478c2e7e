"""Which code a verdict is about: commit and git tree of the working copy, uncommitted changes included."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import Exit, HarnessError

_LINK = "160000"
_NONE = "not a git repository (or any"
_POINTERS = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    }
)
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_IGNORED = "The following paths are ignored by one of your .gitignore files"


@dataclass(frozen=True, slots=True)
class Tree:
    """`tree` is the id that `git write-tree` would give the working copy (ignored files left out); both ids are
    empty outside a git repository. Where a submodule differs from its commit, its own tree is digested in as well.
    `entries` are the files by path: mode and id of what is in them."""

    commit: str = ""
    tree: str = ""
    dirty: bool = False
    entries: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def changed_since(self, before: Tree) -> list[str]:
        """Files of `before` that are gone or others now. A new one is no change: runs write files."""
        if before.tree == self.tree:
            return []
        changed = [path for path, entry in before.entries.items() if self.entries.get(path) != entry]
        return sorted(changed) or (["the commit"] if before.commit != self.commit else [])


def tree_of(root: Path, reports: Path | None = None) -> Tree:
    """The tree of the repository that `root` lies in. The folder `reports` counts as it was committed, since the
    verdict itself is written there. Writes nothing into the repository: index and objects go elsewhere.

    Raises HarnessError where git cannot say what the working copy holds: a tree that leaves something out would
    bind a verdict to less than was compared.
    """
    top = _top(root)
    if top is None:
        return Tree()
    commit = _commit(root)
    objects = (root / _git(root, "rev-parse", "--git-path", "objects")).resolve()
    with _scratch(root) as scratch:
        environment = {
            "GIT_INDEX_FILE": str(Path(scratch, "index")),
            "GIT_OBJECT_DIRECTORY": scratch,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
        }
        paths = ["."]
        if reports is not None and reports.resolve().is_relative_to(top.resolve()):
            paths.append(f":(exclude,top){reports.resolve().relative_to(top.resolve())}")
        # an index of its own, without stat data: those of the real one could hide a change
        if commit:
            _git(top, "read-tree", "HEAD", **environment)
        _git(top, "add", "--all", "--", *paths, **environment)
        tree = _id(_git(top, "write-tree", **environment), "write-tree", top)
        listed = _git(top, "ls-files", "--stage", "-z", **environment)
    entries = {}
    for line in filter(None, listed.split("\0")):
        said, _, path = line.partition("\t")
        entries[path] = said
    inner = _inner(top, entries)
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{tree}") if commit else ""
    if inner:
        tree = hashlib.sha256(json.dumps([tree, inner], sort_keys=True).encode()).hexdigest()
    return Tree(commit, tree, tree != head, entries | inner)


def commit_of(root: Path) -> str:
    """The commit that is checked out; nothing outside a repository, or before its first commit."""
    return _commit(root) if _top(root) is not None else ""


def _inner(top: Path, entries: Mapping[str, str]) -> dict[str, str]:
    """Repositories in the repository (submodules, clones) whose files are not those of their commit: git itself
    notes their commit alone."""
    found = {}
    for path, said in entries.items():
        if said.startswith(_LINK) and (top / path / ".git").exists():
            tree = tree_of(top / path)
            if tree.dirty:
                found[path] = tree.tree
    return found


def _top(root: Path) -> Path | None:
    try:
        top = Path(_git(root, "rev-parse", "--show-toplevel"))
    except _NoRepository:
        return None
    if not root.resolve().is_relative_to(top.resolve()) or not top.is_absolute():
        raise _unsure("rev-parse", f'it names "{top}" as the top of this folder', root)
    return top


def _commit(root: Path) -> str:
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    except HarnessError:
        # a repository before its first commit; whatever else is wrong with it stops the next command
        return ""
    return _id(commit, "rev-parse", root)


def _id(said: str, command: str, folder: Path) -> str:
    """What git printed, if it is the name of an object: whatever else is first in PATH prints anything."""
    if not _ID.fullmatch(said):
        raise _unsure(command, f'it answers "{said[:60]}", which is no object', folder)
    return said


def _surroundings() -> dict[str, str]:
    """Ours without what points git elsewhere: in a git hook these variables name a repository or an index, and the
    verdict is about the working copy that the configuration lies in."""
    return {name: value for name, value in os.environ.items() if name not in _POINTERS}


@contextlib.contextmanager
def _scratch(root: Path) -> Iterator[str]:
    try:
        folder = tempfile.mkdtemp(prefix="harness-tree-")
    except OSError as error:
        raise _unsure("add", f"no temporary folder: {error.strerror or error}", root) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _NoRepository(Exception):
    """There is no repository here, nor above."""


def _git(folder: Path, *arguments: str, **environment: str) -> str:
    """The command's output, stripped. Raises _NoRepository, or HarnessError with what git says."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**_surroundings(), "LC_ALL": "C", **environment},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except OSError as error:
        if not _below_one(folder):
            raise _NoRepository from None
        raise _unsure(arguments[0], f"git cannot be run: {error.strerror}", folder) from None
    if done.returncode:
        if _NONE in done.stderr and not _below_one(folder):
            raise _NoRepository
        said = [line for line in done.stderr.splitlines() if line.startswith(("error:", "fatal:"))]
        if done.returncode == 1 and not said and done.stderr.startswith(_IGNORED):
            # git complains that what is to be left out is ignored anyway; everything else was added
            return done.stdout.strip()
        raise _unsure(arguments[0], (said or [f"code {done.returncode}"])[0], folder)
    return done.stdout.strip()


def _below_one(folder: Path) -> bool:
    """Whether somebody meant this to be a repository, be it one that git does not take for one."""
    return any((above / ".git").exists() for above in (folder.resolve(), *folder.resolve().parents))


def _unsure(command: str, said: str, folder: Path) -> HarnessError:
    said = said.removeprefix("error: ").removeprefix("fatal: ")
    return HarnessError(
        f"git {command} cannot say what the working copy holds: {said}",
        where=str(folder),
        hint="mend that, or put what git cannot add into .gitignore; a verdict is bound to the whole working copy",
        code="E17",
        exit=Exit.INCONCLUSIVE,
    )
