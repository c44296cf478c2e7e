"""What is allowed of the structure of all answers together: how many are null, how many rows fail, which classes
there are. Row by row such a rule is strict; its budget is judged from counts of both versions (`compare.census`).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.compare.rules.protocol import Difference
from harness.compare.rules.values import Exact
from harness.errors import HarnessError
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class NullRate:
    """A share of the rows may have NaN or null for an answer: the candidate's own (`max_rate`), or beyond the
    baseline's (`max_increase`). What is not set is not judged; one has to be.

    >>> NullRate(max_increase=0.01).says()
    'NaN or null in at most 1% of the rows more than in the baseline'
    """

    max_rate: float | None = None
    max_increase: float | None = None
    equal_nan: bool = True

    def __post_init__(self) -> None:
        _check(self.max_rate, self.max_increase)

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Without a budget: rows that differ."""
        return Exact(self.equal_nan).judge(baseline, candidate)

    def says(self) -> str:
        """In words."""
        return "NaN or null in " + _words(self.max_rate, self.max_increase)


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """A share of the rows may fail: the candidate's own (`max_rate`), or beyond the baseline's (`max_increase`).
    What is not set is not judged; one has to be.

    >>> ErrorRate(max_rate=0.001).says()
    'errors in at most 0.1% of the rows'
    """

    max_rate: float | None = None
    max_increase: float | None = None
    equal_nan: bool = True

    def __post_init__(self) -> None:
        _check(self.max_rate, self.max_increase)

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Without a budget: rows that differ."""
        return Exact(self.equal_nan).judge(baseline, candidate)

    def says(self) -> str:
        """In words."""
        return "errors in " + _words(self.max_rate, self.max_increase)


@dataclass(frozen=True, slots=True)
class ClassSet:
    """The candidate answers the classes that the baseline answers; `allow_new` may come, `allow_gone` may go (`*`:
    any). Classes are written as the report shows them: `1` is written "1".

    >>> ClassSet(allow_new=("short-stay",)).says()
    'the classes of the baseline (allowed new: short-stay)'
    """

    allow_new: tuple[str, ...] = ()
    allow_gone: tuple[str, ...] = ()
    equal_nan: bool = True

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Without a budget: rows that differ."""
        return Exact(self.equal_nan).judge(baseline, candidate)

    def says(self) -> str:
        """In words."""
        more = [f"new: {', '.join(self.allow_new)}"] if self.allow_new else []
        more += [f"gone: {', '.join(self.allow_gone)}"] if self.allow_gone else []
        return "the classes of the baseline" + (f" (allowed {'; '.join(more)})" if more else "")


def _words(rate: float | None, increase: float | None) -> str:
    said = [] if rate is None else [f"at most {rate * 100:.4g}% of the rows"]
    if increase is not None:
        said.append(f"at most {increase * 100:.4g}% of the rows more than in the baseline")
    return ", and in ".join(said)


def _check(rate: float | None, increase: float | None) -> None:
    if rate is None and increase is None:
        raise HarnessError("it has no limit", hint="set max_rate, max_increase or both")
    for key, value in (("max_rate", rate), ("max_increase", increase)):
        if value is not None and not 0 <= value < 1:
            raise HarnessError(f"{key} is {value:g}", hint="a share: at least 0 and below 1")
