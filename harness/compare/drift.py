"""The drift budget: the candidate beside the anchor, a pinned older release.

Ten releases that each move 0.9% pass a limit of 1% one by one; beside the anchor they have moved 9.4%. A row that one
side alone answers has moved; what both leave unanswered is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from harness.compare.bound import Bound, SourceFacts
from harness.compare.builtin import Drift
from harness.compare.exact import Exact
from harness.compare.rules import Close, Difference, missing
from harness.compare.rules import Exact as Equal
from harness.compare.tally import TOP, Finding, RuleTally, Shift, Tally
from harness.errors import HarnessError
from harness.settings import Settings
from harness.tables import Batch, Bools, Column, Outcome

NAME = "drift"

_UNIT = 1126
"""Sums are whole numbers of 2**-1126: the last place of the smallest double, as `frexp` gives it."""


def bind(settings: Settings, sources: Sequence[SourceFacts]) -> tuple[Bound, ...]:
    """The drift rule on every table. A search is never judged by it: a budget binds to fixed cases."""
    if not settings.anchor:
        return ()
    drift = settings.drift
    rule = Drift(settings.anchor, drift.over, drift.max_share, drift.max_mean_shift)
    tables = [source for source in sources if not source.search]
    if not tables:
        raise HarnessError(
            "drift checked nothing: no input source is a table",
            where=f"{settings.path.name}, anchor",
            hint="add an input source with a path; a search has no budget",
            code="E28",
        )
    return tuple(
        Bound(
            NAME,
            NAME,
            source.name,
            rule,
            # without a limit of its own the share is reported, and cannot fail
            max_violation_rate=1.0 if drift.max_share is None else drift.max_share,
            chosen=f"anchor = {settings.anchor}",
            owner=drift.owner,
            reason=drift.reason,
        )
        for source in tables
    )


def compare_with_anchor(batch: Batch, anchor: Outcome, candidate: Outcome, rule: Drift) -> Tally:
    """What the drift rule sees in one batch, as a tally that adds to that of the comparison itself."""
    n = len(batch)
    either = anchor.answered | candidate.answered
    both = anchor.answered & candidate.answered
    one = either & ~both
    moved, magnitude = one.copy(), np.where(one, np.inf, 0.0)
    outputs = [name for name in anchor.columns if name in candidate.columns]
    gone = [name for name in anchor.columns if name not in candidate.columns] if both.any() else []
    worst = np.zeros(n, int)
    rows = np.flatnonzero(both)
    shifts = {}
    for position, name in enumerate(outputs):
        a, c = anchor.columns[name], candidate.columns[name]
        if len(rows) < n:
            a, c = a.take(rows), c.take(rows)
        seen = moved_beyond(a, c, rule.over)
        larger = rows[seen.magnitude > magnitude[rows]]
        worst[larger] = position
        magnitude[rows] = np.maximum(magnitude[rows], seen.magnitude)
        moved[rows] |= seen.violates
        if {a.kind, c.kind} <= {"float", "int"}:
            shifts[name] = _shift(a, c, seen.magnitude, int(one.sum()))
    if gone:
        moved |= both
        magnitude = np.where(both, np.inf, magnitude)
    tally = RuleTally(
        compared=int(either.sum()),
        violations=int(moved.sum()),
        largest=float(magnitude.max(initial=0.0)),
        outputs=tuple(sorted(outputs)),
        problems={f"output {name} of the anchor is missing": int(both.sum()) for name in sorted(gone)},
        findings=_findings(
            batch, anchor, candidate, moved, magnitude, lambda row: outputs[worst[row]] if outputs else ""
        ),
    )
    return Tally(rules={NAME: tally}, shifts=dict(sorted(shifts.items())))


def moved_beyond(old: Column, new: Column, over: float) -> Difference:
    """Answers that moved: numbers by more than `over` of what they were, all else at all.

    >>> moved_beyond(Column.of(["a", "b"]), Column.of(["a", "c"]), 0.01).violates.tolist()
    [False, True]
    """
    if {old.kind, new.kind} <= {"float", "int"}:
        return Close(rtol=over).judge(old, new)
    return Equal().judge(old, new)


def _findings(
    batch: Batch,
    anchor: Outcome,
    candidate: Outcome,
    moved: Bools,
    magnitude: npt.NDArray[np.float64],
    output: Callable[[int], str],
) -> tuple[Finding, ...]:
    rows = np.flatnonzero(moved)
    first = rows[np.argsort(-magnitude[rows], kind="stable")[:TOP]]
    return tuple(
        sorted(
            Finding(
                rank=(-float(magnitude[row]), batch.start + int(row)),
                key=str(batch.keys[row]),
                output=output(int(row)),
                magnitude=float(magnitude[row]),
                inputs=batch.case(int(row)),
                # in place of the baseline's answer stands the anchor's: the rule says so
                baseline=_answer(anchor, int(row)),
                candidate=_answer(candidate, int(row)),
                target=None if batch.target is None else batch.target.item(int(row)),
            )
            for row in first
        )
    )


def _answer(outcome: Outcome, row: int) -> dict[str, object]:
    if not outcome.answered[row]:
        return {"error": "no answer"}
    return {name: column.item(row) for name, column in outcome.columns.items()}


def _shift(anchor: Column, candidate: Column, apart: npt.NDArray[np.float64], lost: int) -> Shift:
    """`apart` (n,): how far each row lies from the anchor's. What has not moved cancels out, and is not added up."""
    a, c = anchor.values.astype(np.float64), candidate.values.astype(np.float64)
    finite_a, finite_c = (
        np.isfinite(values) & ~missing(column) for values, column in ((a, anchor), (c, candidate))
    )
    use = finite_a & finite_c
    differ = use & (apart != 0)
    return Shift(
        compared=int(use.sum()),
        lost=lost + int((finite_a ^ finite_c).sum()),
        change=exact_sum(c[differ]) - exact_sum(a[differ]),
        size=exact_sum(np.abs(a[use])),
    )


def exact_sum(values: npt.NDArray[np.float64]) -> int:
    """The sum of finite doubles, in units of 2**-1126, without any rounding: the same in every order and chunking.

    >>> exact_sum(np.array([1e16, 1.0, -1e16])) == exact_sum(np.array([1.0]))
    True
    """
    found = Exact.total(values)
    return found.mantissa << (found.exponent + _UNIT)


def relative(shift: Shift) -> float:
    """The shift of the mean as a share of the mean size of the anchor's answers: `mean(c - a) / mean(abs(a))`."""
    if shift.change == 0:
        return 0.0
    if shift.size == 0:
        return float("inf") if shift.change > 0 else float("-inf")
    try:
        return float(Fraction(shift.change, shift.size))
    except OverflowError:
        return float("inf") if shift.change > 0 else float("-inf")


def mean_words(tally: Tally) -> str:
    """`; mean shift +9.37% (prediction)`, the output that shifted most; empty where no output holds numbers."""
    if not tally.shifts:
        return ""
    name, shift = max(tally.shifts.items(), key=lambda item: (abs(relative(item[1])), item[0]))
    return f"; mean shift {relative(shift) * 100:+.4g}% ({name})"


def mean_trouble(rule: Drift, tally: Tally) -> tuple[str, str]:
    """What the limit on the mean finds: ("FAIL" or "INCONCLUSIVE", why), or two empty texts."""
    if rule.max_mean_shift is None:
        return "", ""
    for words, rows in tally.rules[NAME].problems.items():
        return "FAIL", f"{words}: {rows:,} rows"
    for name, shift in sorted(tally.shifts.items()):
        if shift.lost:
            return (
                "FAIL",
                f"{shift.lost:,} answers have a number in {name} on one side alone: no mean to speak of",
            )
    known = {name: shift for name, shift in tally.shifts.items() if shift.compared}
    if not known:
        return "INCONCLUSIVE", "drift checked nothing: no output holds numbers, so there is no mean to shift"
    for name, shift in sorted(known.items(), key=lambda item: (-abs(relative(item[1])), item[0])):
        # exactly: as floats the smallest shifts are none
        if abs(shift.change) > Fraction(rule.max_mean_shift) * shift.size:
            return "FAIL", (
                f"the mean of {name} shifted by {relative(shift) * 100:+.4g}% from the anchor {rule.anchor}; "
                f"the limit is {rule.max_mean_shift * 100:.4g}%"
            )
    return "", ""
