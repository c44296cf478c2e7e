"""A configured rule, read: its kind made, its condition and slices parsed, its keys held against its kind.

Of sources and outputs nothing is known here; where they are, `ruleset` binds what was read.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from harness.compare import census, slices
from harness.compare.budget import Budget
from harness.compare.builtin import BUILTIN_NAMES
from harness.compare.cost import Cost
from harness.compare.precedence import Asked
from harness.compare.rules import ErrorRate, Rule, SameError, make
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.where import parse
from harness.errors import HarnessError
from harness.settings import RuleSettings, Settings

STATISTICS = ("max_quantile", "max_mean_shift", "max_cost")
"""Keys of a rule whose budget is a statistic of all cases."""

REFUSED_BY_ERRORS = ("where", "slices", "replaces", *STATISTICS)
REFUSED_BY_CENSUS = ("max_violations", "max_violation_rate", *STATISTICS, "slices", "replaces")
REFUSED_BY_OPERATIONS = (
    "max_violations", "max_violation_rate", *STATISTICS, "where", "slices", "replaces", "min_cases",
)  # fmt: skip
"""Keys of every rule that rules of errors, of rates and classes, of how versions run cannot have."""


def check_names(rules: Sequence[RuleSettings], today: datetime.date) -> None:
    """Refuse a name that a built-in check has, and a rule whose last day is over."""
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


def read(item: RuleSettings, settings: Settings) -> Asked:
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
    chosen = [key for key in REFUSED_BY_ERRORS if getattr(item, key)]
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
    given = [key for key in REFUSED_BY_CENSUS if getattr(item, key)]
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
    given = [key for key in REFUSED_BY_OPERATIONS if getattr(item, key)]
    if item.output != "*":
        given.append("output")
    if given:
        raise HarnessError(
            f'rule {item.name} has {given[0]}, and rule = "{item.rule}" judges how a version runs, not what it answers',
            where=place,
            hint=f"leave {given[0]} out: its limits are its own keys",
            code="E27",
        )
