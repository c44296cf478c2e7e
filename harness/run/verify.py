"""`harness verify`: the separate CI step that reads the verdict and believes nothing else.

It demands PASS, every case accounted for, this git tree, these files and rules, and the very versions that were judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import __version__, reporting, versions
from harness.errors import Exit, HarnessError
from harness.run import binding, extensions, journal, tombstone
from harness.run.plan import rules_digest
from harness.run.tree import tree_of
from harness.settings import Settings
from harness.versions.version import Version

_TEXTS = (
    "reason",
    "change",
    "model",
    "channel",
    "result_digest",
    "rules_digest",
    "commit",
    "tree",
    "harness",
    "report_sha256",
    "ledger",
    tombstone.SEAL,
)
_OF_VERSIONS = ("spec", "version", "digest", "sha256")
_COUNTS = ("planned", "compared", "not_reached")


def verify(settings: Settings, folder: Path, change: str | None = None) -> tuple[dict[str, Any], Version]:
    """The verdict file and the candidate, if the candidate may be released; HarnessError otherwise."""
    verdict = tombstone.read(folder)
    place = str(folder / tombstone.FILE)
    if verdict.get("verdict") == "INCOMPLETE":
        raise _refused("E09", "run not finished", place)
    if verdict.get("verdict") != "PASS":
        raise HarnessError(
            f"the verdict is {verdict.get('verdict')}: {verdict.get('reason')}",
            where=place,
            hint="only PASS releases",
            exit=Exit.FAIL if verdict.get("verdict") == "FAIL" else Exit.INCONCLUSIVE,
        )
    _whole(verdict, place)
    if verdict[tombstone.SEAL] != tombstone.seal(verdict):
        raise _refused("E16", "the verdict file cannot be read: it was altered after it was written", place)
    _accounted(verdict, place)
    for name, asked in (("model", settings.model), ("channel", settings.channel), ("change", change)):
        if asked is not None and verdict[name] != asked:
            raise _refused("E17", f"the verdict is for {name} {verdict[name]}, not {asked}", place)
    _same_code(settings, folder, verdict, place)
    record = _same_report(folder, verdict, place)
    if words := journal.check_noted(folder, verdict):
        raise _refused("E17", words, place)
    if verdict["rules_digest"] != rules_digest(settings):
        raise _refused("E17", "the rules have changed since the verdict", place)
    if verdict["harness"] != __version__:
        raise _refused("E17", f"the verdict is of harness {verdict['harness']}, this is {__version__}", place)
    # only now: they are the modules that were judged with
    extensions.load(settings)
    # a baseline may be asked as the candidate's profile says, whichever candidate that was
    settings = replace(settings, candidate=verdict["candidate"]["spec"])
    _same_version(settings, verdict, "baseline")
    if record["result"].get("anchor") is not None:
        # a store outside of git, or a wheel that git ignores, moves under no tree
        _same_version(settings, record["result"], "anchor")
    return verdict, _same_version(settings, verdict, "candidate")


def _whole(verdict: Mapping[str, Any], place: str) -> None:
    """Every field that is read below is there and of its kind; E16 otherwise."""
    lacking = [name for name in _TEXTS if not isinstance(verdict.get(name), str)]
    for side in ("baseline", "candidate"):
        version = verdict.get(side)
        found = version if isinstance(version, dict) else {}
        lacking += [f"{side}.{name}" for name in _OF_VERSIONS if not isinstance(found.get(name), str)]
    for name in ("files", "answers"):
        table = verdict.get(name)
        if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
            lacking.append(name)
    accounting = verdict.get("accounting")
    counts = accounting if isinstance(accounting, dict) else {}
    lacking += [f"accounting.{name}" for name in _COUNTS if name not in counts]
    lacking += [f"accounting.{name}" for name, count in counts.items() if type(count) is not int]
    if not tombstone.is_run_id(verdict.get("run_id")):
        lacking.append("run_id")
    if lacking:
        raise _refused("E16", f"the verdict file cannot be read: it has no {lacking[0]}", place)


def _accounted(verdict: Mapping[str, Any], place: str) -> None:
    accounting = verdict["accounting"]
    parts = sum(count for name, count in accounting.items() if name != "planned")
    if accounting["planned"] < 1 or parts != accounting["planned"] or accounting["not_reached"]:
        raise _refused("E11", f"partial run: {accounting['compared']} of {accounting['planned']}", place)


def _same_code(settings: Settings, folder: Path, verdict: Mapping[str, Any], place: str) -> None:
    now = tree_of(settings.root, folder)
    if verdict["tree"] != now.tree:
        old, new = verdict["tree"][:12] or "no tree", now.tree[:12] or "no tree"
        raise _refused("E17", f"the verdict is for tree {old}, not {new}", place)
    # the tree leaves out what git ignores, and there is none outside a repository
    changed = binding.changes(verdict["files"], binding.digests(settings))
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise _refused("E17", f"{changed[0]}{more} changed since the verdict", place)


def _same_report(folder: Path, verdict: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    record = reporting.read(folder)
    if verdict["report_sha256"] != binding.sha256_of(folder / reporting.FILE):
        raise _refused("E17", "the report is not the one that was written with the verdict", place)
    if any(verdict.get(name) != value for name, value in reporting.summary(record).items()):
        raise _refused("E17", "the report is of another run than the verdict", place)
    return record


def _same_version(settings: Settings, verdict: Mapping[str, Any], side: str) -> Version:
    judged = verdict[side]
    version = versions.resolve(judged["spec"], settings, side)
    for old, new in ((judged["digest"], version.digest), (judged["sha256"], version.sha256)):
        if old != new:
            raise _refused(
                "E17", f"the verdict is for {side} {old[:12]}, not {new[:12] or 'none'}", version.location
            )
    return version


def _refused(code: str, words: str, place: str) -> HarnessError:
    return HarnessError(
        words,
        where=place,
        hint="run pytest --compare-to=previous -m differential again on this tree",
        code=code,
        exit=Exit.INCONCLUSIVE,
    )
