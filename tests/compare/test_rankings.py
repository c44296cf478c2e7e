"""Rankings and sets, against scipy's Kendall tau and Jaccard distance, and plain sorting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from harness.compare.rules.rankings import (
    _BEHIND,
    FEW,
    SameRanking,
    SameTopK,
    Scores,
    by_sorting,
    inversions,
    kendall,
    pair_by_pair,
    places,
)
from harness.compare.rules.sets import SameSet
from harness.errors import HarnessError
from harness.tables import Column

scores = st.floats(allow_nan=False) | st.sampled_from([0.0, 0.25, 0.5])


@st.composite
def pairs_of_scores(draw, least=2):
    size = draw(st.integers(least, 7))
    row = st.lists(scores, min_size=size, max_size=size)
    return draw(st.lists(st.tuples(row, row), min_size=1, max_size=5))


def as_columns(rows):
    return {f"probability_{i}": Column.of([row[i] for row in rows]) for i in range(len(rows[0]))}


def as_tables(rows):
    return {"p": nested([dict(zip("abcdefg", row, strict=False)) for row in rows])}


def as_lists(rows):
    return {"p": nested(rows)}


def nested(values):
    array = np.empty(len(values), object)
    array[:] = list(values)
    return Column("json", array)


SHAPES = [as_columns, as_tables, as_lists]


@pytest.mark.parametrize("shape", SHAPES)
@given(pairs=pairs_of_scores(), least=st.sampled_from([-1.0, 0.0, 0.3, 1.0]))
def test_tau_agrees_with_scipy(shape, pairs, least):
    old, new = (shape(side) for side in zip(*pairs, strict=True))
    seen = SameRanking(min_tau=least, lists="scores").judge_together(old, new)
    for row, (b, c) in enumerate(pairs):
        constant = len(set(b)) == 1, len(set(c)) == 1
        if any(constant):
            tau = 1.0 if all(constant) else math.nan
        else:
            # ranks, since scipy subtracts nothing but is given infinities
            tau = float(stats.kendalltau(stats.rankdata(b), stats.rankdata(c)).statistic)
        expected = math.inf if math.isnan(tau) else 1 - tau
        assert seen.magnitude[row] == pytest.approx(expected, abs=1e-12)
        if abs(tau - least) > 1e-9 or math.isnan(tau):
            assert seen.violates[row] == (not tau >= least)


@pytest.mark.parametrize("shape", SHAPES)
@given(pairs=pairs_of_scores(least=3), k=st.integers(1, 2))
def test_the_best_are_those_that_fewer_than_k_beat(shape, pairs, k):
    old, new = (shape(side) for side in zip(*pairs, strict=True))
    seen = SameTopK(k=k, lists="scores").judge_together(old, new)
    overlap = SameRanking(min_tau=-1.0, k=k, min_overlap=0.75, lists="scores").judge_together(old, new)
    for row, pair in enumerate(pairs):
        b, c = ({i for i, x in enumerate(side) if sorted(side)[::-1].index(x) < k} for side in pair)
        assert seen.violates[row] == (b != c)
        assert seen.magnitude[row] == max(len(b - c), len(c - b))
        undefined = (len(set(pair[0])) == 1) != (len(set(pair[1])) == 1)
        assert overlap.violates[row] == (undefined or len(b & c) / max(len(b), len(c)) < 0.75)


@given(pairs=pairs_of_scores(least=3))
def test_in_the_same_order_means_that_every_pair_stands_alike(pairs):
    old, new = (as_columns(side) for side in zip(*pairs, strict=True))
    seen = SameTopK(k=7, ordered=True).judge_together(old, new)
    for row, (b, c) in enumerate(pairs):
        alike = stats.rankdata(b).tolist() == stats.rankdata(c).tolist()
        assert seen.violates[row] == (not alike)


@st.composite
def any_scores(draw):
    """Scores with ties, items that neither side names, and objects that no float holds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 4)), draw(st.integers(0, 70))
    highest = draw(st.sampled_from([1, 2, 5, 100]))
    sides = [rng.integers(0, highest, shape) for _ in range(2)]
    kind = draw(st.sampled_from(["int", "float", "object"]))
    if kind == "float":
        sides = [np.where(side == 0, -np.inf, side / 7) for side in sides]
    no = [rng.random(shape) < 0.1 for _ in range(2)]
    if kind == "object":
        sides = [np.where(side == 1, 2**70, side.astype(object)) for side in sides]
        for side, mask in zip(sides, no, strict=True):
            side[mask] = _BEHIND
    gone = rng.random(shape) < draw(st.sampled_from([0.0, 0.2, 1.0]))
    return Scores(*sides, gone, *no)


@given(any_scores())
def test_sorting_counts_what_looking_at_every_pair_does(scores):
    for fast, slow in zip(by_sorting(scores), pair_by_pair(scores), strict=True):
        assert fast.tolist() == slow.tolist()


@given(any_scores())
def test_a_place_is_how_many_have_a_larger_score(scores):
    found = places(scores.b, scores.gone)
    for row, (values, gone) in enumerate(zip(scores.b, scores.gone, strict=True)):
        for item in np.flatnonzero(~gone):
            larger = sum(other > values[item] for other in values[~gone])
            assert found[row, item] == larger


@given(st.integers(0, 40).flatmap(lambda m: st.permutations(range(m))))
def test_inversions_are_counted(order):
    expected = sum(x > y for place, x in enumerate(order) for y in order[place:])
    assert inversions(np.array([order], np.int64)).tolist() == [expected]


@pytest.mark.parametrize("size", [FEW, FEW + 1, 1000, 4097])
@pytest.mark.parametrize("ties", [3, 10**9])
def test_tau_of_long_rankings_agrees_with_scipy(size, ties):
    rng = np.random.default_rng(size)
    b = rng.integers(0, ties, (3, size))
    c = np.where(rng.random((3, size)) < 0.5, b, rng.integers(0, ties, (3, size)))
    none = np.zeros(b.shape, bool)
    found = kendall(Scores(b, c, none, none, none))
    assert found.tolist() == pytest.approx(
        [stats.kendalltau(x, y).statistic for x, y in zip(b, c, strict=True)], abs=1e-12
    )


items = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


@given(items, items)
def test_an_item_that_one_list_does_not_name_stands_behind_all_that_it_names(b, c):
    seen = SameRanking(min_tau=0.5).judge(nested([b]), nested([c]))
    if len(b) != len(c):
        assert seen.violates.tolist() == [True]
        assert seen.magnitude.tolist() == [math.inf]
        return
    union = sorted({*b, *c})
    places = [[side.index(item) if item in side else len(side) for item in union] for side in (b, c)]
    if len(union) < 2:
        assert not seen.violates.any()
    else:
        tau = stats.kendalltau(*places).statistic
        assert seen.magnitude.tolist() == pytest.approx([1 - tau], abs=1e-12)


def test_the_first_of_two_lists():
    old = Column.of([["a", "b", "c"]] * 5)
    new = Column.of([["b", "a", "d"], ["a", "d", "b"], ["a"], ["a", "a", "b"], ["a", "b", 1]])
    assert SameTopK(k=2).judge(old, new).violates.tolist() == [False, True, True, True, False]
    assert SameTopK(k=2, ordered=True).judge(old, new).violates.tolist() == [True, True, True, True, False]


def test_what_is_no_ranking_agrees_with_its_equal_alone():
    values = [["a", "a"], ["a", ["b"]], "ab", [None]]
    for rule in (SameRanking(min_tau=-1.0), SameTopK()):
        assert not rule.judge(nested(values), nested(list(values))).violates.any()
        assert rule.judge(nested(values), nested(values[1:] + values[:1])).violates.all()


@pytest.mark.parametrize(
    ("rule", "outputs"),
    [(SameRanking(), 1), (SameRanking(k=3), 3), (SameTopK(k=2), 2), (SameTopK(k=1, ordered=True), 1)],
)
def test_a_ranking_of_too_few_outputs_judges_nothing_and_says_so(rule, outputs):
    columns = {f"p{i}": Column.of([0.5]) for i in range(outputs)}
    with pytest.raises(HarnessError, match="cannot be ranked") as caught:
        rule.judge_together(columns, columns)
    assert "bind it to more outputs" in caught.value.hint


def test_large_integers_are_ranked_as_integers():
    b = {"a": Column.of([2**53]), "b": Column.of([2**53 + 1])}
    c = {"a": Column.of([2**53 + 1]), "b": Column.of([2**53])}
    assert SameTopK().judge_together(b, c).violates.tolist() == [True]
    # in float64, where a signed and an unsigned column meet, both pairs would tie
    sides = [
        {"a": Column.of([2**53]), "b": Column("int", np.array([x], np.uint64))} for x in (2**53 + 1, 2**53)
    ]
    assert SameTopK().judge_together(*sides).violates.tolist() == [True]
    big = {"a": Column("int", np.array([2**64 - 1], np.uint64)), "b": Column.of([-1])}
    small = {"a": Column("int", np.array([2**64 - 2], np.uint64)), "b": Column.of([-1])}
    assert SameTopK().judge_together(big, small).violates.tolist() == [False]


sets = st.lists(st.sampled_from("abcdef"), max_size=8)


@given(sets, sets, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_sets_agree_with_scipys_jaccard(b, c, least):
    seen = SameSet(least).judge(nested([b]), nested([c]))
    expected = distance.jaccard([x in b for x in "abcdef"], [x in c for x in "abcdef"])
    assert seen.magnitude.tolist() == [pytest.approx(expected)]
    if abs((1 - expected) - least) > 1e-9:
        assert seen.violates.tolist() == [1 - expected < least]


def test_items_of_a_set_have_their_types():
    old = Column.of([[1], [1], [1], [math.nan], [{"a": [1]}], [0.0]])
    new = Column.of([[True], ["1"], [1.0], [float("nan")], [{"a": [1]}], [-0.0]])
    assert SameSet().judge(old, new).violates.tolist() == [True, True, True, False, False, False]
    assert SameSet(equal_nan=False).judge(old, new).violates.tolist() == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert SameSet().judge(old, new).both_nan.tolist() == [False, False, False, True, False, False]
