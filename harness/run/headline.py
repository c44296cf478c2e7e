"""The sentence that a release manager reads first, by kind of change."""

from __future__ import annotations

from collections.abc import Sequence

from harness.compare.movement import Moved
from harness.compare.verdict import Verdict
from harness.reporting.numbers import number, percent
from harness.run.plan import Plan
from harness.settings import WaiverSettings
from harness.statistics.quality import Quality

WORDS = {"PASS": "MAY BE RELEASED", "FAIL": "DO NOT RELEASE", "INCONCLUSIVE": "CANNOT SAY"}


def headline(
    plan: Plan | None,
    verdict: Verdict,
    quality: Sequence[Quality],
    moved: Sequence[tuple[Moved, float | None]],
    leaned: Sequence[WaiverSettings] = (),
    both_faulted: int = 0,
) -> str:
    """`MAY BE RELEASED: 1.2.0 (retrain) is not worse than 1.1.0: MAE 44.1 → 44.0, limit 46.3. …`"""
    if plan is None or verdict.name != "PASS":
        return f"{WORDS[verdict.name]}: {verdict.reason}"
    if plan.unchanged:
        return f"UNCHANGED: nothing to release: {plan.candidate.title} is {plan.baseline.title}, bit for bit"
    return f"{WORDS['PASS']}: {passed(plan, quality, leaned, both_faulted)}{movement(moved)}"


def passed(
    plan: Plan,
    quality: Sequence[Quality],
    leaned: Sequence[WaiverSettings] = (),
    both_faulted: int = 0,
) -> str:
    """What a PASS says, by kind, with what was not compared since both versions fail there, and with the waivers
    without which it would be none."""
    words = _passed(plan, quality)
    if both_faulted:
        cases = "case" if both_faulted == 1 else "cases"
        words = (
            f"{words.removesuffix('.')}; both versions fail on {both_faulted:,} {cases}, within the budget."
        )
    if not leaned:
        return words
    names = ", ".join(f"{waiver.name} (until {waiver.until})" for waiver in leaned)
    plural = "waivers" if len(leaned) > 1 else "waiver"
    return f"{words.removesuffix('.')}, with {len(leaned)} {plural}: {names}."


def _passed(plan: Plan, quality: Sequence[Quality]) -> str:
    new, old, kind = plan.candidate.title, plan.baseline.title, plan.change.kind
    if kind == "retrain" and quality:
        first = quality[0]
        numbers = f"{first.metric} {number(first.baseline)} → {number(first.candidate)}, limit {number(first.limit)}"
        return f"{new} (retrain) is not worse than {old}: {numbers}."
    if kind == "retrain":
        return f"{new} (retrain) changed no more than declared against {old}."
    return f"{new} ({kind}) equals {old} within its limits."


def movement(moved: Sequence[tuple[Moved, float | None]]) -> str:
    """How much moved, beside what another seed alone moves."""
    compared = sum(one.compared for one, _ in moved)
    count = sum(one.count for one, _ in moved)
    if not compared or not count:
        return ""
    words = f" {percent(count, compared)} of predictions moved by over 1%"
    noise = [share for _, share in moved if share is not None]
    if noise:
        words += f"; another seed alone moves {percent(max(noise)) if any(noise) else 'none'}"
    return words + "."
