"""The drift budget, against fractions and a loop over rows."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare import drift
from harness.compare.align import compare
from harness.compare.ruleset import Bound, Changed, Drift, SourceFacts
from harness.compare.tally import Shift, Tally
from harness.compare.verdict import FAIL, INCONCLUSIVE, PASS, SourceState, judge_rule
from harness.errors import HarnessError
from harness.settings import DriftSettings, Settings, load
from harness.tables import Batch, Column, Outcome

finite = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 5e-324, 1e308, -1e308]
)


@given(st.lists(finite, max_size=60), st.randoms())
def test_sums_are_exact_in_any_order(values, random):
    expected = sum((Fraction(value) for value in values), Fraction(0)) * 2**1126
    shuffled = list(values)
    random.shuffle(shuffled)
    assert drift.exact_sum(np.array(values)) == expected
    assert drift.exact_sum(np.array(shuffled)) == expected


def test_a_whole_block_of_the_largest_mantissas_does_not_overflow():
    values = np.full(100_000, math.nextafter(1.0, 0.0))
    assert Fraction(drift.exact_sum(values), 2**1126) == 100_000 * Fraction(math.nextafter(1.0, 0.0))


SETTINGS = Settings(path=Path("harness.toml"), root=Path(), model="m", anchor="1.0.0")


def bound(**limits):
    settings = replace(SETTINGS, drift=DriftSettings(**limits))
    (one,) = drift.bind(settings, [SourceFacts("s", False, False), SourceFacts("search", True, False)])
    return one


def outcome(values) -> Outcome:
    """`None` is a row without an answer."""
    answered = np.array([value is not None for value in values], bool)
    column = Column("float", np.array([0.0 if value is None else value for value in values], float))
    return Outcome({"x": column}, answered)


def tally_of(pairs, rule, start=0) -> Tally:
    keys = np.arange(start, start + len(pairs))
    batch = Batch("s", 0, start, keys, {"i": Column("int", keys)})
    return drift.compare_with_anchor(
        batch, outcome([a for a, _ in pairs]), outcome([c for _, c in pairs]), rule
    )


def judged(pairs, **limits):
    one = bound(**limits)
    return judge_rule(one, SourceState("s", len(pairs), tally_of(pairs, one.rule)))


values = st.none() | st.floats() | st.sampled_from([1.0, 1.04, 1.06, 100.0])
several = st.lists(st.tuples(values, values), min_size=1, max_size=25)


@given(several)
def test_moved_answers_are_those_that_a_loop_finds(pairs):
    rule = Drift("1.0.0", 0.05, 0.0, None)

    def moved(a, c):
        if a is None or c is None:
            return (a is None) != (c is None)
        if math.isnan(a) or math.isnan(c):
            return math.isnan(a) != math.isnan(c)
        if math.isinf(a) or math.isinf(c):
            return a != c
        return not abs(c - a) <= 0.05 * abs(a)

    tally = tally_of(pairs, rule).rules["drift"]
    assert tally.compared == sum(not (a is None and c is None) for a, c in pairs)
    assert tally.violations == sum(moved(a, c) for a, c in pairs)


@given(several, st.data())
def test_any_chunking_and_order_gives_an_equal_tally(pairs, data):
    rule = Drift("1.0.0", 0.05, 0.0, 0.1)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(pairs) - 1)), max_size=4)))
    edges = [0, *(cut for cut in cuts if cut < len(pairs)), len(pairs)]
    parts = [tally_of(pairs[a:b], rule, start=a) for a, b in pairwise(edges)]
    merged = sum(data.draw(st.permutations(parts)), Tally())
    there = Tally.from_json(json.loads(json.dumps(merged.to_json())))
    whole = tally_of(pairs, rule)
    for one in (merged, there):
        assert json.dumps(one.to_json()) == json.dumps(whole.to_json())


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=25), st.sampled_from([0.0, 0.01, 1.0]))
def test_the_mean_is_judged_as_fractions_say(pairs, limit):
    change = sum((Fraction(c) - Fraction(a) for a, c in pairs), Fraction(0))
    size = sum((abs(Fraction(a)) for a, _ in pairs), Fraction(0))
    expected = change == 0 or (size != 0 and abs(change / size) <= Fraction(limit))
    assert (judged(pairs, max_mean_shift=limit).status == PASS) == expected


def test_each_limit_fails_by_itself_and_says_so():
    pairs = [(100.0, 94.0)] * 10
    share = judged(pairs, over=0.05, max_share=0.5)
    assert share.status == FAIL
    assert "10 of 10 rows moved by over 5% from the anchor 1.0.0; the limit is 5" in share.reason
    mean = judged(pairs, over=0.1, max_share=0.0, max_mean_shift=0.05)
    assert mean.status == FAIL
    assert "the mean of x shifted by -6% from the anchor 1.0.0; the limit is 5%" in mean.reason
    assert judged(pairs, over=0.1, max_share=0.0, max_mean_shift=0.07).status == PASS


def test_movement_that_cancels_out_shows_in_the_share_and_not_in_the_mean():
    pairs = [(100.0, 110.0), (100.0, 90.0)]
    assert judged(pairs, max_mean_shift=0.0).status == PASS
    assert judged(pairs, max_share=0.9).status == FAIL


@pytest.mark.parametrize(
    "pair", [(1.0, None), (None, 1.0), (1.0, math.nan), (1.0, math.inf), (math.nan, 1.0), (math.inf, 1.0)]
)
def test_a_lost_number_is_no_small_shift(pair):
    pairs = [(1.0, 1.0)] * 99 + [pair]
    assert judged(pairs, max_mean_shift=0.5).status == FAIL
    assert judged(pairs, max_share=0.0).status == FAIL


def test_changed_labels_are_counted_one_by_one():
    """The budget of a retrain without labels: a label that stayed has not changed."""
    bound = Bound("changed-rate", "changed", "s", Changed(0.5), max_violation_rate=0.5)
    sides = (Outcome({"y": Column.of(list(text))}, np.ones(4, bool)) for text in ("aabb", "aaba"))
    tally = compare(Batch("s", 0, 0, np.arange(4), {}), *sides, [bound])
    assert tally.rules["changed-rate"].violations == 1


def test_labels_have_a_share_and_no_mean():
    def side(text):
        return Outcome({"y": Column.of(list(text))}, np.ones(len(text), bool))

    batch = Batch("s", 0, 0, np.arange(4), {})
    for limits, status in (
        ({"max_share": 0.25}, PASS),
        ({"max_share": 0.2}, FAIL),
        ({"max_mean_shift": 1.0}, INCONCLUSIVE),
    ):
        one = bound(**limits)
        tally = drift.compare_with_anchor(batch, side("aabb"), side("aaba"), one.rule)
        assert judge_rule(one, SourceState("s", 4, tally)).status == status


@pytest.mark.parametrize("limits", [{"max_share": 0.5}, {"max_mean_shift": 0.5}])
def test_an_output_of_the_anchor_that_is_gone_fails(limits):
    one = bound(**limits)
    old = Outcome({"x": Column.of([1.0]), "y": Column.of([1.0])}, np.ones(1, bool))
    tally = drift.compare_with_anchor(Batch("s", 0, 0, np.arange(1), {}), old, outcome([1.0]), one.rule)
    result = judge_rule(one, SourceState("s", 1, tally))
    assert result.status == FAIL
    assert "output y of the anchor is missing" in result.reason


def test_without_the_anchor_s_answers_nothing_passes():
    one = bound(max_share=0.5)
    assert judge_rule(one, SourceState("s", 3, Tally())).status == INCONCLUSIVE
    assert judge_rule(one, SourceState("s", 3, None)).status == INCONCLUSIVE
    nobody = [(None, None)] * 3
    assert judged(nobody, max_share=0.5).status == INCONCLUSIVE


def test_a_shift_beyond_all_numbers_is_infinite():
    assert drift.relative(Shift(1, 0, 5, 0)) == math.inf
    assert drift.relative(Shift(1, 0, -(2**2200), 1)) == -math.inf
    assert drift.relative(Shift()) == 0.0


def test_a_search_alone_has_no_drift():
    with pytest.raises(HarnessError, match="drift checked nothing"):
        drift.bind(SETTINGS, [SourceFacts("search", True, False)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('anchor = "1.0.0"', "anchor has no drift limits"),
        ("[drift]\nmax_share = 0.1", "drift has limits and no anchor"),
        ('anchor = "1.0.0"\n[drift]\nover = 0.1', "drift has no limit"),
        ('anchor = "1.0.0"\n[drift]\nmax_share = 5', "a share"),
        ('anchor = "1.0.0"\n[drift]\nmax_mean_shift = -1.0', "max_mean_shift is -1"),
        ('anchor = "1.0.0"\n[drift]\nmax_shere = 0.1', 'did you mean "max_share"'),
    ],
)
def test_a_drift_said_wrongly_is_refused(tmp_path, text, words):
    path = tmp_path / "harness.toml"
    path.write_text(f'model = "m"\n{text}\n')
    with pytest.raises(HarnessError) as caught:
        load(path)
    assert words in str(caught.value)
