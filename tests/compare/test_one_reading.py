"""Rules that are answered by the kernel, in the pass in which it measures an output, judge as if each read it alone."""

from __future__ import annotations

import datetime
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare import numeric
from harness.compare.align import compare
from harness.compare.budget import Budget
from harness.compare.rules.values import within
from harness.compare.ruleset import Changed, SourceFacts, bind
from harness.settings import MaxQuantile, Retrain, RuleSettings, Settings
from harness.tables import Batch, Column, Outcome

floats = st.floats() | st.sampled_from(
    [0.0, -0.0, 1.0, 1.01, 1.0099, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324]
)
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2) | st.sampled_from([2**53, 2**53 + 1])
SORTS = {
    "float": (floats, np.float64),
    "float32": (st.floats(width=32), np.float32),
    "int": (integers, np.int64),
    "uint": (st.integers(0, 2**64 - 1), np.uint64),
    "str": (st.sampled_from(["a", "b"]), object),
    "json": (st.sampled_from([[1.0], [math.nan], {"a": 1}]), object),
}


@st.composite
def sides(draw):
    """Two columns of a few rows, often of one sort and with rows in common."""
    n = draw(st.integers(1, 6))
    sort = draw(st.sampled_from(sorted(SORTS)))
    made = []
    for name in (sort, draw(st.sampled_from([sort, sort, *SORTS]))):
        values, dtype = SORTS[name]
        drawn = draw(st.lists(values, min_size=n, max_size=n))
        array = np.array([*drawn, None], object)[:-1].astype(dtype)
        null = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
        kind = {"float32": "float", "uint": "int"}.get(name, name)
        made.append(Column(kind, array, null if draw(st.booleans()) else None))
    old, new = made
    if old.values.dtype == new.values.dtype and draw(st.booleans()):
        same = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
        new = Column(new.kind, np.where(same, old.values, new.values).astype(new.values.dtype), new.null)
    return old, new


def alone(column, row):
    """A plain value, None where there is none; floats of any width as Python's."""
    if column.null is not None and column.null[row]:
        return None
    value = column.values[row]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and math.isnan(value) else value


def same(b, c, equal_nan):
    if isinstance(b, list) and isinstance(c, list):
        return len(b) == len(c) and all(
            x == y or (equal_nan and x != x and y != y) for x, y in zip(b, c, strict=True)
        )
    return type(b) is type(c) and b == c


def far_apart(old, new, b, c, equal_nan):
    """Of a budget: whether two answers have no distance; of what is no number, whether they differ."""
    if {old.kind, new.kind} <= {"float", "int"}:
        if isinstance(b, int) and isinstance(c, int):
            return False
        return b != c and not math.isfinite(float(c) - float(b))
    return old.kind != new.kind or not same(b, c, equal_nan)


def changed(old, new, b, c, equal_nan):
    """Of a retrain without labels: numbers by over 1%, all else at all."""
    if old.kind != new.kind:
        return True
    if old.kind == "float":
        finite = math.isfinite(b) and math.isfinite(c)
        return b != c and (not finite or abs(c - b) > 0.01 * abs(b))
    return not same(b, c, equal_nan)


@pytest.mark.parametrize(("rule", "judge"), [(Budget, far_apart), (Changed, changed)])
@given(pair=sides(), equal_nan=st.booleans())
def test_a_row_is_judged_as_plain_python_says(rule, judge, pair, equal_nan):
    made = Budget(equal_nan) if rule is Budget else Changed(0.5, equal_nan)
    found = made.judge(*pair)
    old, new = pair
    for row in range(len(old)):
        b, c = alone(old, row), alone(new, row)
        if b is None or c is None:
            both = b is None and c is None
            assert found.both_nan[row] == both
            assert found.violates[row] == (not both or not equal_nan)
        else:
            assert not found.both_nan[row]
            assert found.violates[row] == judge(old, new, b, c, equal_nan)


def test_one_percent_is_no_change_and_what_is_beyond_it_is():
    old, new = Column.of([100.0, 100.0, -100.0]), Column.of([101.0, 101.0005, -99.0])
    assert Changed(0.5).judge(old, new).violates.tolist() == [False, True, False]


def bounds(*rules):
    retrain = Retrain(max_changed_rate=0.5, reason="no labels")
    settings = Settings(path=Path("h.toml"), root=Path(), model="m", rules=rules, retrain=retrain)
    facts = [SourceFacts("s", search=False, labelled=False)]
    return bind(settings, "retrain", facts, None, datetime.date(2026, 1, 1))


RULES = (
    RuleSettings("level", "budget", max_quantile=MaxQuantile(0.9, 1.0)),
    RuleSettings("strict", "budget", max_quantile=MaxQuantile(0.5, 1.0), parameters={"equal_nan": False}),
    RuleSettings("near", "close", parameters={"rtol": 0.01}),
    RuleSettings("same", "exact"),
)


@given(sides(), sides(), st.data())
def test_beside_others_a_rule_judges_as_alone(first, second, data):
    n = min(len(first[0]), len(second[0]))
    answered = [np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for _ in range(2)]
    old, new = (
        Outcome({"x": first[side].take(range(n)), "y": second[side].take(range(n))}, answered[side])
        for side in (0, 1)
    )
    batch = Batch("s", 0, 0, np.arange(n), {"i": Column("int", np.arange(n))})
    together = compare(batch, old, new, bounds(*RULES)).rules
    for bound in bounds(*RULES):
        assert repr(asdict(compare(batch, old, new, [bound]).rules[bound.name])) == repr(
            asdict(together[bound.name])
        )


def test_a_row_has_changed_where_any_of_its_outputs_has():
    old = {"x": Column.of([1.0, 1.0, 1.0]), "y": Column.of(["a", "a", "a"])}
    new = {"x": Column.of([2.0, 1.0, 1.0]), "y": Column.of(["a", "b", "a"])}
    batch = Batch("s", 0, 0, np.arange(3), {"i": Column.of([1, 2, 3])})
    for names in (("x", "y"), ("y", "x")):
        sides = [Outcome({name: side[name] for name in names}, np.ones(3, bool)) for side in (old, new)]
        (bound,) = (one for one in bounds() if one.name == "changed-rate")
        tally = compare(batch, *sides, [bound]).rules["changed-rate"]
        assert (tally.compared, tally.violations, tally.largest) == (3, 2, 1.0)
        assert [one.key for one in tally.findings] == ["0", "1"]


def test_one_reading_is_enough_for_all_of_them(monkeypatch):
    """Not one of them asks the kernel again."""
    calls = []
    measure = within.__globals__["measure"]
    for module in (within.__globals__, numeric.moved.__globals__):
        monkeypatch.setitem(
            module, "measure", lambda *given, **more: calls.append(1) or measure(*given, **more)
        )
    old, new = (
        Outcome({"x": Column.of([x, 2.0]), "y": Column.of([x, 5.0])}, np.ones(2, bool)) for x in (1.0, 1.5)
    )
    batch = Batch("s", 0, 0, np.arange(2), {"i": Column.of([1, 2])})
    tally = compare(batch, old, new, bounds(*RULES))
    assert tally.rules["changed-rate"].violations == tally.rules["near"].violations == 1
    assert len(calls) == 2  # one for each output
