"""Equal, or close: rules that judge one value beside another, by numpy's formula where they are numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.rules.rule import Difference, finish, incomparable
from harness.errors import HarnessError
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class Exact:
    """Equal values of the same kind; `-0.0 == 0.0`.

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
        equal = baseline.values == candidate.values
        magnitude = np.where(equal, 0.0, 1.0)
        return finish(baseline, candidate, ~np.asarray(equal, bool), magnitude, self.equal_nan)

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
            if kinds <= {"bool"} or (len(kinds) == 1 and kinds <= {"datetime"}):
                return Exact(self.equal_nan).judge(baseline, candidate)
            return incomparable(baseline, candidate, self.equal_nan)
        if kinds == {"int"}:
            apart = _integer_distance(baseline.values, candidate.values)
            # floor() keeps the comparison one between integers: a distance is a whole number
            limit = np.floor(self.atol + self.rtol * np.abs(baseline.values.astype(np.float64)))
            bad = (limit < 2.0**64) & (apart > np.minimum(limit, 2.0**63).astype(np.uint64))
            return finish(baseline, candidate, bad, apart.astype(np.float64), self.equal_nan)
        b = baseline.values.astype(np.float64, copy=False)
        c = candidate.values.astype(np.float64, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):
            magnitude = np.abs(c - b)
            limit = self.atol + self.rtol * np.abs(b)
            # a non-finite limit (b = inf) would let everything through
            close = (magnitude <= limit) & np.isfinite(b) & np.isfinite(c)
        bad = ~(close | (c == b))
        magnitude = np.where(c == b, 0.0, np.where(np.isnan(magnitude), np.inf, magnitude))
        return finish(baseline, candidate, bad, magnitude, self.equal_nan)

    def says(self) -> str:
        """In words."""
        parts = [f"{self.atol:g}"] if self.atol or not self.rtol else []
        if self.rtol:
            parts.append(f"{self.rtol:g} x |b|")
        return "|c - b| <= " + " + ".join(parts)


@dataclass(frozen=True, slots=True)
class Same:
    """Equal within rounding: close for numbers (wider for float32 and narrower), equal for all else.

    The default rule of a refactor and of an upgrade, for outputs that no configured rule judges.
    """

    rtol: float
    atol: float
    rtol32: float
    atol32: float
    equal_nan: bool = True

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that differ by more than rounding."""
        if baseline.kind != "float" or candidate.kind != "float":
            return Exact(self.equal_nan).judge(baseline, candidate)
        narrow = min(baseline.values.dtype.itemsize, candidate.values.dtype.itemsize) < 8
        tolerance = (self.atol32, self.rtol32) if narrow else (self.atol, self.rtol)
        return Close(*tolerance, equal_nan=self.equal_nan).judge(baseline, candidate)

    def says(self) -> str:
        """In words."""
        return f"equal within rounding: |c - b| <= {self.atol:g} + {self.rtol:g} x |b|; labels equal"


def _integer_distance(b: npt.NDArray[Any], c: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """|c - b| without overflow: the distance of two 64-bit integers fits an unsigned one, modulo 2**64."""
    high = np.where(c > b, c.astype(np.uint64), b.astype(np.uint64))
    low = np.where(c > b, b.astype(np.uint64), c.astype(np.uint64))
    return high - low
