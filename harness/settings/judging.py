"""What is demanded: rules with their budgets, waivers, how a retrain is judged, how far drift may go."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.settings.table import (
    Table,
    check_name,
    demand,
    finite,
    mapping,
    one_of,
    positive,
    tables,
    unique,
)

CHANGES = ("auto", "refactor", "upgrade", "retrain")
SEVERITIES = ("fail", "warn")
DIRECTIONS = ("any", "up", "down")


@dataclass(frozen=True, slots=True)
class MaxQuantile:
    """`max_quantile = {q, limit}`: at least the share `q` of all cases moves by no more than `limit`."""

    q: float
    limit: float


@dataclass(frozen=True, slots=True)
class MaxMeanShift:
    """`max_mean_shift = {limit, relative}`: `|mean(c - b)|` is at most `limit`, or that share of `|mean(b)|`."""

    limit: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class MaxCost:
    """`max_cost = {limit, …}`: what the differences of all cases may cost in `unit`; `flips` prices each flip of a
    label (`"good -> bad" = 250`, `*` for any), `error` each unit of `|c - b|`; `per_case` limits the mean."""

    limit: float
    unit: str = ""
    error: float = 0.0
    flips: Mapping[str, float] = field(default_factory=dict)
    per_case: bool = False


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """`[[tool.harness.rules]]`: `rule` names the kind of rule, `parameters` are that rule's own keys."""

    name: str
    rule: str
    output: str = "*"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    max_violations: int | None = None
    max_violation_rate: float | None = None
    max_quantile: MaxQuantile | None = None
    max_mean_shift: MaxMeanShift | None = None
    max_cost: MaxCost | None = None
    inputs: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    where: str = ""
    slices: tuple[str, ...] = ()
    replaces: str = ""
    min_cases: int = 0
    severity: str = "fail"
    owner: str = ""
    reason: str = ""
    evidence: str = ""
    until: datetime.date | None = None

    @property
    def budgets(self) -> tuple[str, ...]:
        """The keys of its budgets, those that allow something."""
        given = {
            "max_violations": self.max_violations,
            "max_violation_rate": self.max_violation_rate,
            "max_quantile": self.max_quantile,
            "max_mean_shift": self.max_mean_shift,
        }
        return tuple(key for key, value in given.items() if value)

    @property
    def loosens(self) -> str:
        """What it allows beyond equal answers, in words; empty for a rule that allows nothing."""
        if self.budgets:
            return f"has a budget ({self.budgets[0]})"
        if self.replaces:
            return f"replaces {self.replaces}"
        if self.severity == "warn":
            return "only warns"
        allows = [key for key, value in self.parameters.items() if not isinstance(value, bool) and value]
        return f"has a tolerance ({allows[0]})" if allows else ""


@dataclass(frozen=True, slots=True)
class WaiverSettings:
    """`[[tool.harness.waivers]]`: a difference that is accepted, its bounds, who accepted it, and until when."""

    name: str
    rule: str
    owner: str
    reason: str
    until: datetime.date
    inputs: tuple[str, ...] = ()
    where: str = ""
    direction: str = "any"
    max_magnitude: float | None = None
    versions: str = "* -> *"

    @property
    def pair(self) -> tuple[str, str]:
        """`versions` as patterns of the baseline's and the candidate's version."""
        old, _, new = self.versions.partition("->")
        return old.strip(), new.strip()


@dataclass(frozen=True, slots=True)
class Retrain:
    """`[tool.harness.retrain]`: how "not worse" is judged. `margin` None: the metric's default."""

    primary: str = ""
    margin: float | None = None
    max_changed_rate: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """`[tool.harness.drift]`: how far the candidate may be from the anchor. A limit that is None is not judged."""

    over: float = 0.01
    max_share: float | None = None
    max_mean_shift: float | None = None
    owner: str = ""
    reason: str = ""


def read_judging(
    data: Mapping[str, Any], place: str, sources: list[str], require_reason: bool
) -> tuple[tuple[RuleSettings, ...], tuple[WaiverSettings, ...]]:
    """Rules and waivers, each name once and bound to sources that there are; a rule that allows something gives its
    reason where one is required, as a waiver always does."""
    rules = tuple(
        _rule(item, f"{place}.rules[{i}]")
        for i, item in enumerate(tables(data.get("rules", []), f"{place}.rules"))
    )
    waivers = tuple(
        _waiver(item, f"{place}.waivers[{i}]")
        for i, item in enumerate(tables(data.get("waivers", []), f"{place}.waivers"))
    )
    unique([rule.name for rule in rules], "rule", f"{place}.rules")
    unique([waiver.name for waiver in waivers], "waiver", f"{place}.waivers")
    for rule in rules:
        if require_reason and rule.loosens and not rule.reason.strip():
            raise HarnessError(
                f"rule {rule.name} {rule.loosens} and has no reason",
                where=f"{place}.rules (require_reason = true)",
                hint='add reason = "…" beside it',
                code="E27",
            )
    named: list[tuple[str, RuleSettings | WaiverSettings]] = [("rule", item) for item in rules]
    named += [("waiver", item) for item in waivers]
    for noun, item in named:
        for source in item.inputs:
            if source not in sources:
                raise HarnessError(
                    f'{noun} {item.name} is bound to unknown input source "{source}"',
                    where=f"{place}.{noun}s",
                    hint=did_you_mean(source, sources),
                    code="E28",
                )
    return rules, waivers


def _rule(data: Any, place: str) -> RuleSettings:
    own = {item.name for item in fields(RuleSettings)} - {"parameters"}
    given = mapping(data, place)
    values = Table({k: v for k, v in given.items() if k in own}, RuleSettings, place).plain(
        "name", "rule", "output", "max_violations", "max_violation_rate", "where", "replaces", "min_cases",
        "severity", "owner", "reason", "evidence", "until",
    )  # fmt: skip
    values |= Table({k: v for k, v in given.items() if k in own}, RuleSettings, place).names(
        "inputs", "when", "slices"
    )
    for key in ("name", "rule"):
        if key not in values:
            raise HarnessError(f"a rule has no {key}", where=place, hint=f'add {key} = "…"', code="E27")
    check_name(values["name"], "rule", place)
    one_of(values.get("severity", "fail"), SEVERITIES, "severity", place)
    for kind in values.get("when", ()):
        one_of(kind, CHANGES[1:], "when", place)
    if "max_violations" in values and "max_violation_rate" in values:
        raise HarnessError(
            "a rule has two budgets: max_violations and max_violation_rate",
            where=place,
            hint="keep one",
            code="E27",
        )
    rate = values.get("max_violation_rate")
    if rate is not None and not 0 <= rate < 1:
        raise HarnessError(
            f"max_violation_rate is {rate}",
            where=place,
            hint="a share: at least 0 and below 1",
            code="E27",
        )
    if values.get("min_cases", 0) < 0:
        raise HarnessError("min_cases is negative", where=place, hint="0 demands none", code="E27")
    if values.get("max_violations", 0) < 0:
        raise HarnessError("max_violations is negative", where=place, hint="0 allows none")
    for key in ("where", "replaces"):
        if key in values and not values[key].strip():
            raise HarnessError(f"{key} is empty", where=place, hint=f"leave {key} out", code="E27")
    if "max_quantile" in given:
        values["max_quantile"] = _max_quantile(given["max_quantile"], f"{place}.max_quantile")
    if "max_mean_shift" in given:
        values["max_mean_shift"] = _max_mean_shift(given["max_mean_shift"], f"{place}.max_mean_shift")
    if "max_cost" in given:
        values["max_cost"] = _max_cost(given["max_cost"], f"{place}.max_cost")
    values["parameters"] = {key: value for key, value in given.items() if key not in own}
    return RuleSettings(**values)


def _max_quantile(data: Any, place: str) -> MaxQuantile:
    values = Table(data, MaxQuantile, place).plain("q", "limit")
    demand(values, ("q", "limit"), place, "max_quantile = { q = 0.99, limit = 5.0 }")
    if not 0 < values["q"] <= 1:
        raise HarnessError(f"q is {values['q']}", where=place, hint="a share: above 0, at most 1", code="E27")
    finite(values["limit"], place)
    return MaxQuantile(**values)


def _max_mean_shift(data: Any, place: str) -> MaxMeanShift:
    values = Table(data, MaxMeanShift, place).plain("limit", "relative")
    demand(values, ("limit",), place, "max_mean_shift = { limit = 0.01, relative = true }")
    finite(values["limit"], place)
    return MaxMeanShift(**values)


def _max_cost(data: Any, place: str) -> MaxCost:
    table = Table(data, MaxCost, place)
    values = table.plain("limit", "unit", "error", "per_case")
    demand(values, ("limit",), place, 'max_cost = { limit = 500, unit = "EUR", error = 0.5 }')
    finite(values["limit"], place)
    flips = dict(mapping(table.data.get("flips", {}), f"{place}.flips"))
    for name, price in flips.items():
        old, arrow, new = name.partition("->")
        if not arrow or not old.strip() or not new.strip():
            raise HarnessError(
                f"{name!r} is no flip",
                where=f"{place}.flips",
                hint='write it as "good -> bad" = 250',
                code="E27",
            )
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < float("inf"):
            raise HarnessError(
                f"the price of {name} is {price!r}",
                where=f"{place}.flips",
                hint="a number from 0",
                code="E27",
            )
    if not 0 <= values.get("error", 0.0) < float("inf"):
        raise HarnessError(
            f"the price of error is {values['error']}", where=place, hint="a number above 0", code="E27"
        )
    if bool(flips) == bool(values.get("error")):
        raise HarnessError(
            "flips and error are both priced" if flips else "nothing is priced",
            where=place,
            hint='give flips = { "good -> bad" = 250 } for labels, or error = 0.5 for numbers',
            code="E27",
        )
    named = {
        f"{old.strip()} -> {new.strip()}": float(price)
        for (old, _, new), price in ((name.partition("->"), price) for name, price in flips.items())
    }
    return MaxCost(**values, flips=named)


def _waiver(data: Any, place: str) -> WaiverSettings:
    table = Table(data, WaiverSettings, place)
    values = table.plain(
        "name", "rule", "owner", "reason", "until", "where", "direction", "max_magnitude", "versions"
    )
    values |= table.names("inputs")
    for key in ("name", "rule", "owner", "reason", "until"):
        # a date is never empty; a reason of no characters is no reason
        if not values.get(key):
            example = "2027-06-30" if key == "until" else '"…"'
            raise HarnessError(
                f"a waiver has no {key}", where=place, hint=f"add {key} = {example}", code="E27"
            )
    if "where" in values and not values["where"].strip():
        raise HarnessError("where is empty", where=place, hint="leave where out", code="E27")
    one_of(values.get("direction", "any"), DIRECTIONS, "direction", place)
    largest = values.get("max_magnitude", 0.0)
    if not 0 <= largest < float("inf"):
        raise HarnessError(
            f"max_magnitude is {largest}", where=place, hint="a number of 0 or more; unset: any", code="E27"
        )
    waiver = WaiverSettings(**values)
    if not all(waiver.pair) or waiver.versions.count("->") != 1:
        raise HarnessError(
            f'versions is "{waiver.versions}"',
            where=place,
            hint='name a pair: versions = "1.1.0 -> 1.2.0"; * stands for any',
            code="E27",
        )
    return waiver


def read_drift(data: Mapping[str, Any], place: str) -> DriftSettings:
    """`[tool.harness.drift]`; limits without an anchor, or an anchor without limits, are refused."""
    table = Table(data.get("drift", {}), DriftSettings, f"{place}.drift")
    drift = DriftSettings(**table.plain("over", "max_share", "max_mean_shift", "owner", "reason"))
    limits = (drift.max_share, drift.max_mean_shift)
    if bool(data.get("anchor")) != any(limit is not None for limit in limits):
        words = "drift has limits and no anchor" if table.data else "anchor has no drift limits"
        if data.get("anchor") and table.data:
            words = "drift has no limit"
        raise HarnessError(
            words,
            where=f"{place}.drift",
            hint='name both: anchor = "1.0.0", and max_share or max_mean_shift under drift',
            code="E27",
        )
    for key, value in (("over", drift.over), ("max_share", drift.max_share)):
        if value is not None and not 0 <= value < (1 if key == "max_share" else float("inf")):
            raise HarnessError(
                f"{key} is {value}", where=f"{place}.drift", hint="a share: 0.05 is 5%", code="E27"
            )
    if drift.max_mean_shift is not None and not 0 <= drift.max_mean_shift < float("inf"):
        raise HarnessError(
            f"max_mean_shift is {drift.max_mean_shift}",
            where=f"{place}.drift",
            hint="a share of the anchor's mean size: 0.05 is 5%",
            code="E27",
        )
    return drift


def read_retrain(data: Mapping[str, Any], place: str) -> Retrain:
    """`[tool.harness.retrain]` of this configuration."""
    table = Table(data.get("retrain", {}), Retrain, f"{place}.retrain")
    retrain = Retrain(**table.plain("primary", "margin", "max_changed_rate", "reason"))
    positive(retrain.margin, "margin", table.place)
    rate = retrain.max_changed_rate
    if rate is not None and not 0 <= rate <= 1:
        raise HarnessError(
            f"max_changed_rate is {rate}", where=table.place, hint="a share: 0 to 1", code="E27"
        )
    if rate is not None and not retrain.reason:
        raise HarnessError(
            "max_changed_rate has no reason", where=table.place, hint='add reason = "…" beside it'
        )
    return retrain
