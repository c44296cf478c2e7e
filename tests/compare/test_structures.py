"""Nested answers: by path, with wildcards; numbers against the rule `close`."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.rules.structures import Path, SameStructure
from harness.compare.rules.values import Close
from harness.tables import Column

OLD = {
    "id": "a",
    "items": [{"score": 0.5, "name": "x"}, {"score": 0.25, "name": "y"}],
    "meta": {"n": 3, "t": 1.5},
}


def changed(**edits):
    """OLD with other values at these paths, written with `__` for a step."""
    import copy

    new = copy.deepcopy(OLD)
    for path, value in edits.items():
        *way, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        place = new
        for step in way:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return new


def violates(rule, new, old=None):
    return bool(rule.judge(Column.of([OLD if old is None else old]), Column.of([new])).violates[0])


@pytest.mark.parametrize(
    "edits",
    [
        {"id": "b"},
        {"id": None},
        {"id": ...},
        {"new": 1},
        {"items__0__score": 0.5000001},
        {"items__0__score": "0.5"},
        {"items__0__score": math.nan},
        {"items__0__score": math.inf},
        {"items__1": ...},
        {"items": []},
        {"items": {"0": 1}},
        {"meta__n": True},
        {"meta__n": 4},
    ],
)
def test_any_other_place_violates(edits):
    assert violates(SameStructure(), changed(**edits))
    assert not violates(SameStructure(), changed())


@pytest.mark.parametrize(
    ("path", "edits"),
    [
        ("id", {"id": "b"}),
        ("id", {"id": ...}),
        ("new", {"new": 1}),
        ("items[0].score", {"items__0__score": 9}),
        ("items[*].score", {"items__1__score": 9}),
        ("items[*].score", {"items__1__score": ...}),
        ("items[*].*", {"items__1__name": 9}),
        ("items[*]", {"items__1": ...}),
        ("*.n", {"meta__n": "x"}),
        ("**.score", {"items__1__score": 9}),
        ("**", {"items__1__score": 9, "id": 7}),
        ('["meta"].n', {"meta__n": 9}),
        ('meta["n"]', {"meta__n": 9}),
    ],
)
def test_what_is_ignored_is_free_and_nothing_else_is(path, edits):
    rule = SameStructure(ignore=(path,))
    assert not violates(rule, changed(**edits))
    if path != "**":
        assert violates(rule, changed(**edits, meta__t=9.0))


@pytest.mark.parametrize("path", ["score", "items.score", "items[1].score", "items[*].*.*", "items.*", "*.n"])
def test_a_path_means_its_own_place_alone(path):
    assert violates(SameStructure(ignore=(path,)), changed(items__0__score=9))


def test_the_least_wild_path_gives_the_tolerance():
    rule = SameStructure(
        atol=0.001,
        tolerances={"**": {"atol": 1.0}, "items[*].score": {"atol": 0.1}, "items[1].score": {"rtol": 1.0}},
    )
    assert not violates(rule, changed(items__0__score=0.59))
    assert violates(rule, changed(items__0__score=0.61))
    assert not violates(rule, changed(items__1__score=0.49))
    assert not violates(rule, changed(meta__t=2.5))
    assert violates(rule, changed(meta__t=2.6))


def test_the_magnitude_is_the_largest_difference_of_numbers():
    rule = SameStructure(atol=0.2)
    seen = rule.judge(
        Column.of([OLD] * 2), Column.of([changed(meta__t=1.75, items__0__score=0.6), changed(id="b")])
    )
    assert seen.magnitude.tolist() == [0.25, math.inf]


numbers = (
    st.floats() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53, 2**53 + 1, 0.0, -0.0, math.nan])
)


@given(numbers, numbers, st.sampled_from([0.0, 0.5, 1e300]), st.sampled_from([0.0, 1e-9, 0.5]))
def test_numbers_inside_are_judged_as_close_judges_columns(b, c, atol, rtol):
    inside = SameStructure(atol, rtol).judge(Column.of([{"x": b}]), Column.of([{"x": c}]))
    outside = Close(atol, rtol).judge(Column.of([b]), Column.of([c]))
    if (
        isinstance(b, int)
        and isinstance(c, int)
        and abs(abs(c - b) - (atol + rtol * abs(b))) <= 1e-9 * abs(b)
    ):
        return  # limits of large integers are floats, rounded here and floored there
    assert inside.violates.tolist() == outside.violates.tolist()
    assert inside.both_nan.tolist() == outside.both_nan.tolist()


def test_integers_beyond_every_float_are_equal_or_not():
    rule = SameStructure(rtol=0.5)
    assert not violates(rule, {"x": 10**400}, {"x": 10**400})
    assert violates(rule, {"x": 10**400 + 1}, {"x": 10**400})
    assert violates(rule, {"x": 1.0}, {"x": 10**400})
    assert violates(rule, {"x": 10**400}, {"x": 1.0})


def test_nan_inside_agrees_unless_it_is_refused():
    old, new = Column.of([{"x": math.nan}]), Column.of([{"x": float("nan")}])
    assert SameStructure().judge(old, new).both_nan.tolist() == [True]
    assert not SameStructure().judge(old, new).violates.any()
    assert SameStructure(equal_nan=False).judge(old, new).violates.all()


def test_a_path_says_how_it_was_read():
    path = Path.of('a["b.c"][0].*[*].**')
    assert path.means(("a", "b.c", 0, "x", 7, "deep", 3))
    assert path.means(("a", "b.c", 0, "x", 7))
    assert not path.means(("a", "b.c", "0", "x", 7))
    assert path.wildcards == 3
