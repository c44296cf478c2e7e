"""Lists whose order means nothing: the items are the same, however often and in whatever order they stand."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.compare.rules.protocol import Difference, finish
from harness.compare.rules.values import Exact, identical
from harness.errors import HarnessError
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class SameSet:
    """Of all items that either list names, both name a share of `min_jaccard`; all of them by default.

    >>> old, new = Column.of([["a", "b"], ["a", "b"]]), Column.of([["b", "a", "a"], ["a", "c"]])
    >>> SameSet().judge(old, new).violates.tolist()
    [False, True]
    """

    min_jaccard: float = 1.0
    equal_nan: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.min_jaccard <= 1:
            raise HarnessError(
                f"min_jaccard is {self.min_jaccard}", where="rule same_set", hint="min_jaccard is from 0 to 1"
            )

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows whose lists share less; the magnitude is the Jaccard distance, inf for what is no list."""
        if (baseline.kind, candidate.kind) != ("json", "json"):
            return Exact(self.equal_nan).judge(baseline, candidate)
        n = len(baseline)
        bad, magnitude, nans = np.zeros(n, bool), np.zeros(n), np.zeros(n, bool)
        for row, (b, c) in enumerate(zip(baseline.values, candidate.values, strict=True)):
            if isinstance(b, list | tuple) and isinstance(c, list | tuple):
                old, new = {_key(item) for item in b}, {_key(item) for item in c}
                share = len(old & new) / len(old | new) if old | new else 1.0
                nans[row] = _NAN in old & new
                bad[row] = share < self.min_jaccard or (nans[row] and not self.equal_nan)
                magnitude[row] = 1.0 - share
            else:
                bad[row] = not identical(b, c, self.equal_nan)
                magnitude[row] = np.inf if bad[row] else 0.0
        seen = finish(baseline, candidate, bad, magnitude, self.equal_nan)
        return Difference(seen.violates, seen.magnitude, seen.both_nan | nans)

    def says(self) -> str:
        """In words."""
        if self.min_jaccard == 1:
            return "the same items in any order"
        return f"the same items in any order, {self.min_jaccard:g} of them"


_NAN = ("float", "nan")


def _key(item: Any) -> Hashable:
    """What makes an item itself: `1`, `1.0`, `True` and `"1"` are four."""
    if isinstance(item, list | tuple):
        return ("list", tuple(_key(part) for part in item))
    if isinstance(item, dict):
        return ("dict", frozenset((name, _key(part)) for name, part in item.items()))
    if isinstance(item, float) and item != item:
        return _NAN
    return (type(item).__name__, item)
