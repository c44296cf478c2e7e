"""Nested answers: by path, with wildcards; numbers against the rule `close`."""

from __future__ import annotations

import math
import re

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


def test_a_place_of_a_list_is_no_key_and_a_key_no_place():
    assert violates(SameStructure(ignore=("meta[*]",)), changed(meta__n=9))
    assert not violates(SameStructure(ignore=("items[*]",)), changed(items__0__score=9))
    assert violates(SameStructure(ignore=("items.*",)), changed(items__0__score=9))
    assert not violates(SameStructure(ignore=("meta.*",)), changed(meta__n=9))


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


# ---- an independent judge: both answers written out as paths, and paths meant by regular expressions

KEYS = "abc"
leaves = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2, 0.0, -0.0, 1.0, 1.5, 2.25, math.nan, math.inf, "x", "y"])
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
)
patterns = st.lists(st.sampled_from([*KEYS, "*", "**", "[*]", "[0]", "[1]"]), min_size=1, max_size=3).map(
    lambda steps: re.sub(r"^\.", "", "".join(step if step[0] == "[" else f".{step}" for step in steps))
)


@st.composite
def pairs(draw):
    """A tree, and one that was edited here and there."""
    old = draw(trees)

    def edited(tree):
        if draw(st.integers(0, 5)) == 0:
            return draw(leaves)
        if isinstance(tree, list):
            return [edited(one) for one in tree][: draw(st.integers(2, 3))]
        return {key: edited(one) for key, one in tree.items()} if isinstance(tree, dict) else tree

    return old, edited(old)


STEP = {"**": r"(?:\.[a-c]|\[\d+\])*", "*": r"\.[a-c]", "[*]": r"\[\d+\]"}


def means_it(pattern, path):
    steps = re.findall(r"\*\*|\*(?!\])|\[\*\]|\[\d+\]|[a-c]", pattern)
    whole = "".join(STEP.get(one, re.escape(one) if one[0] == "[" else rf"\.{one}") for one in steps)
    return re.fullmatch(whole, path) is not None


def written_out(tree, path=""):
    """Every place by its path: what stands there, and of a list or a table only that it is one."""
    yield path, type(tree) if isinstance(tree, list | dict) else tree
    inside = enumerate(tree) if isinstance(tree, list) else tree.items() if isinstance(tree, dict) else ()
    for step, value in inside:
        yield from written_out(value, f"{path}[{step}]" if isinstance(tree, list) else f"{path}.{step}")


def apart(b, c, atol):
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in (b, c)):
        return type(b) is not type(c) or b != c
    if math.isnan(b) or math.isnan(c):
        return math.isnan(b) != math.isnan(c)
    return b != c and not abs(c - b) <= atol


@given(
    pairs(),
    st.lists(patterns, max_size=2),
    st.dictionaries(patterns, st.sampled_from([0.0, 0.5, 2.0]), max_size=2),
)
def test_any_two_trees_are_judged_as_their_paths_say(pair, ignored, tolerances):
    old, new = pair
    b, c = dict(written_out(old)), dict(written_out(new))

    def free(path):
        above = [path[: step.start()] for step in re.finditer(r"[.\[]", path)]
        return any(means_it(one, place) for one in ignored for place in (*above, path))

    def atol(path):
        close = [one for one in tolerances if means_it(one, path)]
        size = {one: len(re.findall(r"\*\*|\*(?!\])|\[[*0-9]+\]|[a-c]", one)) for one in close}
        wild = {one: len(re.findall(r"\*+", one)) for one in close}
        return tolerances[min(close, key=lambda one: (wild[one], -size[one], one))] if close else 0.25

    expected = any(
        (path in b) != (path in c) or apart(b[path], c[path], atol(path))
        for path in {*b, *c}
        if not free(path)
    )
    rule = SameStructure(
        0.25, ignore=tuple(ignored), tolerances={one: {"atol": x} for one, x in tolerances.items()}
    )
    columns = (Column.of([{"t": tree}, 0.0]).take([0]) for tree in (old, new))
    below = SameStructure(
        0.25,
        ignore=tuple(f"t{one}" if one[0] == "[" else f"t.{one}" for one in ignored),
        tolerances={f"t{one}" if one[0] == "[" else f"t.{one}": {"atol": x} for one, x in tolerances.items()},
    )
    assert bool(below.judge(*columns).violates[0]) == expected
    if isinstance(old, list | dict) and isinstance(new, list | dict):
        assert violates(rule, new, old) == expected
