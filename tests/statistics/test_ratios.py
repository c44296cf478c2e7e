"""Intervals of ratios: against scipy, and counted over many measurements whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics.ratios import ALPHA, of_calls, of_starts

SECONDS = st.lists(st.floats(1e-4, 10), min_size=5, max_size=40)


def median(x):
    return np.median(x, axis=-1)


@given(SECONDS)
def test_the_interval_of_a_few_starts_is_that_of_the_sign_test(values):
    found = of_starts(np.ones(len(values)), np.array(values)).ratio
    known = stats.quantile_test(values, p=0.5).confidence_interval(1 - 2 * ALPHA)
    assert (found.value, found.low, found.high) == (np.median(values), known.low, known.high)


def test_fewer_than_five_starts_have_no_ends():
    found = of_starts(np.ones(4), np.ones(4)).ratio
    assert found.value == 1
    assert np.isnan([found.low, found.high]).all()


def test_calls_are_resampled_in_pairs_as_scipy_does():
    rng = np.random.default_rng(1)
    slow = rng.lognormal(0, 1, 200)
    old, new = slow, slow * 1.1 * rng.lognormal(0, 0.05, 200)
    found = of_calls(old, new, median).ratio
    known = stats.bootstrap(
        (old, new), lambda b, c, axis: np.median(c, axis) / np.median(b, axis), paired=True, method="percentile",
        confidence_level=1 - 2 * ALPHA, n_resamples=4000, rng=rng,
    ).confidence_interval  # fmt: skip
    assert found.low == pytest.approx(known.low, rel=0.01)
    assert found.high == pytest.approx(known.high, rel=0.01)


@given(SECONDS, st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_ratio_has_no_unit_and_scales_with_the_candidate(values, unit, factor):
    old, new = np.array(values), np.array(values[::-1])
    for of in (of_starts, lambda b, c: of_calls(b, c, median)):
        one, other = of(old, new).ratio, of(old * unit, new * unit * factor).ratio
        assert (other.value, other.low, other.high) == pytest.approx(
            (one.value * factor, one.low * factor, one.high * factor)
        )


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_an_end_is_on_the_wrong_side_in_about_one_of_twenty(quantile):
    """400 calls of two versions that are alike, in bursts that slow both: the truth is 1."""
    rng = np.random.default_rng(7)
    wrong = np.zeros(2)
    for _ in range(120):
        burst = np.repeat(rng.lognormal(0, 0.3, 40), 10)
        old, new = (burst * rng.lognormal(0, 0.1, 400) for _ in range(2))
        found = of_calls(old, new, lambda x: np.quantile(x, quantile, axis=-1)).ratio
        wrong += [found.low > 1, found.high < 1]
    assert (wrong / 120 < 2 * ALPHA).all(), wrong


def test_the_same_measurements_give_the_same_interval():
    rng = np.random.default_rng(3)
    old, new = rng.lognormal(size=(2, 50))
    assert of_calls(old, new, median) == of_calls(old.copy(), new.copy(), median)
