"""What a verdict is bound to, beside the git tree: files by sha256, versions, rules, the answers that were judged.

Taken before the first model is asked and once more at the end: what changed in between was judged half the one way
and half the other, which is no verdict. `harness verify` then compares with what there is.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import settings as configuration
from harness import versions
from harness.errors import Exit, HarnessError
from harness.run import extensions
from harness.run.plan import Plan, rules_digest
from harness.run.tree import Tree
from harness.settings import Settings
from harness.versions.manifest import digest
from harness.versions.version import Version

GONE = ""
"""The digest of a file that is not there."""


@dataclass(frozen=True, slots=True)
class Binding:
    """`files` is the sha256 of each by its name in the configuration; `rules` the digest of all that judges."""

    rules: str
    files: Mapping[str, str]
    tree: Tree = field(default_factory=Tree)


def taken(settings: Settings, tree: Tree) -> Binding:
    """The binding as the files stand now."""
    return Binding(rules_digest(settings), digests(settings), tree)


def digests(settings: Settings) -> dict[str, str]:
    """sha256 of the configuration, of every extension module and of every file of a table, ignored by git or not.

    A table of many files is named by its pattern and by each of them, so that one more file is a change too.
    """
    paths = {settings.path.name: settings.path}
    paths |= {name: settings.root / name for name in settings.extensions}
    for item in settings.inputs:
        if item.path:
            for name in sorted(glob.glob(str(settings.root / item.path), recursive=True)):
                absolute = os.path.isabs(item.path)
                paths[name if absolute else os.path.relpath(name, settings.root)] = Path(name)
    return {name: sha256_of(path) for name, path in sorted(paths.items())}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names whose digests differ, those that are gone or new among them."""
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name, GONE) != after.get(name, GONE)
    )


def identity(plan: Plan) -> dict[str, Any]:
    """What a process of a run has judged, and by what: the same in every process of it, or their results are of
    different runs."""
    return {
        "baseline": _identity(plan.baseline),
        "candidate": _identity(plan.candidate),
        "anchor": None if plan.anchor is None else _identity(plan.anchor),
        "rules": digest({"settings": repr(plan.settings), "extensions": extensions.digests(plan.settings)}),
    }


def same_run(found: Any, plan: Plan, source: str) -> HarnessError | None:
    """Why the state of a source that another process left is not of this plan; None: it is."""
    own = identity(plan)
    found = found if isinstance(found, Mapping) else {}
    differing = [name for name, value in own.items() if found.get(name) != value]
    return changed_meanwhile(differing, source) if differing else None


def troubles(plan: Plan, before: Binding, tree: Tree) -> list[HarnessError]:
    """What is not as it was when the run began: versions, rules, files, working copy."""
    settings = plan.settings
    differing: list[str] = []
    try:
        now = taken(settings, tree)
        read = configuration.load(settings.path)
        sides = (("baseline", plan.baseline), ("candidate", plan.candidate), ("anchor", plan.anchor))
        for side, known in sides:
            if known is not None and _identity(versions.resolve(known.spec, settings, side)) != _identity(
                known
            ):
                differing.append(side)
    except (HarnessError, OSError, KeyError, ValueError) as error:
        # gone, or no longer what can be read: that is a change as well
        words = error.message if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
        return [changed_meanwhile([words], settings.path.name)]
    differing += changes(before.files, now.files)
    # the configuration may have changed before its digest was taken, and after it was read
    read = replace(read, candidate=settings.candidate, change=settings.change)
    if not differing and (read != settings or before.rules != now.rules):
        differing.append("the rules")
    for path in tree.changed_since(before.tree):
        if path not in differing:
            differing.append(path)
    return [changed_meanwhile(differing, settings.path.name)] if differing else []


def changed_meanwhile(names: Sequence[str], where: str) -> HarnessError:
    """E17: the run began with one thing and ended with another."""
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return HarnessError(
        f"{names[0]}{more} changed while the run lasted",
        where=where,
        hint="run the comparison again, and change nothing meanwhile; "
        "what runs write over belongs in .gitignore",
        code="E17",
        exit=Exit.INCONCLUSIVE,
    )


def answers_digest(folder: Path) -> str:
    """sha256 of the answers to one source as they were kept, block by block, and of what was measured beside; nothing
    where none were."""
    blocks = sorted((*folder.glob("block-*"), *folder.glob("operations-*.json")))
    return digest({path.name: sha256_of(path) for path in blocks}) if blocks else ""


def of_verdict(plan: Plan, before: Binding) -> dict[str, Any]:
    """What `verdict.json` holds of it."""
    return {
        "channel": plan.settings.channel,
        "files": dict(before.files),
        "answers": {
            source.name: found
            for source in plan.sources
            if (found := answers_digest(plan.work / source.name))
        },
    }


def _identity(version: Version) -> list[str]:
    return [version.digest, version.sha256]


def sha256_of(path: Path) -> str:
    """sha256 of a file, `GONE` where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        return GONE
