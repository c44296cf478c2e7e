"""`harness verify`: the separate CI step that reads the verdict and believes nothing else.

It demands PASS, every case accounted for, this git tree, these rules, and the very candidate that was judged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import __version__, reporting, versions
from harness.errors import Exit, HarnessError
from harness.run import tombstone
from harness.run.plan import rules_digest
from harness.run.tree import tree_of
from harness.settings import Settings
from harness.versions.version import Version


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
    _accounted(verdict, place)
    if change is not None and verdict["change"] != change:
        raise _refused("E17", f"the verdict is for a {verdict['change']}, not a {change}", place)
    _same_code(settings, folder, verdict, place)
    _same_report(folder, verdict, place)
    if verdict["rules_digest"] != rules_digest(settings):
        raise _refused("E17", "the rules have changed since the verdict", place)
    if verdict["harness"] != __version__:
        raise _refused("E17", f"the verdict is of harness {verdict['harness']}, this is {__version__}", place)
    baseline = versions.resolve(verdict["baseline"]["spec"], settings, "baseline")
    candidate = versions.resolve(verdict["candidate"]["spec"], settings, "candidate")
    for side, version in (("baseline", baseline), ("candidate", candidate)):
        judged = verdict[side]["digest"]
        if version.digest != judged:
            raise _refused(
                "E17", f"the verdict is for {side} {judged[:12]}, not {version.digest[:12]}", version.location
            )
    return verdict, candidate


def _accounted(verdict: dict[str, Any], place: str) -> None:
    accounting = verdict["accounting"]
    parts = sum(count for name, count in accounting.items() if name != "planned")
    if not accounting["planned"] or parts != accounting["planned"] or accounting["not_reached"]:
        raise _refused("E11", f"partial run: {accounting['compared']} of {accounting['planned']}", place)


def _same_code(settings: Settings, folder: Path, verdict: dict[str, Any], place: str) -> None:
    now = tree_of(settings.root, folder)
    if verdict["tree"] != now.tree:
        old, new = verdict["tree"][:12] or "no tree", now.tree[:12] or "no tree"
        raise _refused("E17", f"the verdict is for tree {old}, not {new}", place)


def _same_report(folder: Path, verdict: dict[str, Any], place: str) -> None:
    record = reporting.read(folder)
    if any(verdict.get(name) != value for name, value in reporting.summary(record).items()):
        raise _refused("E17", "the report is of another run than the verdict", place)


def _refused(code: str, words: str, place: str) -> HarnessError:
    return HarnessError(
        words,
        where=place,
        hint="run pytest --compare-to=previous -m differential again on this tree",
        code=code,
        exit=Exit.INCONCLUSIVE,
    )
