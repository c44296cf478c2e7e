"""Which code a verdict is about: commit and git tree of the working copy, uncommitted changes included."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tree:
    """`tree` is the id that `git write-tree` would give the working copy (ignored files left out); both ids are
    empty outside a git repository."""

    commit: str = ""
    tree: str = ""
    dirty: bool = False


def tree_of(root: Path, reports: Path | None = None) -> Tree:
    """The tree of the repository that `root` lies in. The folder `reports` counts as it was committed, since the
    verdict itself is written there. Writes nothing into the repository: index and objects go elsewhere."""
    top = _git(root, "rev-parse", "--show-toplevel")
    if not top:
        return Tree()
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    objects = _git(root, "rev-parse", "--git-path", "objects")
    with tempfile.TemporaryDirectory(prefix="harness-tree-") as scratch:
        environment = {
            "GIT_INDEX_FILE": str(Path(scratch, "index")),
            "GIT_OBJECT_DIRECTORY": scratch,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((root / objects).resolve()),
        }
        paths = ["."]
        if reports is not None and reports.resolve().is_relative_to(Path(top).resolve()):
            paths.append(f":(exclude,top){reports.resolve().relative_to(Path(top).resolve())}")
        # an index of its own, without stat data: those of the real one could hide a change
        if commit:
            _git(Path(top), "read-tree", "HEAD", **environment)
        _git(Path(top), "add", "--all", "--", *paths, **environment)
        tree = _git(Path(top), "write-tree", **environment)
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{tree}") if commit else ""
    return Tree(commit, tree, tree != head)


def _git(folder: Path, *arguments: str, **environment: str) -> str:
    """The command's output, or nothing where git or the repository is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
