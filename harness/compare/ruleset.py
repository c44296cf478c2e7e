"""Which rule judges which cases of which output of which source: configured rules bound, defaults filled in.

The kind of change decides the defaults. A rule that binds to nothing is an error, a budget on a search is an
error, and a case of an output that no configured rule judges gets the kind's own rule: a bare configuration compares
something sensible, and says what it chose. `when`, `where`, `replaces` and precedence are settled here and nowhere
else: a configured rule stands before the default in its own cases, and before the rule that it replaces.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.compare import census, precedence, slices
from harness.compare.budget import Budget
from harness.compare.cases import Leaving, Selection
from harness.compare.census import NewClasses
from harness.compare.cost import Cost
from harness.compare.measured import Tolerance
from harness.compare.movement import MOVED_OVER
from harness.compare.outputs import meant
from harness.compare.precedence import Asked
from harness.compare.rules import (
    ClassSet,
    Difference,
    ErrorRate,
    Exact,
    NullRate,
    Rule,
    Same,
    SameError,
    make,
)
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.rules.operations import Operation
from harness.compare.rules.values import within
from harness.compare.slices import Slicing
from harness.compare.where import Where, parse
from harness.errors import HarnessError, did_you_mean
from harness.settings import MaxCost, MaxMeanShift, MaxQuantile, RuleSettings, Settings, WaiverSettings
from harness.tables import Column

ROUNDING = {
    "refactor": Same(rtol=1e-9, atol=1e-12, rtol32=1e-9, atol32=1e-12),
    "upgrade": Same(rtol=1e-5, atol=1e-8, rtol32=1e-4, atol32=1e-6, ties=True),
}
"""What "equal within rounding" means for each kind of change that must not move the answers."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The built-in check of columns, rows, kinds and finite values. Not a per-column rule: `compare` does it.

    `nulls` are the cases whose NaN and null a rule with a budget for them judges in its place.
    """

    equal_nan: bool = True
    nulls: tuple[Leaving, ...] = ()

    def says(self) -> str:
        """In words."""
        said = "the same columns, rows and kinds of value; no answer lost, none turned NaN or infinite"
        return said + _left_to(self.nulls, "NaN and null")


@dataclass(frozen=True, slots=True)
class Faults:
    """The built-in check that no row fails in one version only (`new_only`: in the candidate only).

    `errors` are the cases that a rule with a budget for errors judges in its place.
    """

    new_only: bool
    equal_nan: bool = True
    errors: tuple[Leaving, ...] = ()

    def says(self) -> str:
        """In words."""
        said = "no row fails " + ("in the candidate alone" if self.new_only else "in one version alone")
        return said + _left_to(self.errors, "errors")


def _left_to(others: Sequence[Leaving], what: str) -> str:
    names = sorted({f"{one.to} (its cases)" if one.where is not None else one.to for one in others})
    return f"; {what}: {', '.join(names)}" if names else ""


@dataclass(frozen=True, slots=True)
class NotWorse:
    """The built-in check of a retrain on labelled cases; judged from kept columns by `statistics`."""

    primary: str
    margin: float | None
    equal_nan: bool = True

    def says(self) -> str:
        """In words."""
        return "the loss on labelled cases is not worse than the baseline's by the margin"


@dataclass(frozen=True, slots=True)
class Changed:
    """The built-in budget of a retrain without labels: how many answers may move by over 1%."""

    limit: float
    equal_nan: bool = True

    def tolerance(self, baseline: Column, candidate: Column) -> Tolerance | None:
        """Of two columns of numbers of one kind. 1% of a number that counts or names something (an integer) is no
        rounding."""
        if baseline.kind == candidate.kind == "float":
            return 0.0, MOVED_OVER
        return Exact(self.equal_nan).tolerance(baseline, candidate)

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that changed."""
        tolerance = self.tolerance(baseline, candidate)
        if tolerance is None:
            return Exact(self.equal_nan).judge(baseline, candidate)
        return within(baseline, candidate, tolerance, self.equal_nan)

    def says(self) -> str:
        """In words."""
        return f"at most {self.limit:.4g} of the answers change (numbers: by over 1%)"


@dataclass(frozen=True, slots=True)
class Drift:
    """The built-in budget of all releases together: how far the candidate may be from the anchor, an older release.

    `over` is the relative change beyond which an answer counts as moved; what is no number moves when it changes.
    """

    anchor: str
    over: float
    max_share: float | None
    max_mean_shift: float | None
    equal_nan: bool = True

    def says(self) -> str:
        """In words."""
        parts = []
        if self.max_share is not None:
            parts.append(
                f"at most {self.max_share * 100:.4g}% of the answers differ from those of the anchor {self.anchor} "
                f"(numbers: by over {self.over * 100:.4g}%)"
            )
        if self.max_mean_shift is not None:
            mean = "the mean answer" if parts else f"the mean answer of the anchor {self.anchor}"
            parts.append(f"{mean} shifts by at most {self.max_mean_shift * 100:.4g}%")
        return "; ".join(parts)


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


BUILTIN_NAMES = (
    "structure", "faults", "same-errors", "class-set", "values", "not-worse", "changed-rate", "drift",
)  # fmt: skip


def bind(
    settings: Settings,
    change: str,
    sources: Sequence[SourceFacts],
    outputs: Iterable[str] | None,
    today: datetime.date,
    classes: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Bound, ...]:
    """Every rule on every source, in the order of the report. `outputs`: the known output columns, or None;
    `classes`: those outputs that hold classes, each with the classes that the baseline declares.

    Raises HarnessError: E27 for a rule that cannot be made, E28 for one that checks nothing.
    """
    _check_names(settings.rules, today)
    place = settings.path.name
    asked = [_asked(item, settings) for item in settings.rules]
    known = None if outputs is None else tuple(outputs)
    precedence.check_replaces(asked, known)
    for one in asked:
        output = one.item.output
        if known is not None and not isinstance(one.rule, SameError) and not meant(output, known):
            raise HarnessError(
                f"rule {one.item.name} checked nothing: no output is named {output}",
                where=one.place,
                hint=did_you_mean(output, known),
                code="E28",
            )
        shown = set(meant(output, settings.private if known is None else known)) & set(settings.private)
        if isinstance(one.rule, ClassSet) and shown:
            raise HarnessError(
                f"rule {one.item.name} names the classes of {min(shown)}, whose values are private",
                where=one.place,
                hint="a set of classes is shown by its values: name another output",
                code="E27",
            )
    bounds: list[Bound] = []
    first = next((source.name for source in sources if not source.search), "")
    for source in sources:
        applied = [
            _for_source(one, source, sources)
            for one in asked
            if _applies(one.item, one.rule, change, source, place)
            and not _beyond(one, source, sources)
            # how a version runs is measured once, where nothing else is said
            and (not isinstance(one.rule, OPERATIONS) or one.item.inputs or source.name == first)
        ]
        _check_columns(applied, source)
        precedence.check_contradictions(applied, known, source.name)
        own = precedence.standing(applied, known)
        same_errors = any(isinstance(one.rule, SameError) for one in own)
        bounds += _defaults_before(settings, change, source, same_errors, own)
        bounds += _new_classes(settings, change, source, own, classes or {})
        bounds += [_bound(one, precedence.leaving(one, applied), source) for one in own]
        if change in ROUNDING:
            rest = Bound(
                "values",
                "same",
                source.name,
                replace(ROUNDING[change], equal_nan=settings.equal_nan),
                leaves=tuple(
                    Leaving(one.item.name, one.item.output, one.where)
                    for one in own
                    # a rule that only warns takes nothing from the one that decides
                    if not isinstance(one.rule, (SameError, *census.KINDS, *OPERATIONS))
                    and one.item.severity == "fail"
                ),
                chosen=f"default for {change}",
            )
            # bound also where no known output is left: a version may answer more than its manifest says
            bounds.append(rest)
        elif source.labelled and not source.search:
            bounds.append(
                Bound(
                    "not-worse",
                    "not_worse",
                    source.name,
                    NotWorse(settings.retrain.primary, settings.retrain.margin),
                    chosen="default for retrain",
                )
            )
        if change == "retrain" and settings.retrain.max_changed_rate is not None and not source.search:
            bounds.append(
                Bound(
                    "changed-rate",
                    "changed",
                    source.name,
                    Changed(settings.retrain.max_changed_rate),
                    max_violation_rate=settings.retrain.max_changed_rate,
                    chosen="max_changed_rate",
                    reason=settings.retrain.reason,
                )
            )
    _check_bound(asked, bounds, change)
    return tuple(bounds)


def _asked(item: RuleSettings, settings: Settings) -> Asked:
    """A configured rule with its kind, its condition and its slices read."""
    place = f"{settings.path.name}, rule {item.name}"
    rule = make(item.rule, dict(item.parameters), name=item.name, equal_nan=settings.equal_nan)
    if isinstance(rule, Budget) and item.max_quantile is None and item.max_mean_shift is None:
        raise HarnessError(
            f'rule {item.name} is rule = "budget" and has none',
            where=place,
            hint="add max_quantile or max_mean_shift",
            code="E27",
        )
    if isinstance(rule, Cost) and item.max_cost is None:
        raise HarnessError(
            f'rule {item.name} is rule = "cost" and prices nothing',
            where=place,
            hint='add max_cost = { limit = 500, error = 0.5 }, or flips = { "good -> bad" = 250 }',
            code="E27",
        )
    statistics = ("max_quantile", "max_mean_shift", "max_cost")
    chosen = [key for key in ("where", "slices", "replaces", *statistics) if getattr(item, key)]
    if isinstance(rule, OPERATIONS):
        _check_operation(item, place)
    if isinstance(rule, census.KINDS):
        _check_census(item, rule, place)
    if isinstance(rule, SameError) and chosen:
        raise HarnessError(
            f"rule {item.name} has {chosen[0]}, and same_error judges every case that both versions fail on",
            where=place,
            hint=f"leave {chosen[0]} out",
            code="E27",
        )
    where = parse(item.where, f"{place}, where") if item.where else None
    parts = tuple(slices.read(text, f"{place}, slices") for text in item.slices)
    shown = {name for part in parts for name in slices.columns_of(part)} & set(settings.private)
    if shown:
        raise HarnessError(
            f"rule {item.name} slices by {min(shown)}, whose values are private",
            where=place,
            hint="slices are named by their values: slice by another column",
            code="E27",
        )
    return Asked(item, rule, place, where, parts)


def _check_census(item: RuleSettings, rule: Rule, place: str) -> None:
    """A rule of rates or classes has its own limit and judges all of its cases together."""
    given = [
        key
        for key in (
            "max_violations", "max_violation_rate", "max_quantile", "max_mean_shift", "max_cost", "slices", "replaces",
        )
        if getattr(item, key)
    ]  # fmt: skip
    if given:
        raise HarnessError(
            f'rule {item.name} has {given[0]}, and rule = "{item.rule}" counts all of its cases together',
            where=place,
            hint=f"leave {given[0]} out: its limits are its own keys, and a where chooses its cases",
            code="E27",
        )
    if isinstance(rule, ErrorRate) and item.output != "*":
        raise HarnessError(
            f'rule {item.name} has output = "{item.output}", and a row that fails has no output',
            where=place,
            hint="leave output out",
            code="E27",
        )


def _check_operation(item: RuleSettings, place: str) -> None:
    """A rule of operation judges measured values: it has no outputs, no cases and no rows that violate."""
    given = [
        key
        for key in (
            "max_violations", "max_violation_rate", "max_quantile", "max_mean_shift", "max_cost", "where", "slices",
            "replaces", "min_cases",
        )
        if getattr(item, key)
    ]  # fmt: skip
    if item.output != "*":
        given.append("output")
    if given:
        raise HarnessError(
            f'rule {item.name} has {given[0]}, and rule = "{item.rule}" judges how a version runs, not what it answers',
            where=place,
            hint=f"leave {given[0]} out: its limits are its own keys",
            code="E27",
        )


def _check_columns(applied: Sequence[Asked], source: SourceFacts) -> None:
    """Conditions against the columns of the source, before anything runs."""
    if source.columns is None:
        return
    for one in applied:
        for condition in (one.where, *one.slices):
            if isinstance(condition, Where):
                condition.check(source.columns)
            elif condition is not None and condition.column not in source.columns:
                raise HarnessError(
                    f"no column is named {condition.column}",
                    where=f"{condition.place} ({source.name})",
                    hint=did_you_mean(condition.column, source.columns),
                    code="E27",
                )
            elif condition is not None:
                slices.check_kind(condition, source.columns[condition.column])


def _check_names(rules: Sequence[RuleSettings], today: datetime.date) -> None:
    for item in rules:
        if item.name in BUILTIN_NAMES:
            raise HarnessError(
                f'rule name "{item.name}" is taken by a built-in check',
                where=f"rule {item.name}",
                hint="choose another name",
                code="E27",
            )
        if item.until is not None and item.until < today:
            raise HarnessError(
                f"rule {item.name} expired on {item.until}",
                where=f"rule {item.name}",
                hint="renew its until, or remove the rule",
                code="E27",
            )


def _applies(item: RuleSettings, rule: Rule, change: str, source: SourceFacts, place: str) -> bool:
    if item.when and change not in item.when:
        return False
    budget = any(
        given is not None
        for given in (
            item.max_violations,
            item.max_violation_rate,
            item.max_quantile,
            item.max_mean_shift,
            item.max_cost,
        )
    ) or isinstance(rule, (*census.KINDS, *OPERATIONS))
    if source.search and source.name in item.inputs and budget:
        raise HarnessError(
            f"rule {item.name} has a budget and is bound to the search {source.name}",
            where=f"{place}, rule {item.name}",
            hint="a search visits violations on purpose: drop the budget, or bind the rule to a table",
            code="E27",
        )
    if source.search and (budget or (change == "retrain" and not isinstance(rule, SameError))):
        # law 7: under a retrain a search judges contracts, never values
        return False
    return not item.inputs or source.name in item.inputs


def _beyond(one: Asked, source: SourceFacts, sources: Sequence[SourceFacts]) -> bool:
    """Whether the cases of a rule are named by what a search has not: then it judges tables alone (E27 where it is
    bound to the search by name)."""
    column = not_generated(source, () if one.where is None else one.where.columns, sources)
    if column and source.name in one.item.inputs:
        raise HarnessError(
            f"rule {one.item.name} is bound to the search {source.name}, whose cases have no {column}",
            where=f"{one.place}, where",
            hint=f"no version takes {column}, so no generated case has it: leave {source.name} out of inputs",
            code="E27",
        )
    return bool(column)


def _for_source(one: Asked, source: SourceFacts, sources: Sequence[SourceFacts]) -> Asked:
    """The rule without slices by what a search has not: on a search no violation is allowed anywhere."""
    slices_of = (part for part in one.slices if not not_generated(source, slices.columns_of(part), sources))
    return replace(one, slices=tuple(slices_of))


def _defaults_before(
    settings: Settings, change: str, source: SourceFacts, same_errors: bool, own: Sequence[Asked]
) -> list[Bound]:
    chosen = "always judged"
    nulls, errors = (_with_budget(own, kind) for kind in (NullRate, ErrorRate))
    new_only = change == "retrain"
    bounds = [
        Bound("structure", "structure", source.name, Structure(settings.equal_nan, nulls), chosen=chosen),
        Bound("faults", "faults", source.name, Faults(new_only, errors=errors), chosen=chosen),
    ]
    if source.search and not same_errors:
        bounds.append(
            Bound("same-errors", "same_error", source.name, SameError(), chosen="default for a search")
        )
    return bounds


def _with_budget(own: Sequence[Asked], kind: type) -> tuple[Leaving, ...]:
    """The cases for which a rule of this kind states a budget; one that only warns takes nothing."""
    return tuple(
        Leaving(one.item.name, one.item.output, one.where)
        for one in own
        if isinstance(one.rule, kind) and one.item.severity == "fail"
    )


def _new_classes(
    settings: Settings,
    change: str,
    source: SourceFacts,
    own: Sequence[Asked],
    classes: Mapping[str, tuple[str, ...]],
) -> list[Bound]:
    """The classes of a retrained classifier; of a refactor and an upgrade every answer is judged anyway."""
    if change != "retrain" or source.search or not classes:
        return []
    leaves = _with_budget(own, ClassSet)
    hidden = tuple(sorted(classes.keys() & set(settings.private)))
    rule = NewClasses(classes, hidden)
    if not any(Selection("*", None, leaves).judges(output) for output in classes):
        return []
    return [Bound("class-set", "class_set", source.name, rule, leaves=leaves, chosen="default for classes")]


def _bound(one: Asked, leaves: tuple[Leaving, ...], source: SourceFacts) -> Bound:
    item = one.item
    return Bound(
        item.name,
        item.rule,
        source.name,
        one.rule,
        item.output,
        max_violations=item.max_violations or 0,
        max_violation_rate=item.max_violation_rate,
        min_cases=item.min_cases,
        severity=item.severity,
        chosen="configured",
        owner=item.owner,
        reason=item.reason,
        where=one.where,
        leaves=leaves,
        # on a search no violation is allowed anywhere, so its slices would say the same again
        slices=() if source.search else one.slices,
        max_quantile=item.max_quantile,
        max_mean_shift=item.max_mean_shift,
        max_cost=item.max_cost,
        replaces=item.replaces,
        evidence=item.evidence,
        until=item.until,
    )


def _check_bound(asked: Sequence[Asked], bounds: Sequence[Bound], change: str) -> None:
    names = {bound.name for bound in bounds}
    replaced = {one.item.replaces for one in asked if one.item.name in names}
    for one in asked:
        item = one.item
        if item.name not in names | replaced and (not item.when or change in item.when):
            raise HarnessError(
                f"rule {item.name} checked nothing: no input source that it may judge",
                where=one.place,
                hint="bind it to a table with inputs = […]; under a retrain a search judges contracts only",
                code="E28",
            )
