"""Rules, against independent oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.rules import Close, Exact, SameLabel, make
from harness.errors import HarnessError
from harness.tables import Column

edges = st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e308, -1e308, 1.0, 1.01, 0.99])
floats = edges | st.floats()
tolerances = st.sampled_from([0.0, 1e-12, 1e-9, 0.01, 0.5, 1e300])


@given(st.lists(st.tuples(floats, floats), min_size=1, max_size=50), tolerances, tolerances)
def test_close_on_float64_agrees_with_numpy_isclose(pairs, atol, rtol):
    b, c = (np.array(side) for side in zip(*pairs, strict=True))
    with np.errstate(all="ignore"):
        expected = np.isclose(c, b, rtol=rtol, atol=atol, equal_nan=True)
        # numpy takes an infinite answer for close where the tolerance itself overflowed; we never do
        expected &= np.isfinite(atol + rtol * np.abs(b)) | ~np.isinf(c) | (b == c)
    seen = Close(atol, rtol).judge(Column("float", b), Column("float", c))
    assert (seen.violates == ~expected).all()


days = st.integers(-(10**9), 10**9).map(lambda ns: np.datetime64(ns, "ns"))
SORTS = {
    "float": (floats, np.float64),
    "int": (st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2), np.int64),
    "bool": (st.booleans(), np.bool_),
    "str": (st.text("aé\u0301 ", max_size=2), object),
    "bytes": (st.binary(max_size=1), object),
    "datetime": (days | st.sampled_from([np.datetime64(0, "ns")]), "datetime64[ns]"),
}


@pytest.mark.parametrize("kind", SORTS)
@given(data=st.data())
def test_exact_and_same_label_agree_with_pythons_equality(kind, data):
    values, dtype = SORTS[kind]
    pairs = data.draw(
        st.lists(st.tuples(values, values) | values.map(lambda one: (one, one)), min_size=1, max_size=9)
    )
    b, c = (Column(kind, np.array([*side], dtype)) for side in zip(*pairs, strict=True))
    equal = [x == y or (x != x and y != y) for x, y in pairs]
    for rule in (Exact(), SameLabel()):
        assert rule.judge(b, c).violates.tolist() == [not one for one in equal]
    flips = SameLabel().judge(b, c)
    assert flips.magnitude.tolist() == [0.0 if one else 1.0 for one in equal]


integers = st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 2, 2**53 + 2)


@given(st.lists(st.tuples(integers, integers), min_size=1, max_size=20), st.integers(0, 2**40))
def test_integers_are_exact_against_python_integers(pairs, atol):
    b, c = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    seen = Close(atol=float(atol)).judge(Column("int", b), Column("int", c))
    assert seen.violates.tolist() == [abs(y - x) > atol for x, y in pairs]


@pytest.mark.parametrize(
    ("b", "c", "dtype"), [(-128, 127, np.int8), (0, 255, np.uint8), (0, 2**64 - 1, np.uint64)]
)
def test_nothing_wraps_round(b, c, dtype):
    columns = Column("int", np.array([b], dtype)), Column("int", np.array([c], dtype))
    assert Close(atol=100.0).judge(*columns).violates.tolist() == [True]
    assert Close(atol=100.0).judge(*reversed(columns)).violates.tolist() == [True]


def test_an_infinite_baseline_does_not_widen_the_tolerance():
    seen = Close(rtol=0.5).judge(Column.of([np.inf, np.inf]), Column.of([1.0, np.inf]))
    assert seen.violates.tolist() == [True, False]


@pytest.mark.parametrize("rule", [Exact(), Close(rtol=0.1), SameLabel()])
def test_nan_on_one_side_violates_and_on_both_is_counted_apart(rule):
    seen = rule.judge(Column.of([np.nan, 1.0, np.nan]), Column.of([1.0, np.nan, np.nan]))
    assert seen.violates.tolist() == [True, True, False]
    assert seen.both_nan.tolist() == [False, False, True]


@pytest.mark.parametrize(
    "values", [np.ones(4), np.ones(4, int), np.ones(4, bool), np.array(["a"] * 4, object)], ids="fibs"
)
@pytest.mark.parametrize("rule", [Exact, lambda **keys: Close(rtol=0.1, **keys), SameLabel])
def test_null_on_one_side_violates_and_on_both_is_counted_apart_whatever_lies_under_it(rule, values):
    kind = {"f": "float", "i": "int", "b": "bool", "O": "str"}[values.dtype.kind]
    b = Column(kind, values, np.array([True, False, True, False]))
    c = Column(kind, values.copy(), np.array([False, True, True, False]))
    seen = rule().judge(b, c)
    assert seen.violates.tolist() == [True, True, False, False]
    assert seen.both_nan.tolist() == [False, False, True, False]
    if rule is not SameLabel:
        assert seen.magnitude.tolist() == [np.inf, np.inf, 0.0, 0.0]
        assert rule(equal_nan=False).judge(b, c).violates.tolist() == [True, True, True, False]


def test_equal_nan_false_refuses_nan_on_both_sides():
    seen = Close(rtol=0.1, equal_nan=False).judge(Column.of([np.nan]), Column.of([np.nan]))
    assert seen.violates.tolist() == [True]


@pytest.mark.parametrize("values", [["1"], [1], [True], [b"1"]])
def test_labels_of_another_type_are_other_labels(values):
    for other in (["1"], [1], [True], [b"1"]):
        seen = SameLabel().judge(Column.of(values), Column.of(other))
        assert seen.violates.tolist() == [values != other or type(values[0]) is not type(other[0])]


def test_a_flip_has_the_size_of_one_and_another_type_has_none():
    assert SameLabel().judge(Column.of(["a"]), Column.of(["b"])).magnitude.tolist() == [1.0]
    assert SameLabel().judge(Column.of(["1"]), Column.of([1])).magnitude.tolist() == [np.inf]


def test_a_misspelt_parameter_gets_a_guess_and_a_code():
    with pytest.raises(HarnessError, match='unknown key "rtoll"') as caught:
        make("close", {"rtoll": 0.1}, name="price", equal_nan=True)
    assert caught.value.code == "E27"
    assert 'did you mean "rtol"?' in str(caught.value)
    with pytest.raises(HarnessError, match='unknown rule "clsoe"'):
        make("clsoe", {}, name="price", equal_nan=True)
    with pytest.raises(HarnessError, match="must be a number"):
        make("close", {"rtol": "1%"}, name="price", equal_nan=True)


def test_close_agrees_with_numpy_isclose_on_a_million_pairs():
    """Half of them any bits at all (NaN, infinities, subnormals, both zeros), half of them near the limit."""
    random = np.random.default_rng(8123)
    n = 1_000_000
    b, c = (np.frombuffer(random.bytes(8 * n), np.float64).copy() for _ in range(2))
    edges = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 2.0**-1022, 1.7e308, -1.7e308])
    b[: n // 10], c[: n // 10] = random.choice(edges, n // 10), random.choice(edges, n // 10)
    near = slice(n // 2, n)
    with np.errstate(all="ignore"):
        c[near] = b[near] * random.choice(1 + np.array([0, 1e-9, -1e-9, 1.000001e-9, 0.01, -0.01]), n // 2)
    for atol, rtol in ((0.0, 0.0), (1e-8, 1e-9), (0.0, 0.01), (1e-300, 1e-5)):
        with np.errstate(all="ignore"):
            expected = np.isclose(c, b, rtol=rtol, atol=atol, equal_nan=True)
        seen = Close(atol, rtol).judge(Column("float", b), Column("float", c))
        assert (seen.violates == ~expected).all()
        assert (seen.both_nan == (np.isnan(b) & np.isnan(c))).all()
        assert 50_000 < expected.sum() < 950_000


def test_integers_of_any_width_agree_with_pythons_on_many_pairs():
    random = np.random.default_rng(8123)
    kinds = (np.int8, np.uint8, np.int32, np.int64, np.uint64)
    for left in kinds:
        for right in kinds:
            sides = []
            for kind in (left, right):
                edges = np.array([np.iinfo(kind).min, np.iinfo(kind).max, 0, 1], kind)
                bits = np.frombuffer(random.bytes(2000 * np.dtype(kind).itemsize), kind)
                sides.append(np.concatenate([bits, random.choice(edges, 2000)]))
            b, c = sides
            for atol in (0.0, 100.0, 2.0**62, 2.0**63 + 2.0**40):
                seen = Close(atol=atol).judge(Column("int", b), Column("int", c))
                expected = [abs(y - x) > atol for x, y in zip(b.tolist(), c.tolist(), strict=True)]
                assert seen.violates.tolist() == expected, (left, right, atol)


def test_equal_labels_are_close_and_others_are_not():
    seen = Close(rtol=0.01).judge(Column.of(["a", "b"]), Column.of(["a", "c"]))
    assert seen.violates.tolist() == [False, True]


def test_nested_values_are_equal_where_every_part_is():
    old = Column.of([{"a": [1, np.nan]}, {"a": 1}, [1], ["1"], [1.0], [0.0]])
    new = Column.of([{"a": [1, float("nan")]}, {"a": True}, [1, 2], [1], [1], [-0.0]])
    assert Exact().judge(old, new).violates.tolist() == [False, True, True, True, True, False]
    assert Exact(equal_nan=False).judge(old, new).violates.tolist() == [True, True, True, True, True, False]
