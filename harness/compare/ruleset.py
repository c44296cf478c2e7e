"""Which rule judges which cases of which output of which source: configured rules bound, defaults filled in.

The kind of change decides the defaults. A rule that binds to nothing is an error, a budget on a search is an
error, and a case of an output that no configured rule judges gets the kind's own rule: a bare configuration compares
something sensible, and says what it chose. `when`, `where`, `replaces` and precedence are settled here and nowhere
else: a configured rule stands before the default in its own cases, and before the rule that it replaces.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.compare import asking, census, precedence, slices
from harness.compare.bound import Bound, SourceFacts, not_generated
from harness.compare.builtin import BUILTIN_NAMES, ROUNDING, Changed, Drift, Faults, NotWorse, Structure
from harness.compare.cases import Leaving, Selection
from harness.compare.census import NewClasses
from harness.compare.outputs import meant
from harness.compare.precedence import Asked
from harness.compare.rules import ClassSet, ErrorRate, NullRate, Rule, SameError
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.where import Where
from harness.errors import HarnessError, did_you_mean
from harness.settings import RuleSettings, Settings

__all__ = [
    "BUILTIN_NAMES",
    "ROUNDING",
    "Bound",
    "Changed",
    "Drift",
    "Faults",
    "NotWorse",
    "SourceFacts",
    "Structure",
    "bind",
    "not_generated",
]


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
    asking.check_names(settings.rules, today)
    place = settings.path.name
    asked = [asking.read(item, settings) for item in settings.rules]
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
