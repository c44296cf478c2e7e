"""Rules of operation, judged from what was measured: PASS and FAIL only where the whole interval says so.

The numbers differ from run to run. They stand in the run record beside its `result`, which says what came of them, and
are kept with the answers: a run that is judged again is judged on the same numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from harness.compare.results import FAIL, INCONCLUSIVE
from harness.compare.rules.operations import (
    Calls,
    Latency,
    Operation,
    Size,
    Throughput,
    limit_words,
    shown,
)
from harness.compare.ruleset import Bound
from harness.compare.verdict import RuleResult
from harness.errors import HarnessError
from harness.run.measure import Measured, measured
from harness.run.plan import Plan
from harness.statistics import ratios
from harness.statistics.ratios import Compared, Interval


def judge(plan: Plan, bound: Bound) -> RuleResult:
    """One rule of operation, by what was measured of its source."""
    rule = bound.rule
    assert isinstance(rule, Operation)
    result = RuleResult(bound, INCONCLUSIVE, "not measured", limit_words(rule))
    found = measured(plan.work / bound.source, rule.need)
    if found is None:
        return replace(result, code="E10", reason=f"{rule.name}: nothing was measured")
    if isinstance(found, HarnessError):
        return replace(result, code=found.code, reason=found.message)
    try:
        compared = _compared(rule, found)
    except (KeyError, ValueError, ZeroDivisionError) as error:
        return replace(result, code="E29", reason=f"{rule.name}: what was measured is no pair: {error}")
    ratio, own = compared.ratio, compared.candidate
    status, reason, code = rule.judge((ratio.low, ratio.high), (own.low, own.high))
    return replace(
        result,
        status=status,
        measured=_words(rule, compared, found),
        violations=int(status == FAIL),
        reason=reason,
        code=code,
        beside=_beside(rule, compared, found),
    )


def _compared(rule: Operation, found: Measured) -> Compared:
    key = "bytes" if rule.unit == "bytes" else "s"
    old, new = (np.array(side[key], float) for side in (found.baseline, found.candidate))
    if len(old) != len(new) or not len(old) or not (min(old.min(), new.min()) > 0):
        raise ValueError(f"{len(old)} and {len(new)} values, all of which have to be above 0")
    if isinstance(rule.need, Size):
        exact = (Interval(float(x), float(x), float(x)) for x in (old[0], new[0], new[0] / old[0]))
        return Compared(*exact)
    if not isinstance(rule.need, Calls):
        return ratios.of_starts(old, new)
    if isinstance(rule, Latency):
        q = rule.quantile
        return ratios.of_calls(old, new, lambda x: np.quantile(x, q, axis=-1))
    assert isinstance(rule, Throughput)
    return ratios.of_calls(old, new, lambda x: found.rows / x.mean(axis=-1))


def _words(rule: Operation, compared: Compared, found: Measured) -> str:
    """`1.04 x (0.99 to 1.08): 3.1 ms → 3.2 ms, 400 pairs`."""
    ratio = compared.ratio
    spread = "" if ratio.low == ratio.high else f" ({ratio.low:.3g} to {ratio.high:.3g})"
    both = f"{shown(compared.baseline.value, rule.unit)} → {shown(compared.candidate.value, rule.unit)}"
    many = "" if isinstance(rule.need, Size) else f", {_pairs(found):,} pairs"
    if isinstance(rule.need, Calls) and found.rows < rule.need.rows:
        many += f" of {found.rows:,} rows"
    return f"{ratio.value:.3g} x{spread}: {both}{many}"


def _pairs(found: Measured) -> int:
    return max(len(values) for values in found.candidate.values())


def _beside(rule: Operation, compared: Compared, found: Measured) -> dict[str, Any]:
    return {
        "measure": rule.name,
        "unit": rule.unit,
        "baseline": compared.baseline.value,
        "candidate": compared.candidate.value,
        "candidate_low": compared.candidate.low,
        "candidate_high": compared.candidate.high,
        "ratio": compared.ratio.value,
        "ratio_low": compared.ratio.low,
        "ratio_high": compared.ratio.high,
        "pairs": _pairs(found),
        "rows": found.rows,
    }
