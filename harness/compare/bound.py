"""One rule on one source, and what binding needs to know of a source."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.compare.builtin import Changed, Drift, Faults, NotWorse, Structure
from harness.compare.cases import Leaving, Selection
from harness.compare.census import NewClasses
from harness.compare.rules import Rule
from harness.compare.rules.operations import Operation
from harness.compare.slices import Slicing
from harness.compare.where import Where
from harness.settings import MaxCost, MaxMeanShift, MaxQuantile, WaiverSettings


@dataclass(frozen=True, slots=True)
class Bound:
    """One rule on one source: what pytest shows as one item.

    `output` is a name or glob, `where` its condition, `leaves` the cases that other rules judge in its place;
    `slices` are where the same budget holds again. `replaces` and what follows are words for the report.
    """

    name: str
    kind: str
    source: str
    rule: Rule | Structure | Faults | NotWorse | Changed | Drift | NewClasses | Operation
    output: str = "*"
    max_violations: int = 0
    max_violation_rate: float | None = None
    min_cases: int = 0
    severity: str = "fail"
    chosen: str = ""
    owner: str = ""
    reason: str = ""
    waivers: tuple[WaiverSettings, ...] = ()
    where: Where | None = None
    leaves: tuple[Leaving, ...] = ()
    slices: tuple[Slicing, ...] = ()
    max_quantile: MaxQuantile | None = None
    max_mean_shift: MaxMeanShift | None = None
    max_cost: MaxCost | None = None
    replaces: str = ""
    evidence: str = ""
    until: datetime.date | None = None

    @property
    def selection(self) -> Selection:
        """Which cases of which outputs it judges."""
        return Selection(self.output, self.where, self.leaves)

    def judges(self, output: str) -> bool:
        """Whether this rule judges this output column."""
        return self.selection.judges(output)

    def limit(self, compared: int) -> int:
        """Violations allowed among `compared` rows."""
        if self.max_violation_rate is None:
            return self.max_violations
        return int(self.max_violation_rate * compared + 1e-9)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What binding needs to know of a source. `columns`: the kind of each column ("" where unknown), or None where the
    columns are not known before it runs. `beside`: those of them that no version takes."""

    name: str
    search: bool
    labelled: bool
    columns: Mapping[str, str] | None = field(default=None)
    beside: frozenset[str] = frozenset()


def not_generated(source: SourceFacts, columns: Iterable[str], sources: Iterable[SourceFacts]) -> str:
    """The first of these columns that a search cannot have, since a table has it beside the inputs; "" for none.

    A condition that names it says nothing of generated cases: what it belongs to is for tables alone.
    """
    if not source.search or source.columns is None:
        return ""
    tables = [one for one in sources if not one.search]
    for column in columns:
        if column in source.columns:
            continue
        # of a table that was never read nothing is known: no rule is refused for it
        if any(one.columns is None or column in one.beside for one in tables):
            return column
    return ""
