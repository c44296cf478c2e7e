"""Which rule judges which output of which source: configured rules bound, defaults filled in.

The kind of change decides the defaults. A rule that binds to nothing is an error, a budget on a search is an
error, and an output that no configured rule judges gets the kind's own rule: a bare configuration compares
something sensible, and says what it chose.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.compare.outputs import means, meant
from harness.compare.rules import Rule, Same, SameError, make
from harness.errors import HarnessError, did_you_mean
from harness.settings import RuleSettings, Settings

ROUNDING = {
    "refactor": Same(rtol=1e-9, atol=1e-12, rtol32=1e-6, atol32=1e-9),
    "upgrade": Same(rtol=1e-5, atol=1e-8, rtol32=1e-4, atol32=1e-6),
}
"""What "equal within rounding" means for each kind of change that must not move the answers."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The built-in check of columns, rows, kinds and finite values. Not a per-column rule: `compare` does it."""

    equal_nan: bool = True

    def says(self) -> str:
        """In words."""
        return "the same columns, rows and kinds of value; no answer lost, none turned NaN or infinite"


@dataclass(frozen=True, slots=True)
class Faults:
    """The built-in check that no row fails in one version only (`new_only`: in the candidate only)."""

    new_only: bool
    equal_nan: bool = True

    def says(self) -> str:
        """In words."""
        return "no row fails " + ("in the candidate alone" if self.new_only else "in one version alone")


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

    def says(self) -> str:
        """In words."""
        return f"at most {self.limit:.4g} of the answers change (numbers: by over 1%)"


@dataclass(frozen=True, slots=True)
class Bound:
    """One rule on one source: what pytest shows as one item.

    `output` is a name or glob; `outputs_taken` are globs of outputs that other rules judge (for the default
    rule, which takes the rest).
    """

    name: str
    kind: str
    source: str
    rule: Rule | Structure | Faults | NotWorse | Changed
    output: str = "*"
    outputs_taken: tuple[str, ...] = ()
    max_violations: int = 0
    max_violation_rate: float | None = None
    min_cases: int = 0
    severity: str = "fail"
    chosen: str = ""
    owner: str = ""
    reason: str = ""

    def judges(self, output: str) -> bool:
        """Whether this rule judges this output column."""
        return means(self.output, output) and not any(means(taken, output) for taken in self.outputs_taken)

    def limit(self, compared: int) -> int:
        """Violations allowed among `compared` rows."""
        if self.max_violation_rate is None:
            return self.max_violations
        return int(self.max_violation_rate * compared + 1e-9)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What binding needs to know of a source."""

    name: str
    search: bool
    labelled: bool


BUILTIN_NAMES = ("structure", "faults", "same-errors", "values", "not-worse", "changed-rate")


def bind(
    settings: Settings,
    change: str,
    sources: Sequence[SourceFacts],
    outputs: Iterable[str] | None,
    today: datetime.date,
) -> tuple[Bound, ...]:
    """Every rule on every source, in the order of the report. `outputs`: the known output columns, or None.

    Raises HarnessError: E27 for a rule that cannot be made, E28 for one that checks nothing.
    """
    _check_names(settings.rules, today)
    configured = [
        (item, make(item.rule, dict(item.parameters), name=item.name, equal_nan=settings.equal_nan))
        for item in settings.rules
    ]
    known = None if outputs is None else tuple(outputs)
    for item, rule in configured:
        if known is not None and not isinstance(rule, SameError) and not meant(item.output, known):
            raise HarnessError(
                f"rule {item.name} checked nothing: no output is named {item.output}",
                where=f"{settings.path.name}, rule {item.name}",
                hint=did_you_mean(item.output, known),
                code="E28",
            )
    bounds: list[Bound] = []
    for source in sources:
        own = [
            (item, rule)
            for item, rule in configured
            if _applies(item, rule, change, source, settings.path.name)
        ]
        bounds += _defaults_before(settings, change, source, any(isinstance(r, SameError) for _, r in own))
        bounds += [_bound(item, rule, source.name) for item, rule in own]
        if change in ROUNDING:
            taken = tuple(item.output for item, rule in own if not isinstance(rule, SameError))
            if known is None or not all(any(means(t, o) for t in taken) for o in known):
                rounding = ROUNDING[change]
                bounds.append(
                    Bound(
                        "values",
                        "same",
                        source.name,
                        Same(
                            rounding.rtol, rounding.atol, rounding.rtol32, rounding.atol32, settings.equal_nan
                        ),
                        outputs_taken=taken,
                        chosen=f"default for {change}",
                    )
                )
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
    _check_bound(configured, bounds, change, settings.path.name)
    return tuple(bounds)


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
    budget = item.max_violations is not None or item.max_violation_rate is not None
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


def _defaults_before(settings: Settings, change: str, source: SourceFacts, same_errors: bool) -> list[Bound]:
    chosen = "always judged"
    bounds = [
        Bound("structure", "structure", source.name, Structure(settings.equal_nan), chosen=chosen),
        Bound("faults", "faults", source.name, Faults(new_only=change == "retrain"), chosen=chosen),
    ]
    if source.search and not same_errors:
        bounds.append(
            Bound("same-errors", "same_error", source.name, SameError(), chosen="default for a search")
        )
    return bounds


def _bound(item: RuleSettings, rule: Rule, source: str) -> Bound:
    return Bound(
        item.name,
        item.rule,
        source,
        rule,
        item.output,
        max_violations=item.max_violations or 0,
        max_violation_rate=item.max_violation_rate,
        min_cases=item.min_cases,
        severity=item.severity,
        chosen="configured",
        owner=item.owner,
        reason=item.reason,
    )


def _check_bound(
    configured: Sequence[tuple[RuleSettings, Rule]], bounds: Sequence[Bound], change: str, place: str
) -> None:
    names = {bound.name for bound in bounds}
    for item, _ in configured:
        if item.name not in names and (not item.when or change in item.when):
            raise HarnessError(
                f"rule {item.name} checked nothing: no input source that it may judge",
                where=f"{place}, rule {item.name}",
                hint="bind it to a table with inputs = […]; under a retrain a search judges contracts only",
                code="E28",
            )
