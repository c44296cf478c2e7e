"""How much more one version takes than another, with an interval: of calls by a paired bootstrap, of a few starts by
the order of their ratios.

Both versions were measured turn by turn, so that whatever slowed the machine slowed both. An interval holds the true
value but for 5% on each side; whoever decides by its upper end is wrong in one of twenty such cases at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Of the last axis."""

REPLICATES = 2000
ALPHA = 0.05
FEWEST = 5
"""Pairs below which the smallest of them is no bound of their median, and the ends are NaN: 2**-5 < ALPHA < 2**-4."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the ends between which it lies, but for 5% beyond each of them."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Both versions' value, and their ratio (candidate to baseline)."""

    baseline: Interval
    candidate: Interval
    ratio: Interval


def of_calls(baseline: Floats, candidate: Floats, statistic: Statistic) -> Compared:
    """A statistic of many paired measurements, each (n,): resampled in pairs, always by the same numbers.

    >>> found = of_calls(np.full(40, 0.1), np.full(40, 0.2), lambda x: np.quantile(x, 0.95, axis=-1))
    >>> found.ratio
    Interval(value=2.0, low=2.0, high=2.0)
    """
    rng = np.random.default_rng(len(baseline))
    turns = rng.integers(0, len(baseline), (REPLICATES, len(baseline)))
    old, new = statistic(baseline[turns]), statistic(candidate[turns])
    whole = float(statistic(baseline)), float(statistic(candidate))
    return Compared(
        _ends(whole[0], old), _ends(whole[1], new), _ends(whole[1] / whole[0], np.asarray(new / old))
    )


def of_starts(baseline: Floats, candidate: Floats) -> Compared:
    """The median of a few paired measurements, each (n,) with n >= FEWEST. The ends are values that were measured: so
    many of them lie beyond the median by chance alone (the sign test's interval).

    >>> of_starts(np.array([1.0, 1, 1, 1, 1]), np.array([1.1, 1.3, 1.2, 1.2, 1.4])).ratio
    Interval(value=1.2, low=1.1, high=1.4)
    """
    return Compared(_median(baseline), _median(candidate), _median(candidate / baseline))


def _ends(value: float, replicates: Floats) -> Interval:
    low, high = np.quantile(replicates, (ALPHA, 1 - ALPHA))
    return Interval(value, float(low), float(high))


def _median(values: Floats) -> Interval:
    found, beyond, tail = np.sort(values), -1, 0.0
    # the k-th smallest value lies above the median with the chance of fewer than k heads in n throws
    while (tail := tail + comb(len(found), beyond + 1) / 2 ** len(found)) <= ALPHA:
        beyond += 1
    if beyond < 0:
        return Interval(float(np.median(found)), float("nan"), float("nan"))
    return Interval(float(np.median(found)), float(found[beyond]), float(found[-1 - beyond]))
