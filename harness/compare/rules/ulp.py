"""Units in the last place: how many floating-point numbers lie between two answers.

A distance of bit patterns, so that a tolerance holds for 1e-300 as for 1e300; `-0.0` and `0.0` are one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.rules.protocol import Difference, finish
from harness.compare.rules.values import Exact, integer_distance
from harness.errors import HarnessError
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class Ulp:
    """At most `max_ulps` steps from one float to the next; integers and all else equal.

    Floats of two widths are both taken as the narrower. Infinities agree only with themselves.

    >>> Ulp(max_ulps=1).judge(Column.of([1.0, 1.0]), Column.of([1.0 + 2**-52, 1.0 + 2**-51])).violates.tolist()
    [False, True]
    """

    max_ulps: int = 0
    equal_nan: bool = True

    def __post_init__(self) -> None:
        if self.max_ulps < 0:
            raise HarnessError(f"max_ulps is {self.max_ulps}", where="rule ulp", hint="max_ulps is 0 or more")

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that lie more steps apart."""
        if (baseline.kind, candidate.kind) != ("float", "float"):
            return Exact(self.equal_nan).judge(baseline, candidate)
        size = min(baseline.values.dtype.itemsize, candidate.values.dtype.itemsize)
        width = np.dtype(f"f{size if size in (2, 4, 8) else 8}")
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            b, c = (column.values.astype(width) for column in (baseline, candidate))
        apart = integer_distance(_place(b), _place(c))
        # the step from the largest number to infinity is one in bits, and no rounding
        finite = np.isfinite(b) & np.isfinite(c)
        equal = baseline.values == candidate.values
        bad = np.where(finite, apart > min(self.max_ulps, 2**64 - 1), ~equal)
        magnitude = np.where(finite, apart.astype(np.float64), np.where(equal, 0.0, np.inf))
        return finish(baseline, candidate, bad, magnitude, self.equal_nan)

    def says(self) -> str:
        """In words."""
        return f"at most {self.max_ulps} ulp apart; integers and labels equal"


def _place(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """(n,) the place of each float among all floats of its width; that of both zeros is 0."""
    bits = values.view(f"i{values.dtype.itemsize}")
    # below zero the bits count away from the smallest integer, which is -0.0
    return np.where(bits < 0, np.iinfo(bits.dtype).min - bits, bits).astype(np.int64)
