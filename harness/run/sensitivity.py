"""What rules would catch: the smallest shift of every number, the fewest changed answers, that would not pass.

Computed on the stored answers of a past run, by judging: the baseline's own answers, changed so far, take the
candidate's place, and each rule is asked as it is in a run. Nothing is estimated, and nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.compare.align import compare
from harness.compare.results import PASS
from harness.compare.rules import ErrorRate
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.ruleset import Bound, Drift, NotWorse, Structure
from harness.compare.tally import Tally
from harness.compare.verdict import SourceState
from harness.run import answers, blocks, budgets
from harness.run.plan import Plan
from harness.tables import Batch, Bools, Column, Outcome

NEVER = float("inf")
"""Of a rule that no such change makes fail."""

_EXPONENTS = range(-60, 11)
_STEPS = 10


@dataclass(frozen=True, slots=True)
class Caught:
    """What one rule, or all of them together, would catch on one source of `rows` answered rows: a `shift` of every
    number by so much (None: no output is a number), `changed` rows; both `NEVER` where none would be. `always`:
    it does not even pass on equal answers."""

    shift: float | None
    changed: float
    rows: int
    always: bool = False

    def words(self) -> str:
        """`shift 0.011, 1 of 20 rows`."""
        if self.always:
            return "does not pass on equal answers"
        rows = (
            "no number of rows" if self.changed == NEVER else f"{int(self.changed):,} of {self.rows:,} rows"
        )
        if self.shift is None:
            return rows
        return f"{'no shift' if self.shift == NEVER else f'shift {self.shift:.3g}'}, {rows}"


Change = Callable[[Batch, Outcome], Outcome]


@dataclass(frozen=True, slots=True)
class Stored:
    """The baseline's stored answers to one table, and the rules that were or would be bound to it."""

    batches: Sequence[tuple[Batch, Outcome]]
    folder: Path
    planned: int

    @classmethod
    def read(cls, plan: Plan, name: str) -> Stored:
        """What the run of this plan kept of one source. HarnessError where it cannot be read."""
        folder = plan.work / name
        planned = next(source.planned() for source in plan.sources if source.name == name)
        return cls([(block.batch, block.baseline) for block in blocks.read(folder)], folder, planned)

    @property
    def rows(self) -> int:
        """Rows that the baseline answered."""
        return sum(int(outcome.answered.sum()) for _, outcome in self.batches)

    def passes(self, bound: Bound, change: Change) -> bool:
        """Whether the rule passes when the baseline's answers, changed, stand in the candidate's place."""
        pairs = [(batch, old, change(batch, old)) for batch, old in self.batches]
        # a default to which other rules leave nothing passes, and structure says that there are outputs at all
        asked = (
            [Bound("structure", "structure", bound.source, Structure())] if bound.name != "structure" else []
        )
        tally = sum((compare(batch, old, new, [*asked, bound]) for batch, old, new in pairs), Tally())
        kept = [answers.kept(batch, old, new) for batch, old, new in pairs]
        state = SourceState(bound.source, self.planned, tally)
        return budgets.judge_kept(bound, state, answers.joined(kept), self.folder).status == PASS


def measurable(bounds: Sequence[Bound]) -> list[Bound]:
    """The rules that can be asked so: those that decide, and judge answers rather than labels or another release."""
    return [
        bound
        for bound in bounds
        if bound.severity == "fail" and not isinstance(bound.rule, (NotWorse, Drift, ErrorRate, *OPERATIONS))
    ]


def of_rule(bound: Bound, stored: Stored) -> Caught:
    """What one rule would catch. Waivers are left out: they are about one difference, not about any."""
    bound = replace(bound, waivers=())
    rows = stored.rows
    if not rows or not stored.passes(bound, lambda batch, old: old):
        return Caught(None, NEVER, rows, always=True)
    order = _order(stored)
    most = max(
        (_size(old) for _, old in stored.batches), default=None, key=lambda one: -1.0 if one is None else one
    )
    shift = None if most is None else min(_shift(bound, stored, most or 1.0, way) for way in (1, -1))
    far = 10 * (most or 1.0) + 1

    def catches(count: int) -> bool:
        return not stored.passes(bound, lambda batch, old: _altered(old, order[batch.block] < count, far))

    return Caught(shift, _least(catches, rows), rows)


def together(found: Mapping[str, Caught], rows: int) -> Caught:
    """What is caught by any of several rules."""
    shifts = [one.shift for one in found.values() if one.shift is not None]
    return Caught(
        min(shifts, default=None),
        min((one.changed for one in found.values()), default=NEVER),
        rows,
        any(one.always for one in found.values()),
    )


def lines(before: Plan, after: Plan) -> Iterator[str]:
    """For each table of a past run what the rules of two plans would catch: all together, then each that differs."""
    for source in after.sources:
        if source.search:
            continue
        stored = Stored.read(after, source.name)
        sides = [
            {bound.name: of_rule(bound, stored) for bound in measurable(plan.bounds_of(source.name))}
            for plan in (before, after)
        ]
        old, new = (together(side, stored.rows).words() for side in sides)
        yield f"{source.name}: would catch {old} -> {new}" + ("" if old != new else "  (unchanged)")
        for name in dict.fromkeys([*sides[0], *sides[1]]):
            was, now = (side[name].words() if name in side else "not there" for side in sides)
            if was != now:
                yield f"  {name}: {was} -> {now}"


def _shift(bound: Bound, stored: Stored, size: float, way: int) -> float:
    """The smallest shift that does not pass, to a part in a thousand, by halving between powers of two."""

    def catches(by: float) -> bool:
        return not stored.passes(bound, lambda batch, old: _shifted(old, way * by))

    exponent = _least(lambda place: catches(size * 2.0 ** _EXPONENTS[place - 1]), len(_EXPONENTS))
    if exponent == NEVER:
        return NEVER
    high = size * 2.0 ** _EXPONENTS[int(exponent) - 1]
    low = high / 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if catches(middle) else (middle, high)
    return high


def _least(holds: Callable[[int], bool], most: int) -> float:
    """The least of 1 to `most` of which something holds that holds of all larger ones; NEVER where of none."""
    if not holds(most):
        return NEVER
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _order(stored: Stored) -> dict[int, Any]:
    """For each block the place (n,) of its answered rows in an order that has nothing to do with that of the table:
    by the hash of the row's key. Rows without an answer come last of all."""
    names = [
        (hashlib.sha256(f"{batch.start + row}:{key}".encode()).digest(), batch.block, row)
        for batch, old in stored.batches
        for row, key in enumerate(batch.keys)
        if old.answered[row]
    ]
    found = {batch.block: np.full(len(batch), np.iinfo(np.int64).max) for batch, _ in stored.batches}
    for place, (_, block, row) in enumerate(sorted(names)):
        found[block][row] = place
    return found


def _size(outcome: Outcome) -> float | None:
    """The largest finite number that it answers; None where no output is a number."""
    numbers = [c.values for c in outcome.columns.values() if c.kind in ("float", "int")]
    if not numbers:
        return None
    return max(float(np.abs(v[np.isfinite(v)].astype(np.float64)).max(initial=0.0)) for v in numbers)


def _shifted(outcome: Outcome, by: float) -> Outcome:
    """Every number moved by so much; whole numbers by the next whole one."""
    return replace(outcome, columns={name: _moved(column, by) for name, column in outcome.columns.items()})


def _moved(column: Column, by: float) -> Column:
    if column.kind == "float":
        with np.errstate(over="ignore"):
            return Column("float", (column.values + by).astype(column.values.dtype), column.null)
    if column.kind == "int":
        whole = int(np.copysign(np.ceil(abs(by)), by))
        wide = np.array([value + whole for value in column.values.tolist()], object)
        limits = np.iinfo(np.int64)
        return Column("int", np.clip(wide, limits.min, limits.max).astype(np.int64), column.null)
    return column


def _altered(outcome: Outcome, rows: Bools, far: float) -> Outcome:
    """These rows answered otherwise, as far as can be: a number far away, another text, the other truth value."""
    columns = {}
    for name, column in outcome.columns.items():
        if column.kind in ("float", "int"):
            values = np.where(rows, _moved(column, far).values, column.values)
        elif column.kind == "bool":
            values = column.values ^ rows
        elif column.kind == "datetime":
            values = column.values + np.where(rows, np.timedelta64(36500, "D"), np.timedelta64(0, "D"))
        else:
            values = column.values.copy()
            for row in np.flatnonzero(rows):
                values[row] = _other(values[row])
        columns[name] = Column(column.kind, values, column.null)
    return replace(outcome, columns=columns)


def _other(value: Any) -> Any:
    if isinstance(value, str):
        return f"not {value}"
    return b"not " + value if isinstance(value, bytes) else {"changed": True}
