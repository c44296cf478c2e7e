"""Two outcomes of one batch become one tally: rows accounted for, every bound rule judged.

An outcome is already as long as its batch and in its order, so aligning means deciding which rows both answered;
a row that one side did not answer is counted as that and never compared.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from harness.compare import census, slices, ties, waivers
from harness.compare.cases import Masks, Selection
from harness.compare.numeric import Numeric
from harness.compare.rules import (
    Cases,
    Difference,
    ErrorRate,
    NullRate,
    Same,
    SameError,
    ask,
    missing,
)
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.rules.protocol import Near, judges_together, tolerance_of
from harness.compare.rules.values import NUMBERS
from harness.compare.ruleset import Bound, Changed, Drift, Faults, NotWorse, Structure
from harness.compare.tally import TOP, Accounting, FaultTally, Finding, RuleTally, Tally
from harness.compare.waivers import Change
from harness.errors import Exit, HarnessError
from harness.tables import Batch, Bools, Column, Outcome

Rows = npt.NDArray[np.intp]


def compare(batch: Batch, baseline: Outcome, candidate: Outcome, bounds: Sequence[Bound]) -> Tally:
    """The tally of one batch: what every rule of `bounds` saw in it."""
    seen = _Rows(batch, baseline, candidate, bounds)
    return Tally(
        seen.accounting(),
        {batch.block: 1},
        {bound.name: _judge(seen, bound) for bound in bounds},
        {name: one.moved for name in seen.common if (one := seen.numbers(name)) is not None},
        seen.faults(),
    )


class _Rows:
    """Which rows of a batch both versions answered, and what is needed to name one of them."""

    def __init__(
        self, batch: Batch, baseline: Outcome, candidate: Outcome, bounds: Sequence[Bound] = ()
    ) -> None:
        self.batch, self.baseline, self.candidate = batch, baseline, candidate
        self.faulted_b, self.faulted_c = _faulted(baseline), _faulted(candidate)
        self.dropped_b = ~baseline.answered & ~self.faulted_b
        self.dropped_c = ~candidate.answered & ~self.faulted_c
        self.both = baseline.answered & candidate.answered
        self.common = [name for name in baseline.columns if name in candidate.columns]
        self.masks = Masks(batch.whole, len(batch))
        self._bounds = bounds
        self._numbers: dict[str, Numeric] = {}

    def numbers(self, output: str) -> Numeric | None:
        """An output of numbers, looked at once for every rule that asks for a tolerance; None for any other output."""
        b, c = self.baseline.columns[output], self.candidate.columns[output]
        if not {b.kind, c.kind} <= NUMBERS:
            return None
        if output not in self._numbers:
            asked = [tolerance_of(one.rule, b, c) for one in self._bounds if one.judges(output)]
            tolerances = [tolerance for tolerance in asked if tolerance is not None]
            self._numbers[output] = Numeric(
                b, c, self.both, tolerances, lambda row: (self.row(row), str(self.batch.keys[row]))
            )
        return self._numbers[output]

    def accounting(self) -> Accounting:
        dropped = self.dropped_b | self.dropped_c
        b, c = self.faulted_b & ~dropped, self.faulted_c & ~dropped
        return Accounting(
            compared=int(self.both.sum()),
            baseline_faulted=int((b & ~c).sum()),
            candidate_faulted=int((c & ~b).sum()),
            both_faulted=int((b & c).sum()),
            dropped=int(dropped.sum()),
        )

    def faults(self) -> dict[str, FaultTally]:
        found: dict[str, FaultTally] = {}
        for side, outcome in (("baseline", self.baseline), ("candidate", self.candidate)):
            for fault in outcome.faults:
                key = "\t".join((side, fault.error, fault.message))
                one = FaultTally(1, self.row(fault.row), str(self.batch.keys[fault.row]), fault.frames)
                found[key] = found[key] + one if key in found else one
        return dict(sorted(found.items()))

    def row(self, position: int) -> int:
        return self.batch.start + position

    def finding(self, position: int, output: str, magnitude: float) -> Finding:
        target = self.batch.target
        return Finding(
            rank=(-magnitude, self.row(position)),
            key=str(self.batch.keys[position]),
            output=output,
            magnitude=magnitude,
            inputs=self.batch.case(position),
            baseline=_answer(self.baseline, self.faulted_b, position),
            candidate=_answer(self.candidate, self.faulted_c, position),
            target=None if target is None else target.item(position),
        )

    def findings(
        self, violates: Bools, magnitude: npt.NDArray[np.float64], output: Callable[[int], str]
    ) -> tuple[Finding, ...]:
        rows = np.flatnonzero(violates)
        worst = rows[np.argsort(-magnitude[rows], kind="stable")[:TOP]]
        return tuple(sorted(self.finding(int(r), output(int(r)), float(magnitude[r])) for r in worst))


def _faulted(outcome: Outcome) -> Bools:
    mask = np.zeros(len(outcome), bool)
    mask[[fault.row for fault in outcome.faults]] = True
    return mask & ~outcome.answered


def _answer(outcome: Outcome, faulted: Bools, row: int) -> dict[str, Any]:
    if outcome.answered[row]:
        return {name: column.item(row) for name, column in outcome.columns.items()}
    if faulted[row]:
        fault = next(fault for fault in outcome.faults if fault.row == row)
        return {"error": f"{fault.error}: {fault.message}"}
    return {"error": "no answer"}


def _judge(seen: _Rows, bound: Bound) -> RuleTally:
    match bound.rule:
        case Structure():
            return _structure(seen, bound.rule)
        case Faults():
            return _faults(seen, bound)
        case NotWorse():
            return RuleTally(compared=int(seen.both.sum()))
        case Drift():
            # its other side is the anchor, which is not here: `drift.compare_with_anchor`
            return RuleTally()
        case Changed():
            return _changed(seen, bound)
        case SameError():
            return _same_errors(seen, bound)
        case rule if isinstance(rule, census.KINDS):
            return _census(seen, bound)
        case _:
            # how a version runs is measured, and not compared: `run.operations`
            return RuleTally() if isinstance(bound.rule, OPERATIONS) else _values(seen, bound)


def _values(seen: _Rows, bound: Bound) -> RuleTally:
    """A rule over its outputs, in its cases: a row violates once, however many of its outputs do."""
    n = len(seen.batch)
    outputs = [name for name in seen.common if bound.judges(name)]
    together = judges_together(bound.rule)
    groups = [outputs] if outputs and together else [[name] for name in outputs]
    violates, magnitude, nans = np.zeros(n, bool), np.zeros(n), np.zeros(n, bool)
    # the group whose difference is shown, and of outputs judged together the one that moved most
    shown, named = np.zeros(n, np.int32), np.empty(n if together else 0, object)
    cases, tied, empty = np.zeros(n, bool), np.zeros(n, bool), np.ones(n, bool)
    changes: list[Change] = []
    for place, group in enumerate(groups):
        mine = np.logical_and.reduce([seen.masks.judged(bound.selection, name) for name in group])
        cases |= mine
        rows = np.flatnonzero(seen.both & mine)
        difference = _difference(seen, bound, group, rows)
        bad, size = difference.violates, difference.magnitude
        if isinstance(bound.rule, Same) and bound.rule.ties and bad.any():
            excused = _excused(seen, bound.rule, group[0], rows, bad)
            tied[rows] |= excused
            bad, size = bad & ~excused, np.where(excused, 0.0, size)
        if together:
            alone = group[0] if len(group) == 1 else bound.output
            named[rows] = alone if difference.output is None else difference.output
        elif place:
            shown[rows[size > magnitude[rows]]] = place
        magnitude[rows] = np.maximum(magnitude[rows], size)
        violates[rows] |= bad
        nans[rows] |= difference.both_nan
        empty[rows] &= difference.both_nan
        if bound.waivers:
            changes.append(_change(seen, group, rows, bad, size))
    compared = seen.both & cases
    waived, covered = _waived(seen, bound, violates, changes)
    return RuleTally(
        compared=int(compared.sum()),
        violations=int(violates.sum()),
        both_nan=int(nans.sum()),
        largest=float(magnitude[compared].max(initial=0.0)),
        outputs=tuple(sorted(outputs)),
        findings=seen.findings(
            violates, magnitude, lambda row: str(named[row]) if len(named) else groups[shown[row]][0]
        ),
        valueless=int((empty & compared).sum()),
        cases=int(cases.sum()),
        ties=int(tied.sum()),
        slices=slices.tally(
            bound.slices,
            seen.batch.whole,
            cases,
            compared,
            violates,
            magnitude,
            np.arange(seen.batch.start, seen.batch.start + n),
            seen.batch.keys,
            covered,
        ),
        **waived,
    )


def _change(
    seen: _Rows, outputs: Sequence[str], rows: Rows, bad: Bools, size: npt.NDArray[np.float64]
) -> Change:
    """What a rule found at `rows`, as a change of the whole batch. Several outputs together go no way."""
    n = len(seen.batch)
    violates, magnitude, way = np.zeros(n, bool), np.zeros(n), np.zeros(n, np.int8)
    violates[rows], magnitude[rows] = bad, size
    if len(outputs) == 1:
        at = rows[bad]
        way[at] = waivers.way(
            *(side.columns[outputs[0]].take(at) for side in (seen.baseline, seen.candidate))
        )
    return Change(violates, magnitude, way)


def _waived(
    seen: _Rows, bound: Bound, violates: Bools, changes: Sequence[Change]
) -> tuple[dict[str, Any], Bools]:
    """The fields of a RuleTally that waivers fill, and which rows (n,) one of them covers. The changes, one for each
    output, are of all rows of the batch; those that violate are looked at."""
    covered = np.zeros(len(seen.batch), bool)
    rows = np.flatnonzero(violates)
    if not bound.waivers or not len(rows):
        return {}, covered
    inputs = {name: column.take(rows) for name, column in seen.batch.whole.items()}
    found, covered[rows] = waivers.count(bound.waivers, inputs, [one.take(rows) for one in changes])
    return {"waived": found, "covered": int(covered.sum())}, covered


def _excused(seen: _Rows, rule: Same, name: str, rows: npt.NDArray[np.int64], bad: Bools) -> Bools:
    """Which of the violating rows are ties of the baseline."""
    old, new = seen.baseline.columns[name].take(rows), seen.candidate.columns[name].take(rows)
    chances = {
        other: column.take(rows)
        for other, column in seen.baseline.columns.items()
        if other.startswith(ties.PROBABILITY)
    }
    return ties.excused(rule, name, old, new, chances, bad)


def _difference(seen: _Rows, bound: Bound, outputs: Sequence[str], rows: Rows) -> Difference:
    """What the rule says; a rule that raises judges nothing, and that is no verdict about the model."""
    if len(outputs) == 1:
        b, c = (outcome.columns[outputs[0]] for outcome in (seen.baseline, seen.candidate))
        tolerance, numbers = tolerance_of(bound.rule, b, c), seen.numbers(outputs[0])
        if tolerance is not None and numbers is not None:
            return numbers.difference(tolerance, rows, cast(Near, bound.rule).equal_nan)
    baseline, candidate = (
        {name: outcome.columns[name].take(rows) for name in outputs}
        for outcome in (seen.baseline, seen.candidate)
    )
    inputs: dict[str, Column] = {}
    if isinstance(bound.rule, Cases):
        inputs = {name: column.take(rows) for name, column in seen.batch.columns.items()}
    try:
        found = ask(bound.rule, baseline, candidate, inputs)  # type: ignore[arg-type]  # no built-in check comes here
        lengths = {len(found.violates), len(found.magnitude), len(found.both_nan), len(rows)}
        if found.output is not None:
            lengths.add(len(found.output))
    except HarnessError as error:
        raise _errored(bound, error.message, error.where, error.hint) from error
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise _errored(
            bound,
            f"{type(error).__name__}: {error}",
            f"{place.filename}:{place.lineno} in {place.name}",
            "mend the rule: nothing was judged by it",
        ) from error
    if len(lengths) != 1:
        raise _errored(
            bound,
            f"it was given {len(rows)} rows and judged {len(found.violates)}",
            f"rule {bound.name}",
            "judge returns arrays as long as its columns",
        )
    return found


def is_of_rule(error: HarnessError) -> bool:
    """Whether a rule raised it while it judged; E26 is said of other code too."""
    return error.code == "E26" and error.message.startswith("rule ") and " errored: " in error.message


def _errored(bound: Bound, words: str, where: str, hint: str) -> HarnessError:
    return HarnessError(
        f"rule {bound.name} errored: {words}",
        where=where or f"rule {bound.name}",
        hint=hint,
        code="E26",
        exit=Exit.INCONCLUSIVE,
    )


def _structure(seen: _Rows, rule: Structure) -> RuleTally:
    n = len(seen.batch)
    mine = Selection(leaves=rule.nulls)
    bad, size = np.zeros(n, bool), np.zeros(n)
    where: dict[int, str] = {}
    problems: dict[str, int] = {}

    def note(rows: Bools, words: str, output: str = "") -> None:
        if rows.any():
            problems[words] = problems.get(words, 0) + int(rows.sum())
            for row in np.flatnonzero(rows & ~bad)[: TOP * 4]:
                where[int(row)] = output
            bad[rows] = True
            size[rows] = np.inf

    for words in _shape_problems(seen):
        note(np.ones(n, bool), words)
    note(seen.dropped_c & ~seen.dropped_b, "the candidate gives no answer for rows that the baseline answers")
    note(seen.dropped_b & ~seen.dropped_c, "the baseline gives no answer for rows that the candidate answers")
    note(seen.dropped_b & seen.dropped_c, "neither version gives an answer or an error")
    nans = np.zeros(n, bool)
    for name in seen.common:
        b, c = seen.baseline.columns[name], seen.candidate.columns[name]
        gone_b, gone_c = missing(b) & seen.both, missing(c) & seen.both
        nans |= gone_b & gone_c
        judged = seen.masks.judged(mine, name)
        note(gone_c & ~gone_b & judged, f"answers became NaN or null: {name}", name)
        note(gone_b & ~gone_c & judged, f"NaN or null became an answer: {name}", name)
        if not rule.equal_nan:
            note(gone_b & gone_c, f"NaN or null in both: {name} (equal_nan = false)", name)
        note(_turned_infinite(b, c) & seen.both, f"answers became infinite: {name}", name)
    return RuleTally(
        compared=n,
        violations=int(bad.sum()),
        both_nan=int(nans.sum()),
        outputs=tuple(sorted(seen.common)),
        problems=dict(sorted(problems.items())),
        findings=seen.findings(bad, size, lambda row: where.get(row, "")),
    )


def _shape_problems(seen: _Rows) -> Iterator[str]:
    """What is wrong with the columns of a whole batch, in words. Empty where one side answered nothing."""
    b, c = seen.baseline, seen.candidate
    if not b.answered.any() or not c.answered.any():
        return
    gone = [name for name in b.columns if name not in c.columns]
    new = [name for name in c.columns if name not in b.columns]
    for name in list(gone):
        if f"{name}[0]" in new or (name.endswith("[0]") and name.removesuffix("[0]") in new):
            other = f"{name}[0]" if f"{name}[0]" in new else name.removesuffix("[0]")
            yield f"shape changed: {name} became {other}"
            gone.remove(name)
            new.remove(other)
    for name in gone:
        yield f"output {name} is missing"
    for name in new:
        yield f"output {name} is new"
    order = [name for name in c.columns if name in b.columns]
    if order != seen.common:
        yield f"outputs stand in another order: {', '.join(order)}"
    for name in seen.common:
        kinds = b.columns[name].kind, c.columns[name].kind
        if kinds[0] != kinds[1]:
            yield f"output type changed: {name} was {kinds[0]} and is {kinds[1]}"
        elif kinds[0] == "datetime" and b.columns[name].form != c.columns[name].form:
            # the same moment in another zone, or in none, is another hour to whoever reads it
            zones = [side.columns[name].form or "no zone" for side in (b, c)]
            yield f"output type changed: {name} was datetime in {zones[0]} and is in {zones[1]}"
    if c.reordered != b.reordered:
        side = "candidate" if c.reordered else "baseline"
        yield f"the {side} returns its rows in another order than asked"
    if c.extra != b.extra:
        yield f"answers to nothing that was asked: baseline {b.extra}, candidate {c.extra}"


def _turned_infinite(b: Column, c: Column) -> Bools:
    if b.kind != "float" or c.kind != "float":
        return np.zeros(len(b), bool)
    return np.asarray(np.isinf(c.values) & np.isfinite(b.values))


def _faults(seen: _Rows, bound: Bound) -> RuleTally:
    assert isinstance(bound.rule, Faults)
    new = seen.faulted_c & ~seen.faulted_b
    bad = new if bound.rule.new_only else seen.faulted_c ^ seen.faulted_b
    bad = bad & seen.masks.judged(Selection(leaves=bound.rule.errors), "error")
    waived, _ = _waived(seen, bound, bad, [waivers.undirected(len(seen.batch), np.inf)])
    return RuleTally(
        compared=len(seen.batch),
        violations=int(bad.sum()),
        outputs=("error",),
        findings=seen.findings(bad, np.where(bad, np.inf, 0.0), lambda row: "error"),
        **waived,
    )


def _same_errors(seen: _Rows, bound: Bound) -> RuleTally:
    assert isinstance(bound.rule, SameError)
    n = len(seen.batch)
    rows = np.flatnonzero(seen.faulted_b & seen.faulted_c)
    names = []
    for outcome in (seen.baseline, seen.candidate):
        classes = {fault.row: fault.error for fault in outcome.faults}
        names.append(Column.of([classes[int(row)] for row in rows]))
    bad = np.zeros(n, bool)
    if len(rows):
        bad[rows] = bound.rule.judge(*names).violates
    waived, _ = _waived(seen, bound, bad, [waivers.undirected(n, 1.0)])
    return RuleTally(
        compared=n,
        violations=int(bad.sum()),
        outputs=("error",),
        findings=seen.findings(bad, np.where(bad, 1.0, 0.0), lambda row: "error"),
        **waived,
    )


def _census(seen: _Rows, bound: Bound) -> RuleTally:
    """What a rule of rates or classes counts for each version, and the rows that are new to the candidate."""
    n, start, keys = len(seen.batch), seen.batch.start, seen.batch.keys
    rule = bound.rule
    counted: dict[str, census.Count] = {}
    if isinstance(rule, ErrorRate):
        cases = seen.masks.judged(bound.selection, "error")
        for side, rows in ((census.BASELINE, seen.faulted_b), (census.CANDIDATE, seen.faulted_c)):
            counted |= census.of_rows(census.key(side, "error"), rows & cases, start, keys)
        bad = seen.faulted_c & ~seen.faulted_b & cases
        return RuleTally(
            compared=int(cases.sum()),
            violations=int(bad.sum()),
            outputs=("error",),
            findings=seen.findings(bad, np.where(bad, np.inf, 0.0), lambda row: "error"),
            cases=int(cases.sum()),
            counted=dict(sorted(counted.items())),
        )
    outputs = [name for name in seen.common if bound.judges(name)]
    if isinstance(rule, census.NewClasses):
        outputs = [name for name in outputs if name in rule.known]
    cases, bad = np.zeros(n, bool), np.zeros(n, bool)
    where = np.full(n, "", object)
    for name in outputs:
        mine = seen.masks.judged(bound.selection, name)
        cases |= mine
        sides = (
            (census.BASELINE, seen.baseline.columns[name]),
            (census.CANDIDATE, seen.candidate.columns[name]),
        )
        if isinstance(rule, NullRate):
            gone = [missing(column) & mine & seen.both for _, column in sides]
            for (side, _), rows in zip(sides, gone, strict=True):
                counted |= census.of_rows(census.key(side, name), rows, start, keys)
            where[gone[1] & ~gone[0] & ~bad] = name
            bad |= gone[1] & ~gone[0]
            continue
        for side, column in sides:
            counted |= census.of_classes(side, name, column, mine & seen.both, start, keys)
        if isinstance(rule, census.NewClasses) and seen.batch.target is not None:
            # every label of the table, whatever became of its row: such a class is known
            whole = np.ones(n, bool)
            counted |= census.of_classes(census.TARGET, name, seen.batch.target, whole, start, keys)
    compared = int((cases & seen.both).sum())
    return RuleTally(
        compared=compared,
        violations=int(bad.sum()),
        outputs=tuple(sorted(outputs)),
        findings=seen.findings(bad, np.where(bad, np.inf, 0.0), lambda row: str(where[row])),
        cases=int(cases.sum()),
        counted=dict(sorted(counted.items())),
    )


def _changed(seen: _Rows, bound: Bound) -> RuleTally:
    """Rows any of whose outputs changed: numbers by over 1%, all else at all."""
    bad = np.zeros(len(seen.batch), bool)
    size = np.zeros(len(seen.batch))
    rows = np.flatnonzero(seen.both)
    changes: list[Change] = []
    for name in seen.common:
        difference = _difference(seen, bound, [name], rows)
        bad[rows] |= difference.violates
        size[rows] = np.maximum(size[rows], difference.magnitude)
        if bound.waivers:
            changes.append(_change(seen, [name], rows, difference.violates, difference.magnitude))
    waived, _ = _waived(seen, bound, bad, changes)
    return RuleTally(
        compared=len(rows) if seen.common else 0,
        violations=int(bad.sum()),
        largest=float(size.max(initial=0.0)),
        outputs=tuple(sorted(seen.common)),
        findings=seen.findings(bad, size, lambda row: seen.common[0]),
        **waived,
    )
