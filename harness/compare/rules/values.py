"""Equal, or close: rules that judge one value beside another, by numpy's formula where they are numbers.

What is no number is equal or not, and whatever is compared with itself agrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.rules.protocol import Difference, Floats, finish, incomparable
from harness.errors import HarnessError
from harness.tables import Bools, Column


@dataclass(frozen=True, slots=True)
class Exact:
    """Equal values of the same kind; `-0.0 == 0.0`. Nested values are equal where every part is.

    >>> Exact().judge(Column.of([1.0, 2.0]), Column.of([1.0, 2.5])).violates.tolist()
    [False, True]
    """

    equal_nan: bool = True

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows whose values differ."""
        if baseline.kind != candidate.kind:
            return incomparable(baseline, candidate, self.equal_nan)
        if baseline.kind in ("float", "int"):
            return Close(0.0, 0.0, equal_nan=self.equal_nan).judge(baseline, candidate)
        if baseline.kind == "json":
            pairs = zip(baseline.values, candidate.values, strict=True)
            equal = np.fromiter((identical(b, c, self.equal_nan) for b, c in pairs), bool, len(baseline))
        else:
            equal = baseline.equal(candidate)
        differs = np.logical_not(equal, out=equal)
        return finish(baseline, candidate, differs, differs.astype(np.float64), self.equal_nan)

    def says(self) -> str:
        """In words."""
        return "equal"


@dataclass(frozen=True, slots=True)
class Close:
    """numpy's formula with the baseline as reference: `abs(c - b) <= atol + rtol * abs(b)`.

    Integers are compared as integers, so 2**53 + 1 and 2**53 differ and nothing wraps round; floats of any
    width as float64. Infinities agree only with themselves.

    >>> Close(atol=0.5).judge(Column.of([1.0, 2.0]), Column.of([1.4, 2.6])).violates.tolist()
    [False, True]
    """

    atol: float = 0.0
    rtol: float = 0.0
    equal_nan: bool = True

    def __post_init__(self) -> None:
        for name in ("atol", "rtol"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise HarnessError(f"{name} is {value}", where="rule close", hint=f"{name} is 0 or more")

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that lie further apart than the tolerance."""
        kinds = {baseline.kind, candidate.kind}
        if not kinds <= {"float", "int"}:
            # no distance: equal or not, and never equal where the kinds differ
            return Exact(self.equal_nan).judge(baseline, candidate)
        if kinds == {"int"}:
            bad, magnitude = self._integers(baseline.values, candidate.values)
            return finish(baseline, candidate, bad, magnitude, self.equal_nan)
        b = baseline.values.astype(np.float64, copy=False)
        c = candidate.values.astype(np.float64, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):
            magnitude = np.abs(c - b)
            limit = self.atol + self.rtol * np.abs(b)
            if np.isfinite(magnitude.max(initial=0.0)):
                # so is every value, and equal ones lie no distance apart
                return finish(baseline, candidate, magnitude > limit, magnitude, self.equal_nan)
            # a non-finite limit (b = inf) would let everything through
            close = (magnitude <= limit) & np.isfinite(b) & np.isfinite(c)
        bad = ~(close | (c == b))
        magnitude = np.where(c == b, 0.0, np.where(np.isnan(magnitude), np.inf, magnitude))
        return finish(baseline, candidate, bad, magnitude, self.equal_nan)

    def _integers(self, b: npt.NDArray[Any], c: npt.NDArray[Any]) -> tuple[Bools, Floats]:
        """Which rows violate, and how far apart they are; most rows of integers are equal."""
        bad, magnitude = np.zeros(len(b), bool), np.zeros(len(b))
        rows = np.flatnonzero(b != c)
        if len(rows):
            b, c = b[rows], c[rows]
            apart = integer_distance(b, c)
            # floor() keeps the comparison one between integers: a distance is a whole number
            limit = np.floor(self.atol + self.rtol * np.abs(b.astype(np.float64)))
            within = limit < 2.0**64
            bad[rows] = within & (apart > np.where(within, limit, 0.0).astype(np.uint64))
            magnitude[rows] = apart
        return bad, magnitude

    def says(self) -> str:
        """In words."""
        parts = [f"{self.atol:g}"] if self.atol or not self.rtol else []
        if self.rtol:
            parts.append(f"{self.rtol:g} x |b|")
        return "|c - b| <= " + " + ".join(parts)


def integer_distance(b: npt.NDArray[Any], c: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """|c - b| of integers of any width, without overflow; 2**64 - 1 where it is more than that.

    >>> integer_distance(np.array([-1]), np.array([2**64 - 1], np.uint64)) == 2**64 - 1
    array([ True])
    """
    # modulo 2**64 the distance of two 64-bit integers is right, but for a negative one beside a huge unsigned one
    up = c > b
    high = np.where(up, c.astype(np.uint64), b.astype(np.uint64))
    low = np.where(up, b.astype(np.uint64), c.astype(np.uint64))
    apart = high - low
    beyond = (np.where(up, b, c) < 0) & (np.where(up, c, b) >= 0) & (apart < high)
    return np.where(beyond, np.uint64(2**64 - 1), apart)


def identical(b: Any, c: Any, equal_nan: bool = True) -> bool:
    """Whether two plain values are equal, every part of them, and of the same type.

    `1`, `1.0`, `True` and `"1"` are four values. NaN equals NaN where `equal_nan` says so.

    >>> identical({"a": [1, float("nan")]}, {"a": [1, float("nan")]}), identical([1], [True])
    (True, False)
    """
    if type(b) is not type(c):
        return False
    if isinstance(b, float):
        return b == c or (equal_nan and b != b and c != c)
    if isinstance(b, list | tuple):
        return len(b) == len(c) and all(identical(x, y, equal_nan) for x, y in zip(b, c, strict=True))
    if isinstance(b, dict):
        return b.keys() == c.keys() and all(identical(b[key], c[key], equal_nan) for key in b)
    return bool(b == c)
