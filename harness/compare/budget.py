"""Budgets that are statistics of all cases: a quantile of the difference, a shift of the mean.

No sums of blocks give a quantile, so these are judged once, from kept answers in the order of their rows.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, fsum, isfinite, nan

import numpy as np
import numpy.typing as npt

from harness.compare.measured import Tolerance
from harness.compare.rules import Close, Difference, missing
from harness.compare.rules.values import near
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class Budget:
    """Judges no distance row by row: `max_quantile` and `max_mean_shift` beside it do, over all cases.

    A row violates it where there is no distance: NaN or null on one side, infinite on one side, another kind.

    >>> Budget().judge(Column.of([1.0, 2.0]), Column.of([9.0, None])).violates.tolist()
    [False, True]
    """

    equal_nan: bool = True

    def tolerance(self, baseline: Column, candidate: Column) -> Tolerance | None:
        """As wide as any distance between two columns of numbers: beyond it is what has none."""
        return (sys.float_info.max, 0.0) if numeric(baseline, candidate) else None

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that have no distance."""
        return near(self, baseline, candidate)

    def says(self) -> str:
        """In words."""
        return "all cases together move no further than its budget"


def quantile(distances: npt.NDArray[np.float64], q: float) -> float:
    """The smallest distance that at least a share `q` of all (n,) distances do not exceed: an observed one, with
    no interpolation (`method="inverted_cdf"` of numpy). NaN where there are none.

    >>> quantile(np.array([0.0, 1.0, 2.0, 9.0]), 0.75)
    2.0
    """
    n = len(distances)
    if n == 0:
        return nan
    # q as it is written: 0.07 * 100 is 7.000000000000001 in floating point, which would be the 8th of 100
    rank = max(1, ceil(Fraction(repr(q)) * n))
    return float(np.partition(distances, rank - 1)[rank - 1])


def distances(baseline: Column, candidate: Column) -> npt.NDArray[np.float64]:
    """`|c - b|` of the rows that hold a value on one side at least; infinite where the other holds none."""
    seen = Close().judge(baseline, candidate)
    return seen.magnitude[~seen.both_nan]


def mean_shift(baseline: Column, candidate: Column, relative: bool) -> float:
    """The mean of `c - b`, signed; `relative`: as a share of `|mean(b)|`. The sum is exact before it is rounded.

    Rows that hold no value on both sides are left out; infinities that are equal shift nothing. NaN where it is
    undefined: no rows, a value on one side only, an infinite difference, or a share of zero.

    >>> mean_shift(Column.of([1.0, 3.0]), Column.of([2.0, 4.0]), relative=True)
    0.5
    """
    use = ~(missing(baseline) & missing(candidate))
    b, c = baseline.take(use), candidate.take(use)
    if not len(b) or (missing(b) | missing(c)).any():
        return nan
    if b.kind == c.kind == "int":
        total = float(sum(c.values.tolist()) - sum(b.values.tolist()))
        level = float(sum(b.values.tolist()))
    else:
        old, new = b.values.astype(np.float64), c.values.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            moved = np.where(old == new, 0.0, new - old)
        total, level = _sum(moved), _sum(old)
    if not relative:
        return total / len(b)
    if total == 0 and isfinite(level):
        return 0.0
    return total / abs(level) if level and isfinite(level) else nan


def numeric(*columns: Column) -> bool:
    """Whether a distance between these columns is a number."""
    return all(column.kind in ("float", "int") for column in columns)


def _sum(values: npt.NDArray[np.float64]) -> float:
    if not np.isfinite(values).all():
        return nan
    try:
        return fsum(values.tolist())
    except OverflowError:
        return nan
