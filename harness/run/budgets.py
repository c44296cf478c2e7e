"""Budgets that are no sums: quantiles and shifts of the mean, judged once from kept answers of fixed tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.compare import budget, slices
from harness.compare.cases import Masks
from harness.compare.cost import cost
from harness.compare.results import FAIL, INCONCLUSIVE, PASS, Statistic, gravest
from harness.compare.ruleset import Bound
from harness.compare.slices import LIMIT
from harness.compare.verdict import RuleResult, SourceState, judge_rule
from harness.inputs import InputSource
from harness.run import answers, blocks
from harness.run.answers import Kept
from harness.run.plan import Plan
from harness.settings import MaxCost
from harness.tables import Bools, Column


def judge(plan: Plan, source: InputSource, bound: Bound, state: SourceState) -> RuleResult:
    """One rule on one source, by its counts and, where it has them, by its statistics."""
    folder = plan.work / source.name
    kept = answers.gather(folder) if _has_statistics(bound) and state.tally is not None else None
    return judge_kept(bound, state, kept, folder)


def judge_kept(bound: Bound, state: SourceState, kept: Kept | None, folder: Path) -> RuleResult:
    """The same, of answers that are known; `folder` holds the cases that they are answers to."""
    result = judge_rule(bound, state)
    if not _has_statistics(bound):
        return result
    found = () if kept is None else tuple(_statistics(bound, kept, folder))
    if not found and result.status == PASS:
        return replace(result, status=INCONCLUSIVE, code="E10", reason=f"no answers of {state.name} are kept")
    return joined(result, found)


def joined(result: RuleResult, found: tuple[Statistic, ...]) -> RuleResult:
    """The result of the counts with those of the statistics: FAIL over INCONCLUSIVE over PASS."""
    if not found:
        return result
    status = gravest(result.status, *(one.status for one in found))
    if status != PASS:
        result = replace(result, waivers=())
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


def _statistics(bound: Bound, kept: Kept, folder: Path) -> Iterator[Statistic]:
    outputs = [name for name in kept.baseline if name in kept.candidate and bound.judges(name)]
    parts = _parts(bound, outputs, len(kept.rows), folder)
    for output in outputs:
        b, c = kept.baseline[output], kept.candidate[output]
        for name, mask in parts[output].items():
            use = mask & kept.answered
            yield from _of(bound, output, name, b.take(use), c.take(use))


def _of(bound: Bound, output: str, part: str, b: Column, c: Column) -> Iterator[Statistic]:
    """Each statistic of one output over some of the cases."""
    for name, limit in _named(bound):
        if bound.max_cost is not None and name == cost_name(bound.max_cost):
            measured = cost(b, c, bound.max_cost)
            yield _judged(Statistic(name, output, part, measured, limit, PASS), bound)
            continue
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
    if bound.max_cost is not None:
        yield cost_name(bound.max_cost), bound.max_cost.limit


def _has_statistics(bound: Bound) -> bool:
    return any(one is not None for one in (bound.max_quantile, bound.max_mean_shift, bound.max_cost))


def cost_name(price: MaxCost) -> str:
    """What a cost is called in results: with its unit, and whether it is of each case."""
    unit = f" in {price.unit}" if price.unit else ""
    return f"cost{' per case' if price.per_case else ''}{unit}"


def _quantile_name(q: float) -> str:
    return f"p{q * 100:.6g} of |c - b|"


def _limits(bound: Bound) -> str:
    return ", ".join(f"{name} {limit:.6g}" for name, limit in _named(bound))


def _excess(one: Statistic) -> float:
    """How far beyond its limit; undefined is furthest."""
    if np.isnan(one.measured):
        return float("inf")
    return abs(one.measured) - one.limit


def _parts(bound: Bound, outputs: Sequence[str], n: int, folder: Path) -> dict[str, dict[str, Bools]]:
    """For each output the cases that the rule judges (named ""), then those of each slice, as masks over the n kept
    rows. The inputs are those that were kept with the answers, so that a past run is judged by the same cases."""
    if bound.where is None and not bound.leaves and not bound.slices:
        return {output: {"": np.ones(n, bool)} for output in outputs}
    whole = {output: np.zeros(n, bool) for output in outputs}
    parts: dict[str, dict[str, Bools]] = {output: {} for output in outputs}
    start = 0
    for block in blocks.read(folder):
        # rows are counted as they were kept: a run that ended early has not kept all of them
        here = slice(start, start + len(block.batch))
        start += len(block.batch)
        masks = Masks(block.batch.whole, len(block.batch))
        for output in outputs:
            mine = masks.judged(bound.selection, output)
            whole[output][here] = mine
            for name, mask in slices.split(bound.slices, block.batch.whole, mine).items():
                if name in parts[output] or len(parts[output]) <= LIMIT:
                    parts[output].setdefault(name, np.zeros(n, bool))[here] = mask
    return {
        # more slices are refused where the counts are judged
        output: {"": whole[output]} | (dict(sorted(named.items())) if len(named) <= LIMIT else {})
        for output, named in parts.items()
    }
