"""Equal, or close: rules that judge one value beside another, by numpy's formula where they are numbers.

What is no number is equal or not, and whatever is compared with itself agrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.kernel import measure
from harness.compare.measured import Rows, Tolerance
from harness.compare.rules.protocol import Difference, Near, finish, incomparable
from harness.errors import HarnessError
from harness.tables import Column

NUMBERS = frozenset({"float", "int"})
"""Kinds of column between whose values there is a distance."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Equal values of the same kind; `-0.0 == 0.0`. Nested values are equal where every part is.

    >>> Exact().judge(Column.of([1.0, 2.0]), Column.of([1.0, 2.5])).violates.tolist()
    [False, True]
    """

    equal_nan: bool = True

    def tolerance(self, baseline: Column, candidate: Column) -> Tolerance | None:
        """None at all, of two columns of numbers of one kind."""
        return (0.0, 0.0) if baseline.kind == candidate.kind and baseline.kind in NUMBERS else None

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows whose values differ."""
        if baseline.kind != candidate.kind:
            return incomparable(baseline, candidate, self.equal_nan)
        tolerance = self.tolerance(baseline, candidate)
        if tolerance is not None:
            return within(baseline, candidate, tolerance, self.equal_nan)
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

    def tolerance(self, baseline: Column, candidate: Column) -> Tolerance | None:
        """Its own, of two columns of numbers."""
        return (self.atol, self.rtol) if {baseline.kind, candidate.kind} <= NUMBERS else None

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that lie further apart than the tolerance."""
        return near(self, baseline, candidate)

    def says(self) -> str:
        """In words."""
        parts = [f"{self.atol:g}"] if self.atol or not self.rtol else []
        if self.rtol:
            parts.append(f"{self.rtol:g} x |b|")
        return "|c - b| <= " + " + ".join(parts)


def near(rule: Near, baseline: Column, candidate: Column) -> Difference:
    """Rows that lie further apart than a rule's tolerance; of columns without a distance, those that are not equal,
    which they never are where the kinds differ."""
    tolerance = rule.tolerance(baseline, candidate)
    if tolerance is None:
        return Exact(rule.equal_nan).judge(baseline, candidate)
    return within(baseline, candidate, tolerance, rule.equal_nan)


def within(baseline: Column, candidate: Column, tolerance: Tolerance, equal_nan: bool) -> Difference:
    """What the kernel finds in two columns of numbers by one tolerance."""
    seen = Rows(len(baseline), 1)
    measure(
        baseline.values,
        candidate.values,
        [tolerance],
        null=(baseline.null, candidate.null),
        worst=0,
        rows=seen,
    )
    return difference(seen, 0, equal_nan)


def difference(
    seen: Rows, number: int, equal_nan: bool, at: npt.NDArray[np.int64] | None = None
) -> Difference:
    """What a rule says of what the kernel saw by its tolerance, in the rows `at` (None: in all)."""
    violates, magnitude, both_nan = seen.beyond[number], seen.magnitude, seen.both_nan
    if at is not None and len(at) < len(violates):
        violates, magnitude, both_nan = violates[at], magnitude[at], both_nan[at]
    return Difference(violates if equal_nan else violates | both_nan, magnitude, both_nan)


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
