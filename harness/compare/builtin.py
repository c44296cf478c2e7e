"""The checks that nobody configures: what is always judged, and what a kind of change judges by default.

Each is a frozen value that says what it demands; how each is judged stands where its counts are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.compare.cases import Leaving
from harness.compare.measured import Tolerance
from harness.compare.movement import MOVED_OVER
from harness.compare.rules import Difference, Exact, Same
from harness.compare.rules.values import near
from harness.tables import Column

BUILTIN_NAMES = (
    "structure", "faults", "same-errors", "class-set", "values", "not-worse", "changed-rate", "drift",
)  # fmt: skip

ROUNDING = {
    "refactor": Same(rtol=1e-9, atol=1e-12, rtol32=1e-9, atol32=1e-12),
    "upgrade": Same(rtol=1e-5, atol=1e-8, rtol32=1e-4, atol32=1e-6, ties=True),
}
"""What "equal within rounding" means for each kind of change that must not move the answers."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The built-in check of columns, rows, kinds and finite values. Not a per-column rule: `compare` does it.

    `nulls` are the cases whose NaN and null a rule with a budget for them judges in its place.
    """

    equal_nan: bool = True
    nulls: tuple[Leaving, ...] = ()

    def says(self) -> str:
        """In words."""
        said = "the same columns, rows and kinds of value; no answer lost, none turned NaN or infinite"
        return said + _left_to(self.nulls, "NaN and null")


@dataclass(frozen=True, slots=True)
class Faults:
    """The built-in check that no row fails in one version only (`new_only`: in the candidate only).

    `errors` are the cases that a rule with a budget for errors judges in its place.
    """

    new_only: bool
    equal_nan: bool = True
    errors: tuple[Leaving, ...] = ()

    def says(self) -> str:
        """In words."""
        said = "no row fails " + ("in the candidate alone" if self.new_only else "in one version alone")
        return said + _left_to(self.errors, "errors")


def _left_to(others: Sequence[Leaving], what: str) -> str:
    names = sorted({f"{one.to} (its cases)" if one.where is not None else one.to for one in others})
    return f"; {what}: {', '.join(names)}" if names else ""


@dataclass(frozen=True, slots=True)
class NotWorse:
    """The built-in check of a retrain on labelled cases; judged from kept columns by `statistics`."""

    primary: str
    margin: float | None
    equal_nan: bool = True

    def says(self) -> str:
        """In words."""
        return "the loss on labelled cases is not worse than the baseline's by the margin"


@dataclass(frozen=True, slots=True)
class Changed:
    """The built-in budget of a retrain without labels: how many answers may move by over 1%."""

    limit: float
    equal_nan: bool = True

    def tolerance(self, baseline: Column, candidate: Column) -> Tolerance | None:
        """Of two columns of numbers of one kind. 1% of a number that counts or names something (an integer) is no
        rounding."""
        if baseline.kind == candidate.kind == "float":
            return 0.0, MOVED_OVER
        return Exact(self.equal_nan).tolerance(baseline, candidate)

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that changed."""
        return near(self, baseline, candidate)

    def says(self) -> str:
        """In words."""
        return f"at most {self.limit:.4g} of the answers change (numbers: by over 1%)"


@dataclass(frozen=True, slots=True)
class Drift:
    """The built-in budget of all releases together: how far the candidate may be from the anchor, an older release.

    `over` is the relative change beyond which an answer counts as moved; what is no number moves when it changes.
    """

    anchor: str
    over: float
    max_share: float | None
    max_mean_shift: float | None
    equal_nan: bool = True

    def says(self) -> str:
        """In words."""
        parts = []
        if self.max_share is not None:
            parts.append(
                f"at most {self.max_share * 100:.4g}% of the answers differ from those of the anchor {self.anchor} "
                f"(numbers: by over {self.over * 100:.4g}%)"
            )
        if self.max_mean_shift is not None:
            mean = "the mean answer" if parts else f"the mean answer of the anchor {self.anchor}"
            parts.append(f"{mean} shifts by at most {self.max_mean_shift * 100:.4g}%")
        return "; ".join(parts)
