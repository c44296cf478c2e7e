"""Which of several configured rules stands where they meet: `replaces`, and contradictions that are refused.

A rule that names another in `replaces` takes its own cases from that one, for the outputs that both judge. Nothing
else decides between configured rules: where two meet, both judge. Two that could only disagree are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from harness.compare import census
from harness.compare.cases import Leaving, Selection
from harness.compare.outputs import means
from harness.compare.rules import Rule, SameError
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.slices import Slicing
from harness.compare.where import Where
from harness.errors import HarnessError, did_you_mean
from harness.settings import RuleSettings


@dataclass(frozen=True, slots=True)
class Asked:
    """A configured rule, read: its kind made, its condition and slices parsed. `place` is where it stands."""

    item: RuleSettings
    rule: Rule
    place: str
    where: Where | None = None
    slices: tuple[Slicing, ...] = ()


def check_replaces(asked: Sequence[Asked], outputs: tuple[str, ...] | None) -> None:
    """Every `replaces` names another rule with outputs in common, and none leads back to where it began (E27)."""
    rules = {one.item.name: one for one in asked}
    for one in asked:
        name, target = one.item.name, one.item.replaces
        if not target:
            continue
        if target not in rules:
            raise _refused(
                f'rule {name} replaces an unknown rule "{target}"',
                one.place,
                did_you_mean(target, rules)
                if len(rules) > 1
                else "a configured rule takes its cases from the defaults anyway",
            )
        chain = [name]
        while target:
            if target in chain:
                raise _refused(
                    f"rules replace one another: {' → '.join([*chain, target])}",
                    one.place,
                    "cases that leave every rule would be judged by none: drop one replaces",
                )
            chain.append(target)
            target = rules[target].item.replaces if target in rules else ""
        replaced = rules[one.item.replaces]
        if isinstance(replaced.rule, (SameError, *census.KINDS, *OPERATIONS)):
            raise _refused(
                f"rule {name} replaces {replaced.item.name}, which accounts for errors, nulls or classes, or measures",
                one.place,
                "drop replaces",
            )
        if outputs is not None and not _meet(one.item.output, replaced.item.output, outputs):
            raise _refused(
                f"rule {name} replaces {one.item.replaces}, and they have no output in common",
                one.place,
                "drop replaces, or mend output",
                code="E28",
            )


def leaving(one: Asked, applied: Sequence[Asked]) -> tuple[Leaving, ...]:
    """The cases that leave a rule, by the rules of the same source that replace it."""
    return tuple(
        Leaving(other.item.name, other.item.output, other.where)
        for other in applied
        if other.item.replaces == one.item.name
    )


def standing(applied: Sequence[Asked], outputs: tuple[str, ...] | None) -> list[Asked]:
    """The rules that have anything left to judge: one that is replaced in every case of every output is gone."""
    found = []
    for one in applied:
        selection = Selection(one.item.output, one.where, leaving(one, applied))
        whole = [gone for gone in selection.leaves if gone.where is None]
        if outputs is None:
            gone = any(other.output in ("*", one.item.output) for other in whole)
        else:
            gone = bool(whole) and not any(selection.judges(output) for output in outputs)
        if not gone:
            found.append(one)
    return found


def check_contradictions(applied: Sequence[Asked], outputs: tuple[str, ...] | None, source: str) -> None:
    """Two rules of one kind on the same cases of one output that differ in their tolerance, or in their budget
    for the same tolerance: only one of them can be meant (E27). A ladder (a wider tolerance with a smaller budget)
    differs in both and is none, nor is a warning below a limit."""
    for a, b in combinations(applied, 2):
        if a.item.rule != b.item.rule or a.where != b.where or a.item.severity != b.item.severity:
            continue
        if b.item.name == a.item.replaces or a.item.name == b.item.replaces:
            continue
        if not _meet(a.item.output, b.item.output, outputs):
            continue
        mine, theirs = _budgets(a.item), _budgets(b.item)
        if a.rule == b.rule:
            against = any(mine[key] != theirs[key] for key in mine.keys() & theirs.keys())
            said = f"{a.rule.says()} with different budgets"
        else:
            against = mine == theirs
            said = f"{a.rule.says()}, and {b.rule.says()}"
        if against:
            names = f"{a.item.name} and {b.item.name}"
            raise _refused(
                f"rules {names} contradict each other on {source}: {said}",
                f"{a.place}; {b.place}",
                'drop one, give one a where, or let one say replaces = "…"',
            )


def _budgets(item: RuleSettings) -> dict[tuple[Any, ...], Any]:
    """Its limits, by what they limit: the 50th and the 99th percentile may well have a limit each."""
    found: dict[tuple[Any, ...], Any] = {
        ("rows", ""): (item.max_violations or 0, item.max_violation_rate or 0.0),
    }
    if item.max_quantile is not None:
        found["quantile", item.max_quantile.q] = item.max_quantile.limit
    if item.max_mean_shift is not None:
        found["shift", item.max_mean_shift.relative] = item.max_mean_shift.limit
    if item.max_cost is not None:
        found["cost", item.max_cost.unit, item.max_cost.per_case] = item.max_cost.limit
    return found


def _meet(a: str, b: str, outputs: tuple[str, ...] | None) -> bool:
    """Whether two globs have an output in common; where outputs are not known, whether they may be alike."""
    if outputs is None:
        return a == b or means(b, a) or means(a, b)
    return any(means(a, name) and means(b, name) for name in outputs)


def _refused(message: str, place: str, hint: str, code: str = "E27") -> HarnessError:
    return HarnessError(message, where=place, hint=hint, code=code)
