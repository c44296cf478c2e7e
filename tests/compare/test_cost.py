"""Costs are exact, priced by the most exact entry, and undefined where anything has no price."""

from __future__ import annotations

import datetime
from collections import Counter
from fractions import Fraction
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import settings as configuration
from harness.compare.cost import Cost, cost, priced
from harness.compare.ruleset import SourceFacts, bind
from harness.errors import HarnessError
from harness.settings import MaxCost
from harness.tables import Column

LABELS = st.sampled_from(["good", "bad", "ugly"])
PRICES = {"good -> bad": 250.0, "bad -> *": 20.0, "* -> ugly": 3.0, "* -> *": 1.0}


def by_hand(old: str, new: str) -> float:
    """The price of a flip, told apart case by case."""
    if old == new:
        return 0.0
    if (old, new) == ("good", "bad"):
        return 250.0
    if old == "bad":
        return 20.0
    return 3.0 if new == "ugly" else 1.0


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_flips_cost_what_their_prices_say(pairs):
    b, c = (Column.of([pair[side] for pair in pairs]) for side in (0, 1))
    counts = Counter(pairs)
    expected = sum(count * by_hand(*pair) for pair, count in counts.items())
    assert cost(b, c, MaxCost(0.0, flips=PRICES)) == expected
    assert cost(b, c, MaxCost(0.0, flips=PRICES, per_case=True)) == pytest.approx(expected / len(pairs))


@given(
    st.lists(
        st.tuples(*[st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 5e-324, 1e300])] * 2),
        min_size=1,
        max_size=40,
    ),
    st.floats(0.01, 100),
)
def test_errors_cost_their_size_whatever_the_order(pairs, price):
    b, c = (Column.of([pair[side] for pair in pairs]) for side in (0, 1))
    exact = sum(abs(Fraction(new) - Fraction(old)) for old, new in pairs) * Fraction(price)
    found = cost(b, c, MaxCost(0.0, error=price))
    assert found == float(exact)
    turned = [Column.of([pair[side] for pair in reversed(pairs)]) for side in (0, 1)]
    assert cost(*turned, MaxCost(0.0, error=price)) == found


def test_integers_are_subtracted_exactly():
    b, c = Column.of([2**53, 0]), Column.of([2**53 + 1, 0])
    assert cost(b, c, MaxCost(0.0, error=1.0)) == 1.0


@pytest.mark.parametrize(
    ("b", "c", "price"),
    [
        (["a"], ["b"], {"flips": {"b -> a": 1.0}}),
        (["a"], [None], {"flips": {"* -> *": 1.0}}),
        ([1.0], [float("nan")], {"error": 1.0}),
        ([1.0], [float("inf")], {"error": 1.0}),
        ([None], [None], {"error": 1.0}),
        (["a"], ["a"], {"error": 1.0}),
    ],
)
def test_what_has_no_price_has_no_sum(b, c, price):
    assert isnan(cost(Column.of(b), Column.of(c), MaxCost(1e9, **price)))


def test_labels_of_any_kind_are_priced_as_they_are_written():
    assert (
        cost(Column.of([True, False]), Column.of([False, False]), MaxCost(0, flips={"true -> false": 7.0}))
        == 7.0
    )
    assert cost(Column.of([1, 2]), Column.of([2, 2]), MaxCost(0, flips={"1 -> 2": 3.0})) == 3.0
    assert priced({"a -> b": 1.0}, "b", "a") is None


@pytest.mark.parametrize(("old", "new"), [(1, "1"), (True, "true"), ("1", 1.0), (1, 1.0)])
def test_a_label_of_another_type_among_others_has_no_price(old, new):
    """In a column of several kinds the change of a type is written as no change at all."""
    b, c = Column.of([old, "a", []]), Column.of([new, "a", []])
    assert Cost().judge(b, c).violates.tolist() == [True, False, False]
    assert isnan(cost(b, c, MaxCost(1e9, flips={"* -> *": 1.0})))
    assert cost(b, b, MaxCost(1e9, flips={"* -> *": 1.0})) == 0.0


def bound(tmp_path, rule: str):
    path = tmp_path / "harness.toml"
    path.write_text(
        f'model = "m"\n[[inputs]]\nname = "rows"\npath = "rows.csv"\n[[rules]]\nname = "price"\n{rule}\n'
    )
    settings = configuration.load(path)
    return bind(settings, "refactor", [SourceFacts("rows", False, False)], None, datetime.date(2026, 1, 1))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('rule = "cost"', "prices nothing"),
        ('rule = "cost"\nmax_cost = { limit = 3 }', "nothing is priced"),
        ('rule = "cost"\nmax_cost = { error = 3 }', "limit"),
        ('rule = "cost"\nmax_cost = { limit = 1, error = 1, flips = { "a -> b" = 1 } }', "both priced"),
        ('rule = "cost"\nmax_cost = { limit = 1, flips = { "a" = 1 } }', "is no flip"),
        ('rule = "cost"\nmax_cost = { limit = 1, flips = { "a -> b" = -1 } }', "the price of a -> b"),
        ('rule = "cost"\nmax_cost = { limit = -1, error = 1 }', "limit"),
        ('rule = "cost"\nmax_cost = { limit = 1, eror = 1 }', 'did you mean "error"'),
    ],
)
def test_a_price_that_cannot_be_is_refused(tmp_path, rule, words):
    with pytest.raises(HarnessError) as caught:
        bound(tmp_path, rule)
    assert words in str(caught.value)
