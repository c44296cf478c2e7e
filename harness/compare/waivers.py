"""Waivers: differences that somebody accepted, each inside its bounds and until its day.

A waiver covers a violation of its rule that lies in its slice, goes its way and is no larger than it says; a row is
covered where every output of it that violates is. What no waiver covers is judged as if there were none, so a waiver
can never let more through than it names.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.compare import census
from harness.compare.bound import Bound, SourceFacts, not_generated
from harness.compare.builtin import BUILTIN_NAMES
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.slices import LIMIT, SliceTally
from harness.compare.tally import RuleTally, Waived
from harness.compare.where import parse
from harness.errors import HarnessError, did_you_mean
from harness.settings import Settings, WaiverSettings
from harness.tables import Bools, Column

USED, EXCEEDED, UNNEEDED, UNDECIDED = "used", "exceeded", "no longer needed", "undecided"
OTHER_VERSIONS, NOT_JUDGED = "for other versions", "its rule is not judged here"

UNWAIVABLE = {
    "structure": "answers of another shape cannot be compared at all",
    "not-worse": "it judges the loss of all cases together: move margin in [tool.harness.retrain]",
    "drift": "it judges all releases together: move the anchor or its limits in [tool.harness.drift]",
}
"""Built-in checks that no waiver lifts, and what to do instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One output of n violating rows: whether it violates, how far apart, and which way (1 up, -1 down, 0 none)."""

    violates: Bools
    magnitude: npt.NDArray[np.float64]
    way: npt.NDArray[np.int8]

    def take(self, rows: npt.NDArray[np.intp]) -> Change:
        """The same for these rows only."""
        return Change(self.violates[rows], self.magnitude[rows], self.way[rows])


def way(baseline: Column, candidate: Column) -> npt.NDArray[np.int8]:
    """(n,) which way each row of one output went. Only two numbers have a direction; NaN, null and text have none."""
    found = np.zeros(len(baseline), np.int8)
    if baseline.kind in ("float", "int") and candidate.kind in ("float", "int"):
        found = (candidate.values > baseline.values).astype(np.int8) - (candidate.values < baseline.values)
        for column in (baseline, candidate):
            if column.null is not None:
                found = np.where(column.null, 0, found).astype(np.int8)
    return np.asarray(found, np.int8)


def undirected(rows: int, magnitude: float) -> Change:
    """Rows that all violate by the same magnitude and go no way, such as faults."""
    return Change(np.ones(rows, bool), np.full(rows, magnitude), np.zeros(rows, np.int8))


def count(
    waivers: Sequence[WaiverSettings], inputs: Mapping[str, Column], changes: Sequence[Change]
) -> tuple[dict[str, Waived], Bools]:
    """For n violating rows: what each waiver covers, and which rows (n,) at least one of them covers.

    `inputs` are the rows' input columns, `changes` one for each output that the rule judges, or for several outputs
    that it judges together.
    """
    n = len(changes[0].violates) if changes else 0
    covered = np.zeros(n, bool)
    found = {}
    for waiver in waivers:
        here = in_slice(waiver.where)(inputs) if waiver.where else np.ones(n, bool)
        other, large, largest = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n)
        for one in changes:
            if waiver.direction != "any":
                other |= one.violates & (one.way != (1 if waiver.direction == "up" else -1))
            if waiver.max_magnitude is not None:
                large |= one.violates & ~(one.magnitude <= waiver.max_magnitude)
            largest = np.maximum(largest, np.where(one.violates, one.magnitude, 0.0))
        inside = here & ~other & ~large
        covered |= inside
        found[waiver.name] = Waived(
            inside=int(inside.sum()),
            elsewhere=int((~here).sum()),
            other_way=int((here & other).sum()),
            too_large=int((here & ~other & large).sum()),
            largest=float(largest[here & ~other].max(initial=0.0)),
        )
    return found, covered


def in_slice(where: str) -> Callable[[Mapping[str, Column]], Bools]:
    """The condition of a waiver as a function from input columns to the rows that it means, (n,)."""
    return parse(where).mask


def attach(
    bounds: Sequence[Bound],
    settings: Settings,
    versions: tuple[str, str],
    today: datetime.date,
    sources: Sequence[SourceFacts] = (),
) -> tuple[Bound, ...]:
    """The bound rules with the waivers that apply to this pair of versions (baseline, candidate).

    Raises HarnessError: E27 for an expired waiver and for one that could never be applied, E28 for one that names
    no rule.
    """
    for waiver in settings.waivers:
        _check(waiver, bounds, settings, today)
        if waiver.where:
            _check_where(waiver, bounds, sources, f"{settings.path.name}, waiver {waiver.name}, where")
    return tuple(
        replace(
            bound,
            waivers=tuple(
                one
                for one in settings.waivers
                if _covers(one, bound, versions) and not _beyond(one, bound.source, sources)
            ),
        )
        for bound in bounds
    )


def matches(waiver: WaiverSettings, versions: tuple[str, str]) -> bool:
    """Whether a waiver is for this pair of versions; `*` in its pair stands for any text."""
    return all(fnmatch.fnmatchcase(one, mask) for one, mask in zip(versions, waiver.pair, strict=True))


def _covers(waiver: WaiverSettings, bound: Bound, versions: tuple[str, str]) -> bool:
    here = waiver.rule == bound.name and (not waiver.inputs or bound.source in waiver.inputs)
    return here and matches(waiver, versions)


def _beyond(waiver: WaiverSettings, source: str, sources: Sequence[SourceFacts]) -> bool:
    """Whether the cases that a waiver is for are named by what a search has not: it covers none of them there."""
    columns = parse(waiver.where).columns if waiver.where else ()
    return any(not_generated(one, columns, sources) for one in sources if one.name == source)


def _check(waiver: WaiverSettings, bounds: Sequence[Bound], settings: Settings, today: datetime.date) -> None:
    place = f"{settings.path.name}, waiver {waiver.name}"
    if waiver.until < today:
        raise HarnessError(
            f"waiver {waiver.name} expired on {waiver.until}",
            where=place,
            hint=f"mend what it excuses, or let {waiver.owner} renew its until; else remove it",
            code="E27",
        )
    known = {*BUILTIN_NAMES, *(rule.name for rule in settings.rules), *(bound.name for bound in bounds)}
    if waiver.rule not in known:
        raise HarnessError(
            f'waiver {waiver.name} names unknown rule "{waiver.rule}"',
            where=place,
            hint=did_you_mean(waiver.rule, known - UNWAIVABLE.keys()),
            code="E28",
        )
    if waiver.rule in UNWAIVABLE:
        raise HarnessError(
            f"waiver {waiver.name}: {waiver.rule} cannot be waived",
            where=place,
            hint=UNWAIVABLE[waiver.rule],
            code="E27",
        )
    if any(bound.name == waiver.rule and isinstance(bound.rule, census.KINDS) for bound in bounds):
        raise HarnessError(
            f"waiver {waiver.name}: {waiver.rule} cannot be waived",
            where=place,
            hint="it counts all of its cases together: move its limit, allow the class, or give the rule a where",
            code="E27",
        )
    if any(bound.name == waiver.rule and isinstance(bound.rule, OPERATIONS) for bound in bounds):
        raise HarnessError(
            f"waiver {waiver.name}: {waiver.rule} cannot be waived",
            where=place,
            hint="it measures how a version runs, and has no cases: move its limit",
            code="E27",
        )
    statistics = {
        rule.name for rule in settings.rules if rule.max_quantile or rule.max_mean_shift or rule.max_cost
    }
    if waiver.rule in statistics:
        raise HarnessError(
            f"waiver {waiver.name}: {waiver.rule} cannot be waived",
            where=place,
            hint="max_quantile, max_mean_shift and max_cost judge all cases together: move their limit, or "
            "give the rule a where",
            code="E27",
        )


def _check_where(
    waiver: WaiverSettings, bounds: Sequence[Bound], sources: Sequence[SourceFacts], place: str
) -> None:
    """The condition read, and held against the columns of the sources that it is for."""
    where = parse(waiver.where, place)
    named = {bound.source for bound in bounds if bound.name == waiver.rule}
    for source in sources:
        mine = source.name in (waiver.inputs or named)
        column = not_generated(source, where.columns, sources) if mine else ""
        if column and source.name in waiver.inputs:
            raise HarnessError(
                f"waiver {waiver.name} is for the search {source.name}, whose cases have no {column}",
                where=place,
                hint=f"no version takes {column}, so no generated case has it: leave {source.name} out of inputs",
                code="E27",
            )
        if mine and not column and source.columns is not None:
            where.check(source.columns)


def not_excused(bound: Bound, tally: RuleTally | SliceTally) -> int:
    """Violations that count against the limit of the rule: those that no waiver covers."""
    return tally.violations - (tally.covered if bound.waivers else 0)


def _parts(tally: RuleTally) -> Iterator[RuleTally | SliceTally]:
    """All that the budget of a rule holds for: its cases, and those of each slice."""
    yield tally
    yield from tally.slices.values()


def leaned_on(bound: Bound, tally: RuleTally) -> tuple[str, ...]:
    """The waivers without which this rule would fail."""
    if all(part.violations <= bound.limit(part.compared) for part in _parts(tally)):
        return ()
    return tuple(w.name for w in bound.waivers if tally.waived.get(w.name, Waived()).inside)


def exceeded_words(bound: Bound, tally: RuleTally) -> str:
    """Why the waivers of a failed rule do not hold: `; waiver night exceeded: 3 of 20 violations lie outside …`."""
    return "".join(
        f"; waiver {waiver.name} exceeded: {outside_words(waiver, tally.waived[waiver.name])}"
        for waiver in bound.waivers
        if waiver.name in tally.waived and tally.waived[waiver.name].outside
    )


def outside_words(waiver: WaiverSettings, seen: Waived) -> str:
    """By how much a waiver is exceeded.

    >>> waiver = WaiverSettings("w", "r", "me", "why", datetime.date(2027, 1, 1), max_magnitude=0.5)
    >>> outside_words(waiver, Waived(inside=17, too_large=3, largest=0.75))
    '3 of 20 violations lie outside of it (3 larger than 0.5, up to 0.75)'
    """
    parts = []
    if seen.too_large:
        parts.append(f"{seen.too_large:,} larger than {waiver.max_magnitude:g}, up to {seen.largest:.6g}")
    if seen.other_way:
        parts.append(f"{seen.other_way:,} not {waiver.direction}")
    if seen.elsewhere:
        # the condition may name private values, and this is shown everywhere
        parts.append(f"{seen.elsewhere:,} not in the cases of its where")
    count = f"{seen.outside:,} of {seen.inside + seen.outside:,} violations"
    return f"{count} lie outside of it ({'; '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One waiver after a run: what became of it, and the violations inside and outside of its bounds."""

    waiver: WaiverSettings
    status: str
    inside: int = 0
    outside: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One rule on one source, as far as waivers ask: its tally, whether all planned cases are in it."""

    bound: Bound
    tally: RuleTally
    complete: bool


def review(settings: Settings, seen: Sequence[Seen], versions: tuple[str, str]) -> tuple[Reviewed, ...]:
    """What became of every configured waiver, in the order of the configuration."""
    return tuple(_reviewed(waiver, seen, versions) for waiver in settings.waivers)


def _reviewed(waiver: WaiverSettings, seen: Sequence[Seen], versions: tuple[str, str]) -> Reviewed:
    if not matches(waiver, versions):
        return Reviewed(waiver, OTHER_VERSIONS)
    mine = [one for one in seen if waiver in one.bound.waivers]
    if not mine:
        return Reviewed(waiver, NOT_JUDGED)
    sums = sum((one.tally.waived.get(waiver.name, Waived()) for one in mine), Waived())
    # slices that are too many are not judged at all
    complete = all(one.complete and len(one.tally.slices) <= LIMIT for one in mine)
    status = UNNEEDED if complete else UNDECIDED
    for one in mine:
        over = any(
            not_excused(one.bound, part) > one.bound.limit(part.compared) for part in _parts(one.tally)
        )
        if over:
            # what counts against the limit lies outside of every waiver
            status = EXCEEDED
        elif status != EXCEEDED and waiver.name in leaned_on(one.bound, one.tally):
            status = USED
    return Reviewed(waiver, status, sums.inside, sums.outside)
