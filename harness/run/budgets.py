"""Budgets that are no sums: quantiles and shifts of the mean, judged once from kept answers of fixed tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from harness.compare import budget, slices
from harness.compare.cases import Masks
from harness.compare.results import FAIL, INCONCLUSIVE, PASS, Statistic, gravest
from harness.compare.ruleset import Bound
from harness.compare.slices import LIMIT
from harness.compare.verdict import RuleResult, SourceState, judge_rule
from harness.inputs import InputSource
from harness.run import answers
from harness.run.answers import Kept
from harness.run.plan import Plan
from harness.tables import Batch, Bools, Column


def judge(plan: Plan, source: InputSource, bound: Bound, state: SourceState) -> RuleResult:
    """One rule on one source, by its counts and, where it has them, by its statistics."""
    result = judge_rule(bound, state)
    if bound.max_quantile is None and bound.max_mean_shift is None:
        return result
    kept = None if state.tally is None else answers.gather(plan.work / source.name)
    found = () if kept is None else tuple(_statistics(source, bound, kept))
    if not found and result.status == PASS:
        return replace(
            result, status=INCONCLUSIVE, code="E10", reason=f"no answers of {source.name} are kept"
        )
    return joined(result, found)


def joined(result: RuleResult, found: tuple[Statistic, ...]) -> RuleResult:
    """The result of the counts with those of the statistics: FAIL over INCONCLUSIVE over PASS."""
    if not found:
        return result
    status = gravest(result.status, *(one.status for one in found))
    worst = max((one for one in found if not one.slice), key=_excess, default=found[0])
    words = f"{worst.name} {worst.measured:.6g}"
    result = replace(
        result,
        statistics=found,
        measured=f"{result.measured}; {words}",
        limit=f"{result.limit}; {_limits(result.bound)}",
    )
    if status == result.status:
        return result
    first = max((one for one in found if one.status == status), key=_excess)
    same = sum(one.status == status for one in found) - 1
    more = f" (and {same} more)" if same else ""
    return replace(result, status=status, reason=first.reason + more, code=first.code)


def _statistics(source: InputSource, bound: Bound, kept: Kept) -> Iterator[Statistic]:
    outputs = [name for name in kept.baseline if name in kept.candidate and bound.judges(name)]
    for output in outputs:
        b, c = kept.baseline[output], kept.candidate[output]
        for name, mask in _parts(source, bound, output, kept):
            use = mask & kept.answered
            yield from _of(bound, output, name, b.take(use), c.take(use))


def _of(bound: Bound, output: str, part: str, b: Column, c: Column) -> Iterator[Statistic]:
    """Each statistic of one output over some of the cases."""
    for name, limit in _named(bound):
        if not budget.numeric(b, c):
            words = f"output {output} holds {b.kind} and {c.kind}: what is no number has no {name}"
            yield Statistic(name, output, part, np.nan, limit, INCONCLUSIVE, words, "E28")
            continue
        if bound.max_quantile is not None and name == _quantile_name(bound.max_quantile.q):
            measured = budget.quantile(budget.distances(b, c), bound.max_quantile.q)
        else:
            assert bound.max_mean_shift is not None
            measured = budget.mean_shift(b, c, bound.max_mean_shift.relative)
        yield _judged(Statistic(name, output, part, measured, limit, PASS), bound)


def _judged(one: Statistic, bound: Bound) -> Statistic:
    of = f"{one.output} with {one.slice}" if one.slice else one.output
    if np.isnan(one.measured):
        words = f"{one.name} of {of} is undefined"
        return replace(one, status=INCONCLUSIVE, reason=words, code="E29")
    if abs(one.measured) > one.limit:
        words = f"{one.name} of {of} is {one.measured:.6g}; the limit of {bound.name} is {one.limit:.6g}"
        return replace(one, status=FAIL, reason=words)
    return one


def _named(bound: Bound) -> Iterator[tuple[str, float]]:
    """The statistics of a rule and their limits."""
    if bound.max_quantile is not None:
        yield _quantile_name(bound.max_quantile.q), bound.max_quantile.limit
    if bound.max_mean_shift is not None:
        share = " as a share" if bound.max_mean_shift.relative else ""
        yield f"mean shift{share}", bound.max_mean_shift.limit


def _quantile_name(q: float) -> str:
    return f"p{q * 100:.6g} of |c - b|"


def _limits(bound: Bound) -> str:
    return ", ".join(f"{name} {limit:.6g}" for name, limit in _named(bound))


def _excess(one: Statistic) -> float:
    """How far beyond its limit; undefined is furthest."""
    if np.isnan(one.measured):
        return float("inf")
    return abs(one.measured) - one.limit


def _parts(source: InputSource, bound: Bound, output: str, kept: Kept) -> Iterator[tuple[str, Bools]]:
    """The cases that the rule judges, then those of each slice, as masks over the kept rows.

    Inputs are read again from the table, since they are not kept with the answers.
    """
    everywhere = bound.where is None and not bound.leaves and not bound.slices
    if everywhere:
        yield "", np.ones(len(kept.rows), bool)
        return
    whole = np.zeros(source.planned(), bool)
    parts: dict[str, Bools] = {}
    for batch in _batches(source):
        here = slice(batch.start, batch.start + len(batch))
        mine = Masks(batch.columns, len(batch)).judged(bound.selection, output)
        whole[here] = mine
        for name, mask in slices.split(bound.slices, batch.columns, mine).items():
            if name in parts or len(parts) <= LIMIT:
                parts.setdefault(name, np.zeros(source.planned(), bool))[here] = mask
    yield "", whole[kept.rows]
    # more are refused where the counts are judged
    if len(parts) <= LIMIT:
        for name in sorted(parts):
            yield name, parts[name][kept.rows]


def _batches(source: InputSource) -> Iterator[Batch]:
    batches: Iterator[Batch] = source.batches()  # type: ignore[attr-defined]  # searches have no budgets
    return batches
