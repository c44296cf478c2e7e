"""Probabilities and vectors, against scipy's distances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from harness.compare.rules.groups import Group
from harness.compare.rules.vectors import CloseProbabilities, CloseVector, cosine_distance, l2_distance
from harness.tables import Column

parts = st.floats(-1e6, 1e6).map(lambda x: 0.0 if abs(x) < 1e-6 else x)


@st.composite
def pairs_of_vectors(draw):
    size = draw(st.integers(1, 6))
    vector = st.lists(parts, min_size=size, max_size=size)
    return draw(st.lists(st.tuples(vector, vector), min_size=1, max_size=6))


def as_columns(vectors):
    return {f"e[{i}]": Column.of([vector[i] for vector in vectors]) for i in range(len(vectors[0]))}


def as_lists(vectors):
    return {"e": Column("json", np.array([*vectors, None], object)[:-1])}


@pytest.mark.parametrize("shape", [as_columns, as_lists])
@given(pairs=pairs_of_vectors(), scale=st.sampled_from([1.0, 1e-300, 1e200]))
def test_distances_agree_with_scipy(shape, pairs, scale):
    old, new = (shape(side) for side in zip(*pairs, strict=True))
    group = Group.of(old, new)
    for limit in (0.1, *(distance.euclidean(b, c) for b, c in pairs)):
        seen = CloseVector(max_l2_distance=limit).judge_together(old, new).violates
        turned = CloseVector(max_cosine_distance=0.5).judge_together(old, new).violates
        for row, (b, c) in enumerate(pairs):
            if abs(distance.euclidean(b, c) - limit) > 1e-9 * limit:
                assert seen[row] == (distance.euclidean(b, c) > limit)
            if any(b) and any(c) and abs(distance.cosine(b, c) - 0.5) > 1e-9:
                assert turned[row] == (distance.cosine(b, c) > 0.5)
    euclid = [distance.euclidean(b, c) for b, c in pairs]
    assert l2_distance(group) == pytest.approx(euclid, rel=1e-12)
    for (b, c), got in zip(pairs, cosine_distance(group), strict=True):
        if any(b) and any(c):
            assert got == pytest.approx(distance.cosine(b, c), rel=1e-9, abs=1e-14)
        else:
            assert got == (0.0 if b == c else math.inf)
    # the direction is the same however long, and nothing overflows or vanishes on the way
    far = Group.of(
        *(shape([[x * scale for x in vector] for vector in side]) for side in zip(*pairs, strict=True))
    )
    assert cosine_distance(far) == pytest.approx(cosine_distance(group), rel=1e-9, abs=1e-14)
    assert l2_distance(far) == pytest.approx([x * scale for x in euclid], rel=1e-9, abs=1e-320)


@given(pairs=pairs_of_vectors())
def test_half_the_cityblock_distance_is_the_total_variation(pairs):
    old, new = (as_columns(side) for side in zip(*pairs, strict=True))
    seen = CloseProbabilities(max_total_variation=0.25).judge_together(old, new)
    expected = [distance.cityblock(b, c) / 2 for b, c in pairs]
    assert seen.magnitude == pytest.approx(expected, rel=1e-12)
    for limit in (0.25, *expected):
        found = CloseProbabilities(max_total_variation=limit).judge_together(old, new).violates
        for violates, total in zip(found, expected, strict=True):
            if abs(total - limit) > 1e-9 * limit:
                assert violates == (total > limit)
    largest = CloseProbabilities(atol=0.25).judge_together(old, new)
    assert largest.magnitude.tolist() == [distance.chebyshev(b, c) for b, c in pairs]
    assert largest.violates.tolist() == [distance.chebyshev(b, c) > 0.25 for b, c in pairs]


def test_a_row_is_judged_by_all_its_classes_and_the_one_that_moved_most_is_shown():
    old = {"probability_a": Column.of([0.5, 0.5]), "probability_b": Column.of([0.5, 0.5])}
    new = {"probability_a": Column.of([0.46, 0.4]), "probability_b": Column.of([0.54, 0.65])}
    seen = CloseProbabilities(atol=0.1).judge_together(old, new)
    assert seen.violates.tolist() == [False, True]
    assert seen.output.tolist()[1] == "probability_b"
    assert CloseProbabilities(max_total_variation=0.05).judge_together(old, new).violates.tolist() == [
        False,
        True,
    ]


def test_a_class_without_a_number_on_one_side_violates_and_does_not_hide_the_others():
    nan = math.nan
    old = {"a": Column.of([nan, nan, 0.5]), "b": Column.of([0.5, 0.5, 0.5])}
    new = {"a": Column.of([nan, 0.5, 0.5]), "b": Column.of([0.9, 0.5, 0.5])}
    seen = CloseProbabilities(atol=0.1).judge_together(old, new)
    assert seen.violates.tolist() == [True, True, False]
    assert seen.both_nan.tolist() == [True, False, False]


@pytest.mark.parametrize("rule", [CloseVector(2.0, 1e300), CloseProbabilities(atol=1e300)])
def test_an_infinite_part_agrees_with_its_equal_alone(rule):
    inf = math.inf
    old = {"a": Column.of([inf, inf, 1.0]), "b": Column.of([1.0] * 3)}
    new = {"a": Column.of([inf, -inf, inf]), "b": Column.of([1.0] * 3)}
    assert rule.judge_together(old, new).violates.tolist() == [False, True, True]


@pytest.mark.parametrize("rule", [CloseVector(2.0, 1e300), CloseProbabilities(atol=1e300)])
def test_a_list_of_another_length_or_of_no_numbers_is_another_answer(rule):
    old = Column.of([[1.0, 2.0], [1.0, 2.0], [1.0, "x"], [1.0, True], [1.0, "x"]])
    new = Column.of([[1.0, 2.5], [1.0], [1.0, "y"], [1.0, 1], [1.0, "x"]])
    assert rule.judge(old, new).violates.tolist() == [False, True, True, True, False]


def test_of_two_limits_both_hold():
    old, new = Column.of([[1.0, 0.0]] * 3), Column.of([[0.0, 1.0], [9.0, 0.0], [1.1, 0.0]])
    rule = CloseVector(max_cosine_distance=0.5, max_l2_distance=2.0)
    assert rule.judge(old, new).violates.tolist() == [True, True, False]
    old, new = Column.of([[0.5, 0.5]] * 3), Column.of([[0.5, 0.9], [0.6, 0.6], [0.55, 0.5]])
    both = CloseProbabilities(atol=0.1 + 1e-9, max_total_variation=0.09)
    assert both.judge(old, new).violates.tolist() == [True, True, False]


def test_integers_are_subtracted_as_integers():
    old, new = {"a": Column.of([2**53 + 1])}, {"a": Column.of([2**53])}
    assert CloseVector(max_l2_distance=0.5).judge_together(old, new).violates.tolist() == [True]


def test_a_list_gives_the_same_bits_whatever_else_is_in_the_batch():
    """A batch of whole lists goes a faster way; its sums run in the same order."""
    random = np.random.default_rng(3)
    old, new = (random.lognormal(0, 9, (50, 13)).tolist() for _ in range(2))
    for rule in (
        CloseVector(max_l2_distance=1.0),
        CloseVector(max_cosine_distance=0.1),
        CloseProbabilities(None, 0.1),
    ):
        fast = rule.judge(Column.of(old), Column.of(new)).magnitude
        slow = rule.judge(Column.of([*old, [1.0]]), Column.of([*new, [None]])).magnitude
        assert fast.tolist() == slow.tolist()[:-1]


def test_a_total_beyond_every_float_is_infinitely_apart():
    huge = np.array([np.finfo(float).max])
    old = {name: Column.of(np.zeros(1)) for name in "abc"}
    new = {name: Column.of(huge) for name in "abc"}
    seen = CloseProbabilities(max_total_variation=0.5).judge_together(old, new)
    assert (seen.violates.all(), seen.magnitude[0]) == (True, np.inf)
