"""The rules that judge one output of one row: a frozen value that decides, and says in words what it demands.

A rule sees two columns of equal length, the baseline's and the candidate's, for rows that both answered. NaN and
null on both sides agree (unless the rule is told otherwise) and are counted apart; on one side they violate.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError, did_you_mean
from harness.registry import Registry
from harness.tables import Bools, Column

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What a rule saw in n rows: `violates` (n,), `magnitude` (n,) = how far apart (inf where no distance
    exists), `both_nan` (n,) = neither side holds a number."""

    violates: Bools
    magnitude: Floats
    both_nan: Bools


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
            return _incomparable(baseline, candidate, self.equal_nan)
        if baseline.kind in ("float", "int"):
            return Close(0.0, 0.0, equal_nan=self.equal_nan).judge(baseline, candidate)
        equal = baseline.values == candidate.values
        magnitude = np.where(equal, 0.0, 1.0)
        return _finish(baseline, candidate, ~np.asarray(equal, bool), magnitude, self.equal_nan)

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
            return _incomparable(baseline, candidate, self.equal_nan)
        if kinds == {"int"}:
            apart = _integer_distance(baseline.values, candidate.values)
            # floor() keeps the comparison one between integers: a distance is a whole number
            limit = np.floor(self.atol + self.rtol * np.abs(baseline.values.astype(np.float64)))
            bad = (limit < 2.0**64) & (apart > np.minimum(limit, 2.0**63).astype(np.uint64))
            return _finish(baseline, candidate, bad, apart.astype(np.float64), self.equal_nan)
        b = baseline.values.astype(np.float64, copy=False)
        c = candidate.values.astype(np.float64, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):
            magnitude = np.abs(c - b)
            limit = self.atol + self.rtol * np.abs(b)
            # a non-finite limit (b = inf) would let everything through
            close = (magnitude <= limit) & np.isfinite(b) & np.isfinite(c)
        bad = ~(close | (c == b))
        magnitude = np.where(c == b, 0.0, np.where(np.isnan(magnitude), np.inf, magnitude))
        return _finish(baseline, candidate, bad, magnitude, self.equal_nan)

    def says(self) -> str:
        """In words."""
        parts = [f"{self.atol:g}"] if self.atol or not self.rtol else []
        if self.rtol:
            parts.append(f"{self.rtol:g} x |b|")
        return "|c - b| <= " + " + ".join(parts)


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
            return _incomparable(baseline, candidate, self.equal_nan)
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
    """

    equal_nan: bool = True

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that each fails on in its own way."""
        return Exact(True).judge(baseline, candidate)

    def says(self) -> str:
        """In words."""
        return "rows that both fail on raise the same class of error"


@dataclass(frozen=True, slots=True)
class Same:
    """Equal within rounding: close for numbers (wider for float32 and narrower), equal for all else.

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
        if baseline.kind != "float" or candidate.kind != "float":
            return Exact(self.equal_nan).judge(baseline, candidate)
        narrow = min(baseline.values.dtype.itemsize, candidate.values.dtype.itemsize) < 8
        tolerance = (self.atol32, self.rtol32) if narrow else (self.atol, self.rtol)
        return Close(*tolerance, equal_nan=self.equal_nan).judge(baseline, candidate)

    def says(self) -> str:
        """In words."""
        words = f"equal within rounding: |c - b| <= {self.atol:g} + {self.rtol:g} x |b|"
        if (self.atol32, self.rtol32) != (self.atol, self.rtol):
            words += f" (float32: {self.atol32:g} + {self.rtol32:g} x |b|)"
        return f"{words}; labels equal" + (", ties of the baseline excepted" if self.ties else "")


def _integer_distance(b: npt.NDArray[Any], c: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """|c - b| without overflow: the distance of two 64-bit integers fits an unsigned one, modulo 2**64."""
    high = np.where(c > b, c.astype(np.uint64), b.astype(np.uint64))
    low = np.where(c > b, b.astype(np.uint64), c.astype(np.uint64))
    return high - low


def missing(column: Column) -> Bools:
    """(n,) where the column holds no value: null, or NaN."""
    absent = np.zeros(len(column), bool) if column.null is None else column.null.copy()
    if column.kind == "float":
        absent |= np.isnan(column.values)
    return absent


def _incomparable(baseline: Column, candidate: Column, equal_nan: bool) -> Difference:
    n = len(baseline)
    return _finish(baseline, candidate, np.ones(n, bool), np.full(n, np.inf), equal_nan)


def _finish(
    baseline: Column, candidate: Column, bad: Bools, magnitude: Floats, equal_nan: bool
) -> Difference:
    gone_b, gone_c = missing(baseline), missing(candidate)
    both, one = gone_b & gone_c, gone_b ^ gone_c
    violates = np.where(both, not equal_nan, bad | one).astype(bool)
    size = np.where(both, 0.0, np.where(one, np.inf, magnitude))
    return Difference(violates, size, both)


REGISTRY: Registry[Any] = Registry(
    "rule",
    {
        "exact": "harness.compare.rules:Exact",
        "close": "harness.compare.rules:Close",
        "same_label": "harness.compare.rules:SameLabel",
        "same_error": "harness.compare.rules:SameError",
        "budget": "harness.compare.budget:Budget",
    },
    needs=("judge", "says"),
)


def make(kind: str, parameters: dict[str, Any], *, name: str, equal_nan: bool) -> Rule:
    """The rule of this kind with these parameters; a wrong name gets a guess, a wrong type its place.

    >>> make("close", {"rtol": 0.01}, name="price", equal_nan=True).says()
    '|c - b| <= 0.01 x |b|'
    """
    try:
        cls = REGISTRY[kind]
    except HarnessError as error:
        raise HarnessError(error.message, where=f"rule {name}", hint=error.hint, code="E27") from None
    known = {item.name: str(item.type) for item in fields(cls)}
    for key, value in parameters.items():
        if key not in known:
            raise HarnessError(
                f'unknown key "{key}"',
                where=f'rule {name} (rule = "{kind}")',
                hint=did_you_mean(key, known),
                code="E27",
            )
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if known[key] == "float" and not number:
            raise HarnessError(
                f"{key} must be a number, got {value!r}",
                where=f"rule {name}",
                hint=f"write {key} = 0.01",
                code="E27",
            )
    try:
        rule: Rule = cls(**{"equal_nan": equal_nan} | parameters)
    except HarnessError as error:
        raise HarnessError(error.message, where=f"rule {name}", hint=error.hint, code="E27") from None
    return rule
