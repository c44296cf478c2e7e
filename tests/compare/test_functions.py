"""Rules as plain functions: what they are given, what they may answer, what becomes a key."""

from __future__ import annotations

import math
import types

import numpy as np
import pytest

from harness.compare.rules import Exact, make, rule
from harness.compare.rules.functions import array, declared
from harness.compare.rules.kinds import keys_of
from harness.errors import HarnessError
from harness.tables import Column


@rule("spied")
def spied(baseline, candidate, inputs, *, by: float = 0.0, label="x", most: int | None = None):
    """Seen by a spy.

    More words.
    """
    GIVEN.append((baseline, candidate, inputs))
    return candidate != baseline


GIVEN: list = []


@pytest.fixture
def kind():
    GIVEN.clear()
    return declared({"spied": spied})["spied"]


def test_rows_without_a_value_never_reach_the_function(kind):
    nan = math.nan
    old, new = Column.of([1.0, nan, None, 4.0, nan]), Column.of([1.0, 2.0, 3.0, 5.0, nan])
    inputs = {
        "n": Column.of([None, 2, 3, 4, 5]),
        "s": Column.of(["a", None, "c", "d", "e"]),
        "f": Column.of([1.5, nan, None, nan, 0.0]),
    }
    seen = kind().judge_cases(old, new, inputs)
    assert seen.violates.tolist() == [False, True, True, True, False]
    assert seen.both_nan.tolist() == [False, False, False, False, True]
    assert seen.magnitude.tolist() == [0.0, math.inf, math.inf, 1.0, 0.0]
    ((b, c, given),) = GIVEN
    assert (b.tolist(), c.tolist()) == ([1.0, 4.0], [1.0, 5.0])
    assert given["n"].tolist() == [None, 4]
    assert given["s"].tolist() == ["a", "d"]
    assert given["f"][0] == 1.5
    assert np.isnan(given["f"][1])
    assert kind(equal_nan=False).judge(old, new).violates.tolist() == [False, True, True, True, True]
    # nor those whose value is gone in the candidate alone
    GIVEN.clear()
    assert kind().judge(new, old).violates.tolist() == [False, True, True, True, False]
    assert (GIVEN[0][0].tolist(), GIVEN[0][1].tolist()) == ([1.0, 5.0], [1.0, 4.0])


def test_no_row_with_a_value_is_no_question(kind):
    assert kind().judge(Column.of([math.nan]), Column.of([math.nan])).violates.tolist() == [False]
    assert GIVEN == []


def test_another_kind_of_value_violates_unasked(kind):
    assert kind().judge(Column.of(["1"]), Column.of([1])).violates.tolist() == [True]
    assert GIVEN == []


def test_labels_have_no_distance(kind):
    seen = kind().judge(Column.of(["a", "b"]), Column.of(["a", "c"]))
    assert (seen.violates.tolist(), seen.magnitude.tolist()) == ([False, True], [0.0, 1.0])


def test_what_is_given_cannot_be_written_to(kind):
    kind().judge_cases(Column.of([1.0]), Column.of([2.0]), {"x": Column.of([1.0])})
    ((b, c, inputs),) = GIVEN
    for values in (b, c, inputs["x"]):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0.0


def test_an_absent_date_is_nat():
    column = Column("datetime", np.array([0, 1], "datetime64[ns]"), np.array([True, False]))
    assert np.isnat(array(column)).tolist() == [True, False]
    assert not np.isnat(column.values).any()


def test_arguments_by_keyword_are_keys(kind):
    assert {name: str(item.type) for name, item in keys_of(kind).items()} == {
        "equal_nan": "bool", "by": "float", "label": "str", "most": "int | None",
    }  # fmt: skip
    assert kind(by=0.5).says() == "Seen by a spy (by = 0.5, label = 'x', most = None)"
    assert kind(by=0.5) == kind(by=0.5)


def test_keys_are_checked_as_those_of_other_rules_are(kind, monkeypatch):
    from harness.compare.rules import REGISTRY

    monkeypatch.setitem(REGISTRY._loaded, "spied", kind)
    assert make("spied", {"by": 2}, name="r", equal_nan=False).by == 2.0
    assert make("spied", {}, name="r", equal_nan=False).equal_nan is False
    for key, value, words in (("by", "x", "by must be a number"), ("most", 1.5, "most must be a whole number"),
                              ("label", 1, "label must be text"), ("bye", 1, 'unknown key "bye"')):  # fmt: skip
        with pytest.raises(HarnessError, match=words) as caught:
            make("spied", {key: value}, name="r", equal_nan=True)
        assert caught.value.code == "E27"


def test_a_key_without_a_default_has_to_be_set(monkeypatch):
    from harness.compare.rules import REGISTRY

    @rule("needy")
    def needy(baseline, candidate, inputs, *, by: float):
        return baseline != candidate

    monkeypatch.setitem(REGISTRY._loaded, "needy", declared({"needy": needy})["needy"])
    with pytest.raises(HarnessError, match="by is not set"):
        make("needy", {}, name="r", equal_nan=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda baseline, candidate: None,
        lambda *columns: None,
        lambda b, c, i, **keys: None,
        lambda b, c, i, j: None,
    ],
)
def test_another_signature_is_refused(function):
    with pytest.raises(HarnessError, match='rule "odd" takes'):
        rule("odd")(function)


def test_a_key_that_means_something_else_is_refused():
    with pytest.raises(HarnessError, match='the key "reason" of rule "odd"'):
        rule("odd")(lambda b, c, i, *, reason="": None)


def test_only_the_modules_own_functions_are_its_rules():
    module = types.ModuleType("elsewhere")
    module.spied = spied
    assert declared(module) == {}
    module.spied = spied
    module.__name__ = spied.__module__
    assert list(declared(module)) == ["spied"]


def test_two_functions_of_one_name_are_refused():
    with pytest.raises(HarnessError, match='two functions make the rule "spied"'):
        declared({"a": spied, "b": rule("spied")(lambda b, c, i: b != c)})


def test_a_rule_that_is_no_dataclass_is_refused(monkeypatch):
    from harness.compare.rules import REGISTRY

    class Plain:
        judge = Exact.judge
        says = Exact.says

    monkeypatch.setitem(REGISTRY._loaded, "plain", Plain)
    with pytest.raises(HarnessError, match="is no dataclass") as caught:
        make("plain", {}, name="r", equal_nan=True)
    assert caught.value.code == "E27"
