"""What the kernel saw, as values that add up: the same however rows were cut and in whatever order parts came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.compare.exact import Sums

FINE = 8
"""Bins of relative change in an octave, that is between one power of two and the next."""

SHIFT = 49
BINS = 0x7FF * FINE + 1
"""The bits of a float64 below its bin, and how many bins there are: from nothing to infinity."""

Floats = npt.NDArray[np.float64]
Tolerance = tuple[float, float]
"""(atol, rtol)."""


def edge(number: int) -> float:
    """The lower edge of a bin of relative change: bin k is `edge(k) <= relative < edge(k + 1)`.

    >>> edge(bin_of(0.5)), edge(bin_of(0.6)), edge(bin_of(0.0))
    (0.5, 0.5625, 0.0)
    """
    return float(np.int64(min(number, BINS - 1) << SHIFT).view(np.float64))


def bin_of(relative: float) -> int:
    """The bin of one relative change, which is 0 or more and not NaN."""
    return int(np.float64(relative).view(np.int64)) >> SHIFT


@dataclass(frozen=True, slots=True)
class Measured:
    """What the kernel saw in some rows; `a + b` is what it sees in the rows of both.

    `violations[i]` counts rows with `|c - b| > atol + rtol * |b|` for tolerance i, a missing answer on one side
    included. `both_nan` rows have no number on either side; `apart` rows have no finite difference (a number on
    one side only, an infinity against anything else, a difference beyond the largest float).
    `absolute` is the largest `|c - b|`, `relative` the largest `|c - b| / |b|`, each with its first row (-1 where
    nothing differs); integers keep `absolute` as an integer. `sums` is of `c - b` over all other rows.
    `bins` holds (bin, rows), see `edge`; `worst` the (|c - b|, row) that differ most, the earliest first among equals.
    """

    rows: int = 0
    both_nan: int = 0
    apart: int = 0
    violations: tuple[int, ...] = ()
    absolute: float = 0.0
    absolute_row: int = -1
    relative: float = 0.0
    relative_row: int = -1
    sums: Sums = Sums()
    bins: tuple[tuple[int, int], ...] = ()
    worst: tuple[tuple[float, int], ...] = ()
    keep: int = 0

    def __add__(self, other: Measured) -> Measured:
        """Both together; they were measured by the same tolerances, or one of them saw nothing."""
        if not self.rows or not other.rows:
            return self if self.rows else other
        keep = max(self.keep, other.keep)
        return Measured(
            self.rows + other.rows,
            self.both_nan + other.both_nan,
            self.apart + other.apart,
            tuple(a + b for a, b in zip(self.violations, other.violations, strict=True)),
            *larger((self.absolute, self.absolute_row), (other.absolute, other.absolute_row)),
            *larger((self.relative, self.relative_row), (other.relative, other.relative_row)),
            self.sums + other.sums,
            add_bins(self.bins, other.bins),
            tuple(sorted((*self.worst, *other.worst), key=_place)[:keep]),
            keep,
        )


class Rows:
    """What the kernel sees row by row, where somebody asks for it: made empty for n rows, filled by `measure`.

    `magnitude` (n,) is `|c - b|`: inf where there is no finite difference, 0 where neither side has a number, which
    `both_nan` (n,) marks. `beyond[i]` (n,) are the rows that violate tolerance i, one for each of the first `masks`.
    """

    def __init__(self, n: int, masks: int) -> None:
        self.magnitude = np.zeros(n)
        self.both_nan = np.zeros(n, bool)
        self.beyond = tuple(np.zeros(n, bool) for _ in range(masks))


def add_bins(a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Counts of the same bins added, in order of bins."""
    counts = dict(a)
    for number, count in b:
        counts[number] = counts.get(number, 0) + count
    return tuple(sorted(counts.items()))


def _place(one: tuple[float, int]) -> tuple[float, int]:
    return -one[0], one[1]


def larger(a: tuple[float, int], b: tuple[float, int]) -> tuple[float, int]:
    """The larger of two (size, row), the earlier row among equals; row -1 is no row."""
    return min((a, b), key=lambda one: (-one[0], one[1] if one[1] >= 0 else float("inf")))
