"""`harness check`: which rule judges which cases, counted from the tables. No model runs."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.compare import census, slices
from harness.compare.cases import Masks
from harness.compare.rules import SameError
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.ruleset import BUILTIN_NAMES, Bound
from harness.compare.where import Where, parse
from harness.inputs import InputSource
from harness.run.budgets import cost_name
from harness.run.plan import Plan


def bound_lines(source: InputSource) -> Iterator[str]:
    """What a source is bound to: key, label, the columns that the versions are given; nothing of one that does not say,
    as one of an extension may."""
    binds = getattr(source, "binds", None)
    if binds is not None:
        yield binds()


def lines(plan: Plan, source: InputSource) -> Iterator[str]:
    """Each rule of a source: what it demands, of which cases, in place of which rule, why, and for how long."""
    bounds = plan.bounds_of(source.name)
    counts = cases(plan, source)
    for bound in bounds:
        yield f"{bound.name:<14} {bound.output:<12} {bound.rule.says()}  [{bound.chosen}]"
        waived = ", ".join(f"waiver {waiver.name}" for waiver in bound.waivers)
        for more in (
            _which(bound, source, counts),
            _limits(bound),
            _why(bound, datetime.date.today()),
            waived,
        ):
            if more:
                yield f"{'':<14} {more}"
    bound_names = {bound.name for bound in bounds}
    for rule in plan.settings.rules:
        if rule.name not in bound_names:
            yield f"{rule.name:<14} judges nothing here: {_why_not(plan, source, rule.name)}"
    for overlap in overlaps(plan, source):
        yield overlap.words()


def waiver_lines(plan: Plan) -> Iterator[str]:
    """Each waiver: its rule, its versions, the days that are left, who answers for it, and whether it applies."""
    for waiver in plan.settings.waivers:
        here = any(waiver in bound.waivers for bound in plan.bounds)
        left = (waiver.until - datetime.date.today()).days
        yield (
            f"waiver {waiver.name}: {waiver.rule}, {waiver.versions}, until {waiver.until} ({left} "
            f"{'day' if left == 1 else 'days'} left), {waiver.owner}: {waiver.reason}"
            + ("" if here else "  [not applied here]")
        )


def idle(plan: Plan) -> bool:
    """Whether a configured rule judges no case of a table that it is bound to: such a run cannot pass."""
    return any(
        count == 0
        for source in plan.sources
        for name, count in cases(plan, source).items()
        if name not in BUILTIN_NAMES
    )


@dataclass(frozen=True, slots=True)
class Overlap:
    """So many cases of an output that two rules judge, though they name different cases."""

    first: str
    second: str
    output: str
    count: int

    def words(self) -> str:
        """`note: price and price-north both judge 120 cases of prediction …`."""
        return (
            f"note: {self.first} and {self.second} both judge {self.count:,} cases of {self.output}, which have to "
            f'satisfy both; replaces = "{self.first}" or replaces = "{self.second}" lets one stand alone'
        )


def overlaps(plan: Plan, source: InputSource) -> list[Overlap]:
    """Where two configured rules of a table meet whose conditions are not the same: more often an oversight than meant.
    Rules that only count (rates, classes) or only warn meet others without harm."""
    some = [
        bound
        for bound in plan.bounds_of(source.name)
        if bound.chosen == "configured"
        and bound.severity == "fail"
        and not isinstance(bound.rule, (SameError, *census.KINDS, *OPERATIONS))
    ]
    pairs = [pair for pair in combinations(some, 2) if pair[0].where != pair[1].where]
    if not pairs or source.search:
        return []
    known = _outputs(plan)
    counts: Counter[tuple[str, str, str]] = Counter()
    for batch in source.batches():  # type: ignore[attr-defined]  # a table
        masks = Masks(batch.whole, len(batch))
        for a, b in pairs:
            same = [a.output] if a.output == b.output else []
            for name in known if known is not None else same:
                if a.judges(name) and b.judges(name):
                    both = masks.judged(a.selection, name) & masks.judged(b.selection, name)
                    counts[a.name, b.name, name] += int(both.sum())
    return [Overlap(*names, count) for names, count in counts.items() if count]


def _outputs(plan: Plan) -> list[str] | None:
    """The outputs that both versions have; None where they are not known before a run."""
    if plan.baseline.manifest is None or plan.candidate.manifest is None:
        return None
    theirs = plan.baseline.manifest.outputs
    return [name for name in plan.candidate.manifest.outputs.names if name in theirs]


def cases(plan: Plan, source: InputSource) -> dict[str, int]:
    """The cases that each rule with a condition, or with cases that leave it, judges in a table."""
    some = [bound for bound in plan.bounds_of(source.name) if bound.where is not None or bound.leaves]
    if not some or source.search:
        return {}
    known = _outputs(plan)
    counts = dict.fromkeys((bound.name for bound in some), 0)
    for batch in source.batches():  # type: ignore[attr-defined]  # a table
        masks = Masks(batch.whole, len(batch))
        for bound in some:
            outputs = known if known is not None else [bound.output]
            judged = [masks.judged(bound.selection, name) for name in outputs if bound.judges(name)]
            counts[bound.name] += int(np.logical_or.reduce(judged).sum()) if judged else 0
    return counts


def _which(bound: Bound, source: InputSource, counts: dict[str, int]) -> str:
    words = []
    if bound.name in counts:
        words.append(f"judges {counts[bound.name]:,} of {source.planned():,} cases")
    if bound.where is not None:
        words.append(f"where {bound.where.text}")
    if bound.replaces:
        words.append(f"in place of {bound.replaces}")
    if bound.leaves:
        words.append(f"without those of {', '.join(one.to for one in bound.leaves)}")
    if counts.get(bound.name) == 0 and bound.name not in BUILTIN_NAMES:
        words.append("the run will be INCONCLUSIVE (E28)")
    return ", ".join(words)


def _limits(bound: Bound) -> str:
    words = []
    if bound.max_violation_rate is not None:
        words.append(f"at most {bound.max_violation_rate * 100:.4g}% of the rows")
    elif bound.max_violations:
        words.append(f"at most {bound.max_violations:,} rows")
    if bound.max_quantile is not None:
        words.append(f"p{bound.max_quantile.q * 100:.6g} of |c - b| at most {bound.max_quantile.limit:g}")
    if bound.max_mean_shift is not None:
        share = " of |mean(b)|" if bound.max_mean_shift.relative else ""
        words.append(f"mean shift at most {bound.max_mean_shift.limit:g}{share}")
    if bound.max_cost is not None:
        words.append(f"{cost_name(bound.max_cost)} at most {bound.max_cost.limit:g}")
    if bound.min_cases:
        words.append(f"of {bound.min_cases:,} cases or more")
    if bound.slices:
        parts = (one.text if isinstance(one, Where) else f"each {one.column}" for one in bound.slices)
        words.append(f"and again within {', '.join(parts)} (at most {slices.LIMIT} slices)")
    return ", ".join(words)


def _why(bound: Bound, today: datetime.date) -> str:
    words = [f"“{bound.reason}”"] if bound.reason else []
    words += [f"owner {bound.owner}"] if bound.owner else []
    words += [f"evidence {bound.evidence}"] if bound.evidence else []
    if bound.until is not None:
        left = (bound.until - today).days
        words.append(f"until {bound.until} ({left} {'day' if left == 1 else 'days'} left)")
    if bound.severity != "fail":
        words.append("only warns")
    return ", ".join(words)


def _why_not(plan: Plan, source: InputSource, name: str) -> str:
    rule = next(rule for rule in plan.settings.rules if rule.name == name)
    if rule.when and plan.change.kind not in rule.when:
        return f"judged only when the change is {' or '.join(rule.when)}"
    if rule.inputs and source.name not in rule.inputs:
        return f"bound to {', '.join(rule.inputs)}"
    others = [b.name for b in plan.bounds_of(source.name) if b.replaces == name]
    if others:
        return f"{', '.join(others)} stands in its place"
    if source.search and rule.where:
        tables = [one for one in plan.sources if not one.search]
        absent = {name for one in tables for name in getattr(one, "beside", frozenset)()}
        missing = [name for name in parse(rule.where).columns if name in absent]
        if missing:
            return f"no version takes {missing[0]}, so no generated case has it"
    return "a search is judged by no budget, and under a retrain by contracts only"
