"""Cases as a report shows them: those harmed most, then the worst of every rule by turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan

from harness.reporting.numbers import as_float, number
from harness.reporting.rule_view import RuleView
from harness.reporting.text import clean, shown
from harness.reporting.tones import Record, anchor

CASES = 20
"""Cases that the page shows; `report.json` has all that were kept."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case: what went in, what came out of both, and which rule it is shown for."""

    anchor: str
    key: str
    source: str
    rule: str
    output: str
    says: str
    baseline: str
    candidate: str
    target: str
    magnitude: str
    note: str
    inputs: tuple[tuple[str, str], ...]
    more_inputs: int


def most_telling(findings: Sequence[Record], rules: Sequence[tuple[str, str]]) -> tuple[CaseView, ...]:
    """At most `CASES`: harmed cases first, then the worst of every rule by turns, so that no rule hides another."""
    order = {name: place for place, name in enumerate(rules)}
    groups: dict[tuple[int, int], list[Record]] = {}
    for one in findings:
        place = order.get((clean(one["rule"], 100), clean(one["source"], 100)), len(order))
        groups.setdefault((int(one["harm"] is None), place), []).append(one)
    ranked = [sorted(groups[key], key=_gravity) for key in sorted(groups)]
    taken = [0] * len(ranked)
    left = CASES
    while left and any(count < len(group) for count, group in zip(taken, ranked, strict=True)):
        for place, group in enumerate(ranked):
            if left and taken[place] < len(group):
                taken[place] += 1
                left -= 1
    chosen = [one for count, group in zip(taken, ranked, strict=True) for one in group[:count]]
    return tuple(_case(one) for one in chosen)


def _gravity(one: Record) -> tuple[float, str]:
    size = as_float(one["magnitude"])
    return (-inf if size is None or isnan(size) else -size, str(one["key"]))


def _case(one: Record) -> CaseView:
    output, harmed = one["output"], one["harm"] is not None
    inputs = list(one["inputs"].items())
    size = number(one["magnitude"])
    note = "shrunk from a generated counterexample" if one["shrunk"] else ""
    return CaseView(
        anchor=case_name(one),
        key=clean(one["key"], 60),
        source=clean(one["source"], 100),
        rule=clean(one["rule"], 100),
        output=clean(output, 60),
        says=clean(one["says"]),
        baseline=_answer(one["baseline"], output),
        candidate=_answer(one["candidate"], output),
        target="" if one["target"] is None else shown(one["target"]),
        magnitude=f"error +{size}" if harmed else size,
        note=note,
        inputs=tuple((clean(name, 40), shown(value, 60)) for name, value in inputs[:16]),
        more_inputs=max(0, len(inputs) - 16),
    )


def worst_case(record: Record, rule: RuleView) -> str:
    """The worst case of a rule in one line: `x 13; prediction 27.0 → 27.5`; the shrunk one, where there is one."""
    found = [
        one
        for one in record["result"]["findings"]
        if (clean(one["rule"], 100), clean(one["source"], 100)) == (rule.name, rule.inputs)
    ]
    if not found:
        return ""
    one = min(found, key=lambda one: (not one["shrunk"], *_gravity(one)))
    inputs = ", ".join(
        f"{clean(name, 40)} {shown(value, 40)}" for name, value in list(one["inputs"].items())[:12]
    )
    more = ", …" if len(one["inputs"]) > 12 else ""
    old, new = (_answer(one[side], one["output"]) for side in ("baseline", "candidate"))
    return f"{clean(one['key'], 60)}: {inputs}{more}; {clean(one['output'], 60)} {old} → {new}"


def _answer(answer: Record, output: str) -> str:
    if output in answer:
        return shown(answer[output])
    return clean("; ".join(f"{name}: {shown(value)}" for name, value in answer.items()), 160) or "–"


def case_name(one: Record) -> str:
    """What a case of a report is called there, and by `harness show`: `case-3f2a91c07e`."""
    return anchor("case", one["source"], one["rule"], one["output"], one["key"], str(one["harm"] is not None))
