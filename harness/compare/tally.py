"""Tallies: what a comparison saw, as counts that add up in any order and any chunking.

`a + b` is associative and commutative and `Tally()` is neutral: integers add, extremes are extremes under a total
order, the worst cases are the first K of a sorted union, float sums of blocks are added exactly. There is no running
mean here: nothing whose last bit could depend on the order of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from harness.compare import census, slices
from harness.compare.census import Count
from harness.compare.movement import Moved
from harness.compare.slices import SliceTally

TOP = 20
"""Findings kept for each rule."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Accounting:
    """Where every planned case went. `planned` is compared to the sum of the others by `missing`."""

    compared: int = 0
    baseline_faulted: int = 0
    candidate_faulted: int = 0
    both_faulted: int = 0
    dropped: int = 0

    def __add__(self, other: Accounting) -> Accounting:
        return Accounting(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Accounting)))

    @property
    def seen(self) -> int:
        """Cases that were reached, whatever became of them."""
        return (
            self.compared + self.baseline_faulted + self.candidate_faulted + self.both_faulted + self.dropped
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One case worth showing. Sorted by `rank`: the largest magnitude first, then the earliest row."""

    rank: tuple[float, int]
    key: str
    output: str
    magnitude: float
    inputs: Mapping[str, Any]
    baseline: Mapping[str, Any]
    candidate: Mapping[str, Any]
    target: Any = None
    shrunk: bool = False

    def __lt__(self, other: Finding) -> bool:
        mine, others = (*self.rank, self.key, self.output), (*other.rank, other.key, other.output)
        # the whole content last: an order that leaves no ties is what makes the first K of a union well defined. It is
        # dear to write out, and two findings of one source are seldom of one row
        return mine < others if mine != others else self._content() < other._content()

    def _content(self) -> str:
        return repr((self.inputs, self.baseline, self.candidate, self.target))


@dataclass(frozen=True, slots=True)
class Waived:
    """The violations of one rule beside the bounds of one waiver: rows `inside` of them, and outside because they
    lie `elsewhere` (not in its slice), went the `other_way`, or are `too_large`. `largest`: the largest magnitude
    among those of its slice and direction."""

    inside: int = 0
    elsewhere: int = 0
    other_way: int = 0
    too_large: int = 0
    largest: float = 0.0

    def __add__(self, other: Waived) -> Waived:
        return Waived(
            self.inside + other.inside,
            self.elsewhere + other.elsewhere,
            self.other_way + other.other_way,
            self.too_large + other.too_large,
            max(self.largest, other.largest),
        )

    @property
    def outside(self) -> int:
        """Violations that the waiver does not cover."""
        return self.elsewhere + self.other_way + self.too_large


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the mean of one numeric output lies from the anchor's.

    `compared` rows have a finite number on both sides; `lost` have an answer on one side alone, or no finite number
    where the other side has one. `change` is the exact sum of `c - a`, `size` of `abs(a)`, both as whole numbers in
    units of 2**-1126: integers add without an order.
    """

    compared: int = 0
    lost: int = 0
    change: int = 0
    size: int = 0

    def __add__(self, other: Shift) -> Shift:
        return Shift(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Shift)))


@dataclass(frozen=True, slots=True)
class RuleTally:
    """What one rule saw. `violations` counts rows; `outputs` are the columns it was applied to; `problems`
    are violations of whole batches, in words, with the rows concerned. `cases` counts the rows that its condition
    chose, `ties` the rows excepted as ties of the baseline, `slices` what was seen within each slice. `covered`
    counts the violations that lie inside the bounds of a waiver, `waived` tells them apart by waiver; `valueless`
    the compared rows in which no output of either version holds a value; `counted` is what a rule of rates or
    classes counts for each version."""

    compared: int = 0
    violations: int = 0
    both_nan: int = 0
    largest: float = 0.0
    outputs: tuple[str, ...] = ()
    problems: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    cases: int = 0
    ties: int = 0
    slices: Mapping[str, SliceTally] = field(default_factory=dict)
    covered: int = 0
    waived: Mapping[str, Waived] = field(default_factory=dict)
    valueless: int = 0
    counted: Mapping[str, Count] = field(default_factory=dict)

    def __add__(self, other: RuleTally) -> RuleTally:
        return RuleTally(
            self.compared + other.compared,
            self.violations + other.violations,
            self.both_nan + other.both_nan,
            max(self.largest, other.largest),
            tuple(sorted({*self.outputs, *other.outputs})),
            _merge(self.problems, other.problems, lambda a, b: a + b),
            tuple(sorted((*self.findings, *other.findings))[:TOP]),
            self.cases + other.cases,
            self.ties + other.ties,
            slices.first(_merge(self.slices, other.slices, lambda a, b: a + b)),
            self.covered + other.covered,
            _merge(self.waived, other.waived, lambda a, b: a + b),
            self.valueless + other.valueless,
            census.first(_merge(self.counted, other.counted, lambda a, b: a + b)),
        )


@dataclass(frozen=True, slots=True)
class FaultTally:
    """One way of failing: how many rows, and the first of them."""

    count: int
    first_row: int
    first_key: str
    frames: tuple[str, ...] = ()

    def __add__(self, other: FaultTally) -> FaultTally:
        first = min((self, other), key=lambda fault: (fault.first_row, fault.first_key, fault.frames))
        return FaultTally(self.count + other.count, first.first_row, first.first_key, first.frames)


@dataclass(frozen=True, slots=True)
class Tally:
    """What comparing some blocks of one source saw.

    `blocks` counts how often each canonical block was compared: anything but once each is a ledger mismatch.
    `faults` is keyed by side, exception class and first line of its message, joined by tabs. `shifts` are the
    means beside the anchor's, by output.
    """

    accounting: Accounting = Accounting()
    blocks: Mapping[int, int] = field(default_factory=dict)
    rules: Mapping[str, RuleTally] = field(default_factory=dict)
    moved: Mapping[str, Moved] = field(default_factory=dict)
    faults: Mapping[str, FaultTally] = field(default_factory=dict)
    shifts: Mapping[str, Shift] = field(default_factory=dict)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.accounting + other.accounting,
            _merge(self.blocks, other.blocks, lambda a, b: a + b),
            _merge(self.rules, other.rules, lambda a, b: a + b),
            _merge(self.moved, other.moved, lambda a, b: a + b),
            _merge(self.faults, other.faults, lambda a, b: a + b),
            _merge(self.shifts, other.shifts, lambda a, b: a + b),
        )

    def __radd__(self, other: int) -> Tally:
        # sum() starts from 0
        return self if other == 0 else NotImplemented

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, as one process hands them to another."""
        data = asdict(self)
        data["blocks"] = {str(number): times for number, times in self.blocks.items()}
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tally:
        """The inverse of `to_json`, after a round trip through JSON."""
        return cls(
            Accounting(**data["accounting"]),
            {int(number): times for number, times in data["blocks"].items()},
            {
                name: RuleTally(
                    **{
                        **rule,
                        "outputs": tuple(rule["outputs"]),
                        "findings": tuple(
                            Finding(**{**item, "rank": tuple(item["rank"])}) for item in rule["findings"]
                        ),
                        "slices": {part: SliceTally.from_json(seen) for part, seen in rule["slices"].items()},
                        "counted": {key: Count(**one) for key, one in rule["counted"].items()},
                        "waived": {key: Waived(**one) for key, one in rule["waived"].items()},
                    }
                )
                for name, rule in data["rules"].items()
            },
            {name: Moved.from_json(moved) for name, moved in data["moved"].items()},
            {
                name: FaultTally(**{**fault, "frames": tuple(fault["frames"])})
                for name, fault in data["faults"].items()
            },
            {name: Shift(**shift) for name, shift in data["shifts"].items()},
        )


def _merge(a: Mapping[Any, V], b: Mapping[Any, V], join: Any) -> dict[Any, V]:
    """Both mappings, in sorted order of keys, so that equal tallies are written as equal bytes."""
    keys = sorted({*a, *b})
    return {k: join(a[k], b[k]) if k in a and k in b else a[k] if k in a else b[k] for k in keys}
