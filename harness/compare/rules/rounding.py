"""Equal within rounding: what a change that must not move the answers is judged by."""

from __future__ import annotations

from dataclasses import dataclass

from harness.compare.measured import Tolerance
from harness.compare.rules.protocol import Difference, missing
from harness.compare.rules.structures import SameStructure
from harness.compare.rules.values import Exact, within
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class Same:
    """Equal within rounding: close for numbers, nested ones too (wider for float32 and narrower), equal for all else.

    The default rule of a refactor and of an upgrade, for outputs that no configured rule judges. `ties`: labels
    between which the baseline does not choose are excepted, and counted (`harness.compare.ties`).
    """

    rtol: float
    atol: float
    rtol32: float
    atol32: float
    equal_nan: bool = True
    ties: bool = False

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that differ by more than rounding."""
        if baseline.kind == candidate.kind == "json":
            nested = SameStructure(self.atol, self.rtol, equal_nan=self.equal_nan).judge(baseline, candidate)
            # a NaN somewhere inside is a value among others
            return Difference(nested.violates, nested.magnitude, missing(baseline) & missing(candidate))
        tolerance = self.tolerance(baseline, candidate)
        if tolerance is None:
            return Exact(self.equal_nan).judge(baseline, candidate)
        return within(baseline, candidate, tolerance, self.equal_nan)

    def tolerance(self, baseline: Column, candidate: Column) -> Tolerance | None:
        """Of two columns of numbers of one kind: integers are not rounded, and of floats the baseline's width decides,
        since a candidate that became narrower has lost precision."""
        if baseline.kind != "float" or candidate.kind != "float":
            return Exact(self.equal_nan).tolerance(baseline, candidate)
        narrow = baseline.values.dtype.itemsize < 8
        return (self.atol32, self.rtol32) if narrow else (self.atol, self.rtol)

    def says(self) -> str:
        """In words."""
        words = f"equal within rounding: |c - b| <= {self.atol:g} + {self.rtol:g} x |b|"
        if (self.atol32, self.rtol32) != (self.atol, self.rtol):
            words += f" (float32: {self.atol32:g} + {self.rtol32:g} x |b|)"
        return f"{words}; labels equal" + (", ties of the baseline excepted" if self.ties else "")
