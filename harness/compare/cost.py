"""What the differences of all cases cost together, in a declared unit: for each flip of a label, or each unit of error.

Costs are added exactly, from kept answers in the order of their rows; a flip that nobody has priced has no cost, and so
the sum has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, nan

import numpy as np
import numpy.typing as npt

from harness.compare.budget import numeric
from harness.compare.exact import Exact
from harness.compare.rules import Difference, missing
from harness.settings import MaxCost
from harness.tables import Column

ARROW = "->"


@dataclass(frozen=True, slots=True)
class Cost:
    """Judges no difference row by row: `max_cost` beside it prices them, over all cases. A row violates it where one
    side alone holds a value, since that has no price.

    >>> Cost().judge(Column.of(["a", "b"]), Column.of(["b", None])).violates.tolist()
    [False, True]
    """

    equal_nan: bool = True

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that have no price."""
        old, new = missing(baseline), missing(candidate)
        both = old & new
        alone = old ^ new
        if baseline.kind != candidate.kind and not numeric(baseline, candidate):
            # labels of two kinds are no flip of one
            alone |= ~both
        elif baseline.kind == "json":
            alone |= np.fromiter(map(_strange, baseline.values, candidate.values), bool, len(both)) & ~both
        return Difference(alone | (both & (not self.equal_nan)), np.where(alone, np.inf, 0.0), both)

    def says(self) -> str:
        """In words."""
        return "all differences together cost no more than its budget"


def cost(baseline: Column, candidate: Column, price: MaxCost) -> float:
    """What the differences between (n,) answers cost, all together or for each case; the sum is exact before it is
    rounded. Rows without a value on both sides cost nothing. NaN where a value stands on one side only, a difference is
    infinite, no case is left, or a flip has no price.

    >>> flips = MaxCost(limit=0.0, flips={"good -> bad": 250.0, "* -> *": 10.0})
    >>> cost(Column.of(["good", "bad", "good"]), Column.of(["bad", "good", "good"]), flips)
    260.0
    >>> cost(Column.of([1.0, 2.0]), Column.of([1.5, 1.0]), MaxCost(limit=0.0, error=4.0))
    6.0
    """
    use = ~(missing(baseline) & missing(candidate))
    b, c = baseline.take(use), candidate.take(use)
    strange = b.kind != c.kind and not numeric(b, c)
    strange |= b.kind == c.kind == "json" and any(map(_strange, b.values, c.values))
    if not len(b) or strange or (missing(b) | missing(c)).any():
        return nan
    total = _flips(b, c, price.flips) if price.flips else _error(b, c, price.error)
    if total is None:
        return nan
    return float(total / len(b)) if price.per_case else float(total)


def priced(flips: Mapping[str, float], old: str, new: str) -> float | None:
    """The price of one flip: of `old -> new`, else `old -> *`, `* -> new`, `* -> *`; None where it has none."""
    for key in (f"{old} {ARROW} {new}", f"{old} {ARROW} *", f"* {ARROW} {new}", f"* {ARROW} *"):
        if key in flips:
            return flips[key]
    return None


def _flips(b: Column, c: Column, flips: Mapping[str, float]) -> Fraction | None:
    total = Fraction(0)
    for (old, new), count in Counter(
        zip(map(_label, b.tolist()), map(_label, c.tolist()), strict=True)
    ).items():
        if old != new:
            price = priced(flips, old, new)
            if price is None:
                return None
            total += count * Fraction(price)
    return total


def _error(b: Column, c: Column, price: float) -> Fraction | None:
    if not numeric(b, c):
        return None
    if b.kind == c.kind == "float":
        return _distances(b.values.astype(np.float64), c.values.astype(np.float64), price)
    total = Fraction(0)
    for old, new in zip(b.tolist(), c.tolist(), strict=True):
        if old != new:
            if not (isfinite(old) and isfinite(new)):
                return None
            total += abs(Fraction(new) - Fraction(old))
    return total * Fraction(price)


def _distances(b: npt.NDArray[np.float64], c: npt.NDArray[np.float64], price: float) -> Fraction | None:
    """The same of floats: the larger of each two added up, less the smaller ones; what is equal is left out."""
    differ = b != c
    b, c = b[differ], c[differ]
    if not (np.isfinite(b).all() and np.isfinite(c).all()):
        return None
    apart = Exact.total(np.concatenate([np.maximum(b, c), -np.minimum(b, c)]))
    return apart.fraction * Fraction(price)


def _strange(old: object, new: object) -> bool:
    """Whether two labels of one column are of two kinds: `1` and `"1"` are written alike, and are no flip."""
    return type(old) is not type(new)


def _label(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
