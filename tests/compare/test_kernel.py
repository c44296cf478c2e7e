"""The numeric kernel, against plain Python and fractions."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.compare import kernel
from harness.compare.exact import Exact, Sums
from harness.compare.kernel import measure
from harness.compare.measured import Measured, Rows, bin_of, edge
from harness.compare.numeric import Numeric
from harness.compare.rules import Close
from harness.compare.rules.protocol import tolerance_of
from harness.tables import BLOCK, Column

SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 2.5e-308, 1e308, -1e308, 1.0, 1.01, 2.0, 3.0]
TOLERANCES = [(0.0, 0.0), (0.0, 0.01), (1e-9, 1e-6), (0.5, 0.0), (0.0, 2.0), (1e300, 1e300)]
floats = st.sampled_from(SPECIAL) | st.floats() | st.floats(-10, 10)


def oracle(b, c, tolerances=TOLERANCES, start=0):
    """Row by row, with Python's floats: what `measure` says, as a dictionary."""
    violations, worst, bins = [0] * len(tolerances), [], {}
    both = apart = 0
    relatives, sums = [], []
    for row, (x, y) in enumerate(zip(b, c, strict=True), start):
        gone = math.isnan(x), math.isnan(y)
        finite = math.isfinite(x) and math.isfinite(y)
        same = x == y or all(gone)
        size = 0.0 if same else abs(y - x) if finite else math.inf
        with np.errstate(all="ignore"):
            relative = 0.0 if same else float(np.float64(size) / np.float64(abs(x))) if finite else math.inf
        both += all(gone)
        apart += not same and not math.isfinite(size)
        for number, (atol, rtol) in enumerate(tolerances):
            violations[number] += not same and (not finite or size > atol + rtol * abs(x))
        worst.append((size, row))
        relatives.append((relative, row))
        bins[bin_of(relative)] = bins.get(bin_of(relative), 0) + 1
        if not all(gone) and math.isfinite(size):
            sums.append(Fraction(0) if same else Fraction(y - x))

    def largest(pairs):
        return min([pair for pair in pairs if pair[0] > 0], key=lambda p: (-p[0], p[1]), default=(0.0, -1))

    return {
        "rows": len(b),
        "both_nan": both,
        "apart": apart,
        "violations": tuple(violations),
        "absolute": largest(worst),
        "relative": largest(relatives),
        "bins": tuple(sorted(bins.items())),
        "worst": tuple(sorted([w for w in worst if w[0] > 0], key=lambda p: (-p[0], p[1]))[:20]),
    }, sums


def seen(found: Measured):
    return {
        "rows": found.rows,
        "both_nan": found.both_nan,
        "apart": found.apart,
        "violations": found.violations,
        "absolute": (found.absolute, found.absolute_row),
        "relative": (found.relative, found.relative_row),
        "bins": found.bins,
        "worst": found.worst,
    }


def check_sums(found: Sums, exact: list[Fraction]):
    assert found.count == len(exact)
    if not exact:
        assert found.mean() is None
        assert found.std() is None
        return
    n, scale = len(exact), max(abs(d) for d in exact)
    mean = sum(exact) / n
    variance = sum((d - mean) ** 2 for d in exact) / n
    assert abs(Fraction(found.mean()) - mean) <= Fraction(1, 10**13) * scale + Fraction(5e-324)
    spread = found.variance()
    # rounding is relative to the spread itself, unless that is nothing beside the largest difference
    assert abs(spread - variance) <= Fraction(1, 10**10) * variance + Fraction(1, 10**26) * scale**2


def text(found: Measured) -> str:
    return json.dumps(asdict(found), sort_keys=True)


@given(st.lists(st.tuples(floats, floats), max_size=60))
def test_everything_agrees_with_plain_python(pairs):
    b, c = (np.array([pair[i] for pair in pairs], float) for i in (0, 1))
    expected, exact = oracle(b.tolist(), c.tolist())
    found = measure(b, c, TOLERANCES)
    assert seen(found) == (expected if pairs else expected | {"violations": (0,) * len(TOLERANCES)})
    check_sums(found.sums, exact)


def column(kind):
    """A strategy for columns of a kind with gaps: (Column, plain values with None in the gaps)."""
    values = {"float": floats, "int": st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)}[kind]
    dtype = {"float": np.float64, "int": np.int64}[kind]

    def made(rows):
        held = np.array([0 if gone else value for value, gone in rows], dtype)
        null = np.array([gone for _, gone in rows])
        return Column(kind, held, null if null.any() else None), [None if gone else v for v, gone in rows]

    return lambda n: st.lists(st.tuples(values, st.booleans()), min_size=n, max_size=n).map(made)


def one_by_one(old, new, atol, rtol):
    """(violates, magnitude, both_nan) of each row, by Python's numbers."""
    for x, y in zip(old, new, strict=True):
        gone = [value is None or math.isnan(value) for value in (x, y)]
        if any(gone):
            yield not all(gone), 0.0 if all(gone) else math.inf, all(gone)
        elif isinstance(x, int) and isinstance(y, int):
            yield abs(y - x) > math.floor(atol + rtol * abs(float(x))), float(abs(y - x)), False
        else:
            x, y = float(x), float(y)
            size = 0.0 if x == y else abs(y - x) if math.isfinite(x) and math.isfinite(y) else math.inf
            finite = math.isfinite(x) and math.isfinite(y)
            yield x != y and (not finite or size > atol + rtol * abs(x)), size, False


@given(st.data(), st.sampled_from(["float", "int"]), st.sampled_from(["float", "int"]), st.integers(1, 40))
def test_rows_of_the_one_pass_are_those_of_plain_python(data, old_kind, new_kind, n):
    """Each rule that asks for a tolerance gets the rows that it would get alone, whoever asks beside it."""
    (b, old), (c, new) = (data.draw(column(kind)(n)) for kind in (old_kind, new_kind))
    tolerances = [(0.0, 0.0), (0.5, 0.0), (1e-9, 0.01), (0.0, 2.0)]
    answered = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    rows = np.flatnonzero(answered)
    seen = Numeric(b, c, answered, tolerances, lambda row: (row, str(row)))
    some = rows[:: data.draw(st.integers(1, 3))]
    for atol, rtol in tolerances:
        expected = list(one_by_one(old, new, atol, rtol))
        for at in (rows, some):
            for equal_nan in (True, False):
                found = seen.difference((atol, rtol), at, equal_nan)
                there = zip(found.violates, found.magnitude, found.both_nan, strict=True)
                want = [expected[row] for row in at]
                assert list(there) == [
                    (bad or (gone and not equal_nan), size, gone) for bad, size, gone in want
                ]
    assert seen.moved == Numeric(b, c, answered, (), lambda row: (row, str(row))).moved


@pytest.mark.parametrize("share", [0.0, 0.01, 0.9])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int16])
def test_rows_of_many_passes_are_those_of_numpy(dtype, share):
    random = np.random.default_rng(3)
    n = 2 * kernel.PASS + 1234
    b = random.integers(-100, 100, n).astype(dtype)
    c = np.where(random.random(n) < share, b + random.integers(-3, 4, n), b).astype(dtype)
    if dtype in (np.float64, np.float32):
        b[::9999], c[::8888] = np.nan, np.inf
        c[:: 9999 * 2] = np.nan
    rows = Rows(n, 2)
    found = measure(b, c, [(1.0, 0.0), (0.0, 0.02), (5.0, 0.0)], rows=rows)
    x, y = b.astype(float), c.astype(float)
    gone = np.isnan(x) & np.isnan(y)
    with np.errstate(invalid="ignore"):
        size = np.where(gone, 0.0, np.where(np.isnan(y - x), np.inf, np.abs(y - x)))
    assert np.array_equal(rows.both_nan, gone)
    assert np.array_equal(rows.magnitude, size)
    for mask, (atol, rtol), count in zip(
        rows.beyond, ((1.0, 0.0), (0.0, 0.02)), found.violations, strict=False
    ):
        assert np.array_equal(mask, ~np.isclose(y, x, rtol=rtol, atol=atol, equal_nan=True))
        assert mask.sum() == count


def test_a_rule_made_from_another_with_a_judgement_of_its_own_is_asked():
    class Never(Close):
        def judge(self, baseline, candidate):
            raise AssertionError

    one = Column.of([1.0])
    assert tolerance_of(Close(0.5), one, one) == (0.5, 0.0)
    assert tolerance_of(Never(0.5), one, one) is None
    assert tolerance_of(Close(0.5), one, Column.of(["a"])) is None


@pytest.mark.parametrize("tolerance", [0.5, lambda self, baseline, candidate: (9.0, 0.0)])
def test_what_a_rule_of_somebody_else_calls_tolerance_is_its_own(tolerance):
    class Theirs:
        equal_nan = True

        def judge(self, baseline, candidate):
            raise AssertionError

    Theirs.tolerance = tolerance
    one = Column.of([1.0])
    assert tolerance_of(Theirs(), one, one) is None


@given(st.lists(floats, min_size=1, max_size=200), st.booleans())
def test_equal_columns_differ_in_nothing_whichever_way_is_taken(values, negative):
    b = np.array(values)
    # -0.0 for 0.0 is equal too, but not bit for bit
    c = np.where(b == 0, -b, b) if negative else b.copy()
    expected, exact = oracle(b.tolist(), c.tolist())
    found = measure(b, c, TOLERANCES)
    assert seen(found) == expected
    assert found.sums == Sums(len(exact))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@given(data=st.data())
def test_narrow_floats_are_judged_as_float64(dtype, data):
    width = 16 if dtype is np.float16 else 32
    narrow = st.floats(width=width)
    pairs = data.draw(st.lists(st.tuples(narrow, narrow), min_size=1, max_size=40))
    b, c = (np.array(side, dtype) for side in zip(*pairs, strict=True))
    expected, exact = oracle(b.astype(float).tolist(), c.astype(float).tolist())
    found = measure(b, c, TOLERANCES)
    assert seen(found) == expected
    check_sums(found.sums, exact)


def arrays(*dtypes):
    def of(dtype):
        info = np.iinfo(dtype)
        number = st.integers(info.min, info.max) | st.integers(0, 3)
        number |= st.sampled_from([2**53, 2**53 + 1, info.max, info.min]).filter(lambda n: n <= info.max)
        return st.lists(st.tuples(number, st.sampled_from([0, 1, -1])), min_size=1, max_size=40).map(
            lambda pairs: (
                dtype,
                [n for n, _ in pairs],
                [max(info.min, min(info.max, n + s)) for n, s in pairs],
            )
        )

    return st.sampled_from(dtypes).flatmap(of)


@given(arrays(np.int8, np.uint8, np.int32, np.int64, np.uint64), st.randoms())
def test_integers_are_python_integers(columns, random):
    dtype, b, c = columns
    if random.random() < 0.5:
        random.shuffle(c)
    found = measure(np.array(b, dtype), np.array(c, dtype), TOLERANCES)
    differences = [y - x for x, y in zip(b, c, strict=True)]
    for (atol, rtol), count in zip(TOLERANCES, found.violations, strict=True):
        limits = [atol + rtol * float(abs(x)) for x in b]
        beyond = [abs(d) > (limit if math.isinf(limit) else math.floor(limit))
                  for d, limit in zip(differences, limits, strict=True)]  # fmt: skip
        assert count == sum(beyond)
    assert found.sums == Sums(
        len(b), Exact.make(sum(differences)), Exact.make(sum(d * d for d in differences))
    )
    ranked = sorted(((abs(d), row) for row, d in enumerate(differences) if d), key=lambda p: (-p[0], p[1]))
    assert list(found.worst) == ranked[:20]
    assert (found.absolute, found.absolute_row) == (ranked[0] if ranked else (0, -1))


def test_both_ways_of_judging_integers_agree():
    random = np.random.default_rng(2)
    for bound in (5, 1000, 2**30, 2**52):
        b = random.integers(-bound, bound, 9000)
        c = np.where(random.random(9000) < 0.5, b, random.integers(-bound, bound, 9000))
        fast = measure(b, c, TOLERANCES)
        # a null on both sides sends the pass the other way
        null = np.zeros(9001, bool)
        null[-1] = True
        slow = measure(np.append(b, 0), np.append(c, 9), TOLERANCES, null=(null, null))
        assert {
            name: value for name, value in seen(fast).items() if name not in ("rows", "both_nan", "bins")
        } == {name: value for name, value in seen(slow).items() if name not in ("rows", "both_nan", "bins")}
        assert fast.sums == slow.sums
        assert isinstance(fast.absolute, int)


@pytest.mark.parametrize("dtypes", [(np.int64, np.int64), (np.int8, np.int8), (np.int64, np.uint64)])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.2])
def test_integers_of_which_few_differ_are_python_integers(dtypes, wide, share):
    random = np.random.default_rng([int(share * 1000), wide])
    rows, start = kernel.PASS + 2 * BLOCK + 5, 3 * BLOCK
    b = random.integers(0, 100, rows).astype(dtypes[0])
    c = b.astype(dtypes[1])
    changed = np.flatnonzero(random.random(rows) < share)
    c[changed] += random.integers(1, 20, len(changed)).astype(dtypes[1])
    if wide:
        # one row beyond what a float holds, and one beyond 64 bits where the kinds differ
        b[changed[0]], c[changed[0]] = np.iinfo(dtypes[0]).min, np.iinfo(dtypes[1]).max
        c[changed[1]] = np.iinfo(dtypes[1]).max
    found = measure(b, c, TOLERANCES, start=start)
    differences = [y - x for x, y in zip(b.tolist(), c.tolist(), strict=True)]
    ranked = [(abs(d), start + row) for row, d in enumerate(differences) if d]
    ranked.sort(key=lambda one: (-one[0], one[1]))
    assert list(found.worst) == ranked[:20]
    assert (found.absolute, found.absolute_row) == ranked[0]
    relatives = [
        (np.divide(float(abs(d)), float(abs(x))) if x else math.inf, start + row)
        for row, (d, x) in enumerate(zip(differences, b.tolist(), strict=True))
        if d
    ]
    assert (found.relative, found.relative_row) == min(relatives, key=lambda one: (-one[0], one[1]))
    assert found.violations[0] == len(ranked)
    assert found.violations[1] == sum(
        abs(d) > math.floor(0.01 * abs(x)) for d, x in zip(differences, b.tolist(), strict=True)
    )
    assert dict(found.bins)[0] == rows - len(ranked)
    assert sum(count for _, count in found.bins) == found.rows == rows
    assert found.sums == Sums(rows, Exact.make(sum(differences)), Exact.make(sum(d * d for d in differences)))


def test_two_to_the_53_and_its_successor_differ():
    assert measure(np.array([2**53]), np.array([2**53 + 1]), [(0.0, 0.0)]).violations == (1,)
    mixed = measure(np.array([-1], np.int64), np.array([2**64 - 1], np.uint64), [(0.0, 0.0)])
    assert (mixed.absolute, mixed.violations, mixed.worst) == (2**64, (1,), ((2**64, 0),))
    assert mixed.sums == Sums(1, Exact.make(2**64), Exact.make(2**128))
    back = measure(np.array([2**64 - 1], np.uint64), np.array([-1], np.int64), [(0.0, 0.0)])
    assert back.sums.total == Exact.make(-(2**64))
    near = measure(np.array([-1], np.int64), np.array([1], np.uint64), [(2.0, 0.0)])
    assert (near.absolute, near.violations) == (2, (0,))


@given(
    st.lists(st.tuples(floats, floats, st.booleans(), st.booleans()), min_size=1, max_size=60), st.booleans()
)
def test_nulls_are_rows_without_a_number(rows, whole):
    b, c, x, y = (np.array(side) for side in zip(*rows, strict=True))
    if whole:
        b, c = (np.where(np.isfinite(side), np.clip(side, -1e9, 1e9), 7).astype(np.int64) for side in (b, c))
    found = measure(b, c, TOLERANCES, null=(x, y))
    both, one = x & y, x ^ y
    if not whole:
        both |= (x | np.isnan(b)) & (y | np.isnan(c))
    assert found.both_nan == both.sum()
    assert found.apart >= (one & ~both).sum()
    for (atol, rtol), count in zip(TOLERANCES[:-1], found.violations, strict=False):
        kind = "int" if whole else "float"
        judged = Close(atol, rtol).judge(Column(kind, b, x), Column(kind, c, y))
        assert count == judged.violates.sum()


def noisy(seed: int, rows: int):
    random = np.random.default_rng(seed)
    b = random.normal(100, 30, rows)
    c = b * (1 + random.normal(0, 1e-3, rows))
    for value in (np.nan, np.inf, -np.inf, 0.0, 1e308):
        b[random.integers(0, rows, 5)] = value
        c[random.integers(0, rows, 5)] = value
    same = random.integers(0, rows // BLOCK + 1) * BLOCK
    c[same : same + BLOCK] = b[same : same + BLOCK]
    return b, c


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20 * BLOCK + 77), st.data())
def test_cut_between_blocks_and_added_in_any_order_the_bytes_are_the_same(seed, rows, data):
    b, c = noisy(seed, rows)
    kind = data.draw(st.sampled_from(["float", "shifted", "int", "small", "medium"]))
    if kind == "shifted":
        c = b + 1e6
    if kind == "int":
        b, c = (
            np.nan_to_num(side, posinf=9e18, neginf=-9e18).clip(-9e18, 9e18).astype(np.int64)
            for side in (b, c)
        )
    if kind in ("small", "medium"):
        # wide numbers in some blocks alone: both ways of judging integers in one column
        bound = 1000 if kind == "small" else 2**51
        b, c = (np.nan_to_num(side).clip(-bound, bound).astype(np.int64) for side in (b, c))
        b[0], c[-1] = 2**60, 1
    whole = measure(b, c, TOLERANCES)
    last = (rows - 1) // BLOCK
    cuts = sorted(data.draw(st.sets(st.integers(1, last), max_size=6))) if last else []
    edges = [0, *(BLOCK * cut for cut in cuts), rows]
    parts = [measure(b[x:y], c[x:y], TOLERANCES, start=x) for x, y in pairwise(edges)]
    merged = sum_of(data.draw(st.permutations(parts)))
    assert text(merged) == text(whole)


def sum_of(parts):
    total = Measured()
    for part in parts:
        total = part + total
    return total


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 3 * BLOCK), st.data())
def test_all_but_float_sums_is_the_same_wherever_rows_are_cut(seed, rows, data):
    b, c = noisy(seed, rows)
    whole = measure(b, c, TOLERANCES)
    cuts = sorted(data.draw(st.sets(st.integers(1, rows - 1), max_size=6)))
    parts = [measure(b[x:y], c[x:y], TOLERANCES, start=x) for x, y in pairwise([0, *cuts, rows])]
    merged = sum_of(data.draw(st.permutations(parts)))
    assert seen(merged) == seen(whole)
    assert merged.sums.count == whole.sums.count


def test_large_columns_agree_with_plain_numpy():
    b, c = noisy(3, 3 * kernel.PASS + 1234)
    b, c = (np.where(np.isfinite(side), side, 50.0) for side in (b, c))
    found = measure(b, c, TOLERANCES)
    with np.errstate(all="ignore"):
        size = np.abs(c - b)
        relative = np.where(size == 0, 0, size / np.abs(b))
    for (atol, rtol), count in zip(TOLERANCES, found.violations, strict=True):
        with np.errstate(over="ignore"):
            assert count == (~np.isclose(c, b, atol=atol, rtol=rtol)).sum()
    order = np.lexsort((np.arange(len(b)), -size))[:20]
    assert list(found.worst) == [(size[row], row) for row in order]
    assert found.relative_row == relative.argmax()
    for number, _ in found.bins:
        beyond = sum(count for other, count in found.bins if other >= number)
        assert beyond == (relative >= edge(number)).sum()


@pytest.mark.parametrize("shift", [0.0, 1e3, -1e12])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_the_spread_of_a_small_change_survives_a_large_shift_and_any_scale(shift, scale):
    random = np.random.default_rng(1)
    difference = (shift + random.integers(-100, 100, 3 * BLOCK + 5)).astype(float) * scale
    found = measure(np.zeros(len(difference)), difference).sums
    exact = [Fraction(d) / Fraction(scale) for d in difference.tolist()]
    mean = sum(exact) / len(exact)
    spread = sum((d - mean) ** 2 for d in exact) / len(exact)
    # a spread of some sixty, whatever it stands on
    assert found.std() / scale == pytest.approx(math.sqrt(spread), rel=1e-9)
    assert found.mean() / scale == pytest.approx(float(mean), rel=1e-12)


def test_differences_beyond_the_largest_float_are_apart_and_not_in_the_mean():
    found = measure(np.array([-1.7e308, 1.0]), np.array([1.7e308, 2.0]), [(0.0, 0.5)])
    assert (found.apart, found.absolute, found.violations) == (1, math.inf, (2,))
    assert found.sums.mean() == 1.0


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="columns of 1 and 2 rows"):
        measure(np.zeros(1), np.zeros(2))


def test_no_row_is_no_difference():
    assert measure(np.zeros(0), np.zeros(0), TOLERANCES) + Measured() == Measured()


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, max_size=50))
def test_exact_sums_are_those_of_fractions_in_any_order(values):
    array = np.array(values, float)
    found = Exact.total(array)
    assert found.fraction == sum(map(Fraction, values))
    assert Exact.total(array[::-1].copy()) == found
    one_by_one = Exact()
    for value in values:
        one_by_one += Exact.of(value)
    assert one_by_one == found


@given(st.integers(-1074, 2000))
def test_the_standard_deviation_of_any_size_is_right_to_the_last_bit(power):
    # 2**(2p) spread of two values, exactly: their standard deviation is 2**p
    two = Sums(2, Exact(), Exact.make(1, 2 * power + 1))
    if power > 1023:
        with pytest.raises(OverflowError):
            two.std()
    else:
        assert two.std() == math.ldexp(1.0, power)


def test_a_larger_change_of_a_later_pass_counts_though_it_is_in_the_same_bin():
    b = np.ones(3 * kernel.PASS)
    c = b.copy()
    for row, size in ((5, 0.5), (kernel.PASS + 7, 0.53125), (2 * kernel.PASS + 9, 0.5)):
        c[row] += size
    assert bin_of(0.5) == bin_of(0.53125)
    seen = measure(b, c, [])
    assert (seen.relative, seen.relative_row) == (0.53125, kernel.PASS + 7)
    assert seen.worst[:3] == ((0.53125, kernel.PASS + 7), (0.5, 5), (0.5, 2 * kernel.PASS + 9))
