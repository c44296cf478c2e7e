"""The same label, and the same class of error: rules of names, between which there is no distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.compare.rules.protocol import Difference, incomparable
from harness.compare.rules.values import Exact
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class SameLabel:
    """The same label of the same type: `"1"`, `1` and `True` are three labels.

    >>> SameLabel().judge(Column.of(["a", "b"]), Column.of(["a", "c"])).violates.tolist()
    [False, True]
    """

    equal_nan: bool = True

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows whose label flipped."""
        if baseline.kind != candidate.kind:
            return incomparable(baseline, candidate, self.equal_nan)
        seen = Exact(self.equal_nan).judge(baseline, candidate)
        # a flip is a flip: the distance between label 2 and label 7 means nothing
        return replace(seen, magnitude=np.where(seen.violates, 1.0, 0.0))

    def says(self) -> str:
        """In words."""
        return "the same label"


@dataclass(frozen=True, slots=True)
class SameError:
    """Rows that both versions fail on, they fail on with the same class of exception.

    Its columns are the exceptions' class names of the rows that both failed on. Where this rule is bound, such
    rows are accounted for instead of unanswered; a row that one version alone fails on is `faults`' business.

    >>> SameError().judge(Column.of(["ValueError", "KeyError"]), Column.of(["ValueError"] * 2)).violates.tolist()
    [False, True]
    """

    equal_nan: bool = True

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that each fails on in its own way."""
        return Exact(True).judge(baseline, candidate)

    def says(self) -> str:
        """In words."""
        return "rows that both fail on raise the same class of error"
