"""Units in the last place, against a count that walks from float to float, and against one of bit patterns."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.rules.ulp import Ulp
from harness.tables import Column


def steps(b: float, c: float, most: int = 20) -> float:
    """How many times nextafter goes from b to c; inf beyond `most`."""
    if b == c:
        return 0
    if math.isinf(b) or math.isinf(c):
        return math.inf
    for count in range(1, most + 1):
        b = math.nextafter(b, c)
        if b == c:
            return count
    return math.inf


def by_bits(b: float, c: float, code: str, unsigned: str) -> int:
    """The distance of two patterns, each counted from the smallest number up, in Python's integers."""
    places = []
    for value in (b, c):
        (bits,) = struct.unpack(unsigned, struct.pack(code, value))
        top = 1 << 8 * struct.calcsize(code) - 1
        places.append(-(bits - top) if bits >= top else bits)
    return abs(places[1] - places[0])


near = st.sampled_from(
    [0.0, -0.0, 5e-324, -5e-324, 1.0, 2.0**-1022, 1.7976931348623157e308, math.inf, -math.inf]
)


@given(near | st.floats(allow_nan=False), st.integers(-12, 12), st.integers(0, 10))
def test_as_many_steps_as_nextafter_takes(start, walk, allowed):
    there = start
    for _ in range(abs(walk)):
        there = math.nextafter(there, math.inf if walk > 0 else -math.inf)
    seen = Ulp(allowed).judge(Column.of([start]), Column.of([there]))
    assert seen.violates.tolist() == [steps(start, there) > allowed]
    assert seen.magnitude.tolist() == [steps(start, there)]


@pytest.mark.parametrize(
    ("dtype", "code", "unsigned"), [("f2", "<e", "<H"), ("f4", "<f", "<I"), ("f8", "<d", "<Q")]
)
def test_as_many_steps_as_the_bit_patterns_lie_apart(dtype, code, unsigned):
    random = np.random.default_rng(7)
    size = int(dtype[1])
    b, c = (np.frombuffer(random.bytes(size * 4000), dtype) for _ in range(2))
    # neighbours too, across zero as well
    b = np.concatenate([b, np.array([0.0, -0.0, 1.0], dtype)])
    c = np.concatenate(
        [c, np.array([-0.0, np.nextafter(np.array(0, dtype), np.array(1, dtype)), 1.0], dtype)]
    )
    kept = np.isfinite(b) & np.isfinite(c)
    b, c = b[kept], c[kept]
    seen = Ulp(2**40).judge(Column("float", b), Column("float", c))
    expected = [by_bits(float(x), float(y), code, unsigned) for x, y in zip(b, c, strict=True)]
    assert seen.magnitude.tolist() == [float(count) for count in expected]
    assert seen.violates.tolist() == [count > 2**40 for count in expected]


def test_two_widths_are_compared_in_the_narrower():
    wide, narrow = (
        Column.of(np.array([0.1, 1.0, 1e300])),
        Column.of(np.array([0.1, 1.0001, np.inf], np.float32)),
    )
    for pair in ((wide, narrow), (narrow, wide)):
        assert Ulp().judge(*pair).violates.tolist() == [False, True, True]


def test_integers_are_equal_or_not():
    seen = Ulp(5).judge(Column.of([2**53, 7]), Column.of([2**53 + 1, 7]))
    assert seen.violates.tolist() == [True, False]


def test_the_step_to_infinity_is_no_rounding():
    seen = Ulp(5).judge(Column.of([1.7976931348623157e308, math.inf]), Column.of([math.inf, math.inf]))
    assert seen.violates.tolist() == [True, False]
