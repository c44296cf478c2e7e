"""Budgets that are statistics, judged from kept answers: limits hold both ways, and what is undefined is no pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.compare.budget import Budget
from harness.compare.cost import Cost
from harness.compare.ruleset import Bound
from harness.compare.tally import Accounting, RuleTally, Tally
from harness.compare.verdict import SourceState
from harness.run.answers import Kept
from harness.run.budgets import judge_kept
from harness.settings import MaxCost, MaxMeanShift, MaxQuantile
from harness.tables import Column


def judged(old, new, rule=Budget(), **limits):  # noqa: B008  # a frozen value
    n = len(old)
    tally = Tally(Accounting(compared=n), {0: 1}, {"r": RuleTally(compared=n, outputs=("y",), cases=n)})
    rows, whole = np.arange(n), np.ones(n, bool)
    kept = Kept(rows, Column.of(rows), None, {"y": Column.of(old)}, {"y": Column.of(new)}, whole, whole)
    bound = Bound("r", "budget", "s", rule, **limits)
    return judge_kept(bound, SourceState("s", n, tally), kept, Path())


@pytest.mark.parametrize(
    ("new", "status"),
    [
        ([10.5, 10.5], "PASS"),
        ([9.5, 9.5], "PASS"),
        ([10.6, 10.5], "FAIL"),
        ([9.4, 9.5], "FAIL"),
        ([11.0, 9.0], "PASS"),
    ],
)
def test_a_mean_may_shift_neither_up_nor_down_by_more(new, status):
    assert judged([10.0, 10.0], new, max_mean_shift=MaxMeanShift(0.5)).status == status
    assert judged([10.0, 10.0], new, max_mean_shift=MaxMeanShift(0.05, relative=True)).status == status


def test_of_several_limits_each_holds():
    both = {"max_mean_shift": MaxMeanShift(0.5), "max_quantile": MaxQuantile(0.5, 0.5)}
    assert judged([10.0, 10.0], [11.0, 9.0], **both).status == "FAIL"
    assert judged([10.0, 10.0], [10.5, 9.5], **both).status == "PASS"


@pytest.mark.parametrize(
    ("old", "new", "limits", "code"),
    [
        ([-1.0, 1.0], [1.0, 1.0], {"max_mean_shift": MaxMeanShift(9.0, relative=True)}, "E29"),
        (["a"], ["b"], {"max_quantile": MaxQuantile(0.5, 9.0)}, "E28"),
        (["a"], ["b"], {"max_cost": MaxCost(9.0, flips={"b -> a": 1.0})}, "E29"),
    ],
)
def test_what_is_undefined_is_no_pass(old, new, limits, code):
    found = judged(old, new, Cost() if "max_cost" in limits else Budget(), **limits)
    assert (found.status, found.code) == ("INCONCLUSIVE", code)


def test_without_kept_answers_nothing_is_a_pass():
    tally = Tally(Accounting(compared=2), {0: 1}, {"r": RuleTally(compared=2, outputs=("y",), cases=2)})
    bound = Bound("r", "budget", "s", Budget(), max_quantile=MaxQuantile(0.5, 9.0))
    assert judge_kept(bound, SourceState("s", 2, tally), None, Path()).status == "INCONCLUSIVE"
