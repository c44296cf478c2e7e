"""What a rule is: a frozen value that decides which rows violate it, and says in words what it demands.

A rule sees two columns of equal length, the baseline's and the candidate's, for rows that both answered. NaN and
null on both sides agree (unless the rule is told otherwise) and are counted apart; on one side they violate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from harness.tables import Bools, Column

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What a rule saw in n rows: `violates` (n,), `magnitude` (n,) = how far apart (inf where no distance
    exists), `both_nan` (n,) = neither side holds a number. Where outputs were judged together, `output` (n,) may
    name the one to show."""

    violates: Bools
    magnitude: Floats
    both_nan: Bools
    output: npt.NDArray[Any] | None = None


class Rule(Protocol):
    """A frozen value that decides which rows violate it, and says so in words."""

    @property
    def equal_nan(self) -> bool:
        """Whether NaN on both sides agrees."""
        ...

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Judge rows that both versions answered; both columns have the same length."""
        ...

    def says(self) -> str:
        """What the rule demands, in a line that a release manager understands."""
        ...


@runtime_checkable
class Joint(Protocol):
    """A rule that judges all the outputs that it is bound to at once: the classes of one row, one vector.

    A class says so by `judge_together`; its `judge` is the same for one output alone.
    """

    def judge_together(self, baseline: Mapping[str, Column], candidate: Mapping[str, Column]) -> Difference:
        """Judge rows that both versions answered; the same names on both sides, every column of one length."""
        ...


@runtime_checkable
class Cases(Protocol):
    """A rule that looks at the inputs of a row too; its `judge` is the same without any input."""

    def judge_cases(self, baseline: Column, candidate: Column, inputs: Mapping[str, Column]) -> Difference:
        """Judge rows that both versions answered; the input columns are of the same rows."""
        ...


class Near(Protocol):
    """A rule that asks of two columns of numbers whether they lie within a tolerance, and nothing else: the kernel
    answers it in the pass in which it measures everything else."""

    @property
    def equal_nan(self) -> bool:
        """Whether NaN on both sides agrees."""
        ...

    def tolerance(self, baseline: Column, candidate: Column) -> tuple[float, float] | None:
        """(atol, rtol) of these two columns; None where they are not both numbers, or it judges them otherwise."""
        ...


def tolerance_of(rule: object, baseline: Column, candidate: Column) -> tuple[float, float] | None:
    """The tolerance that says all of what a rule finds in two columns; None where its `judge` has to be asked.

    A rule that is made from another by writing a `judge` of its own is asked, and so is every rule of an extension:
    what it calls its tolerance may be a number, or not all that it looks at.
    """
    return cast(Near, rule).tolerance(baseline, candidate) if _says_all(type(rule)) else None


_SAYS_ALL: dict[type, bool] = {}
_OURS = "harness.compare."


def _says_all(kind: type) -> bool:
    """Whether the tolerance of such rules says all that they find. Looked up once for each class: in every block it
    would cost more than what is asked of the block."""
    if kind not in _SAYS_ALL:
        judging = next((one for one in kind.__mro__ if "judge" in vars(one)), object)
        _SAYS_ALL[kind] = judging.__module__.startswith(_OURS) and "tolerance" in vars(judging)
    return _SAYS_ALL[kind]


def judges_together(rule: object) -> bool:
    """Whether it is a `Joint` rule, by its class alone: to ask a protocol costs more than to compare a block."""
    return hasattr(type(rule), "judge_together")


def ask(
    rule: Rule,
    baseline: Mapping[str, Column],
    candidate: Mapping[str, Column],
    inputs: Mapping[str, Column],
) -> Difference:
    """What a rule of any form says of these outputs: all of them to a `Joint` rule, else one."""
    if judges_together(rule):
        return cast(Joint, rule).judge_together(baseline, candidate)
    (name,) = baseline
    if isinstance(rule, Cases):
        return rule.judge_cases(baseline[name], candidate[name], inputs)
    return rule.judge(baseline[name], candidate[name])


def missing(column: Column) -> Bools:
    """(n,) where the column holds no value: null, or NaN."""
    absent = np.zeros(len(column), bool) if column.null is None else column.null.copy()
    if column.kind == "float":
        absent |= np.isnan(column.values)
    return absent


def _gaps(column: Column) -> bool:
    """Whether some row may hold no value; a sum that is finite has no NaN in it."""
    if column.null is not None and bool(column.null.any()):
        return True
    if column.kind != "float":
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return not bool(np.isfinite(np.einsum("i->", column.values)))


def incomparable(baseline: Column, candidate: Column, equal_nan: bool) -> Difference:
    """Every row violates, infinitely far apart, but where neither side holds a value."""
    n = len(baseline)
    return finish(baseline, candidate, np.ones(n, bool), np.full(n, np.inf), equal_nan)


def finish(baseline: Column, candidate: Column, bad: Bools, magnitude: Floats, equal_nan: bool) -> Difference:
    """What a rule saw, once null and NaN are counted apart: both sides agree, one side alone violates."""
    if not _gaps(baseline) and not _gaps(candidate):
        # most columns have a value in every row, and masks of nothing cost more than comparing
        return Difference(bad, magnitude, np.zeros(len(bad), bool))
    gone_b, gone_c = missing(baseline), missing(candidate)
    both, one = gone_b & gone_c, gone_b ^ gone_c
    violates = np.where(both, not equal_nan, bad | one).astype(bool)
    size = np.where(both, 0.0, np.where(one, np.inf, magnitude))
    return Difference(violates, size, both)
