"""Budgets that are statistics, against numpy and exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.budget import Budget, distances, mean_shift, quantile
from harness.tables import Column

finite = st.floats(-1e6, 1e6)
shares = st.integers(1, 1000).map(lambda n: n / 1000)


@given(st.lists(finite.map(abs), min_size=1, max_size=60), shares)
def test_a_quantile_is_the_smallest_distance_that_enough_rows_do_not_exceed(values, q):
    found = quantile(np.array(values), q)
    need = Fraction(repr(q)) * len(values)
    assert found in values
    assert sum(v <= found for v in values) >= need
    assert sum(v < found for v in values) < need


@given(st.lists(finite.map(abs), min_size=1, max_size=60), st.sampled_from([0.5, 0.25, 0.75, 1.0, 0.125]))
def test_a_quantile_is_numpys_where_the_share_is_exact(values, q):
    assert quantile(np.array(values), q) == np.quantile(values, q, method="inverted_cdf")


def test_the_seventh_of_a_hundred_is_not_the_eighth():
    assert quantile(np.arange(1.0, 101.0), 0.07) == 7.0  # 0.07 * 100 is 7.000000000000001


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=50), st.permutations(range(50)))
def test_a_mean_shift_is_that_of_fractions_in_any_order(pairs, order):
    b, c = (np.array(side) for side in zip(*pairs, strict=True))
    exact = sum((Fraction(y - x) for x, y in pairs), Fraction()) / len(pairs)
    found = mean_shift(Column("float", b), Column("float", c), relative=False)
    assert found == pytest.approx(float(exact), rel=1e-15, abs=0)
    rows = [row for row in order if row < len(pairs)]
    again = mean_shift(Column("float", b[rows]), Column("float", c[rows]), relative=False)
    assert again == found
    if abs(float(np.mean(b))) > 1e-3:
        share = mean_shift(Column("float", b), Column("float", c), relative=True)
        assert np.isnan(share) or share == pytest.approx(
            float(np.mean(c - b) / abs(np.mean(b))), rel=1e-6, abs=1e-9
        )


def test_integers_shift_exactly():
    big = Column("int", np.array([2**62, 2**62], np.int64))
    more = Column("int", np.array([2**62 + 1, 2**62], np.int64))
    assert mean_shift(big, more, relative=False) == 0.5


@pytest.mark.parametrize(
    ("b", "c", "relative"),
    [
        ([1.0], [None], False),
        ([1.0], [np.inf], False),
        ([], [], False),
        ([None], [None], False),
        ([-1.0, 1.0], [2.0, 2.0], True),
    ],
)
def test_a_shift_that_is_undefined_is_nan(b, c, relative):
    old, new = (Column("float", np.array([np.nan if v is None else v for v in side])) for side in (b, c))
    assert np.isnan(mean_shift(old, new, relative))


def test_what_agrees_shifts_nothing():
    same = Column.of([np.inf, 1.0, np.nan])
    assert mean_shift(same, same, relative=False) == 0.0
    assert distances(same, same).tolist() == [0.0, 0.0]
    zero = Column.of([0.0, 0.0])
    assert mean_shift(zero, zero, relative=True) == 0.0


def test_a_lost_number_is_infinitely_far_and_violates():
    old, new = Column.of([1.0, 2.0, np.nan]), Column.of([1.5, np.nan, np.nan])
    assert distances(old, new).tolist() == [0.5, np.inf]
    assert Budget().judge(old, new).violates.tolist() == [False, True, False]
    assert Budget(equal_nan=False).judge(old, new).violates.tolist() == [False, True, True]
    assert Budget().judge(Column.of(["a", "a"]), Column.of(["a", "b"])).violates.tolist() == [False, True]
