"""One run in one process: the plan, both versions once they are needed, the states of the sources."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness import files
from harness.compare import census, slices
from harness.compare.align import compare
from harness.compare.results import FAIL, INCONCLUSIVE
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.rules.operations import Operation
from harness.compare.ruleset import Bound, Changed, Drift, Faults, NotWorse, Structure
from harness.compare.slices import Slicing
from harness.compare.verdict import RuleResult, SourceState, judge_rule
from harness.errors import Exit, HarnessError
from harness.inputs import InputSource
from harness.predictors.predictor import Running
from harness.run import binding, budgets, measure, operations, quality, surroundings
from harness.run.anchor import Anchor
from harness.run.conclude import Circumstances
from harness.run.drive import Pair, read_state, state_of, trouble_of
from harness.run.plan import Plan
from harness.run.recorded import remembered
from harness.run.tree import Tree
from harness.tables import Batch, Column, Outcome


class Session:
    """What a face of the harness (plugin, command) holds while a run lasts."""

    def __init__(
        self,
        plan: Plan,
        progress: Callable[[str], None],
        quiet: bool = False,
        tree: Tree | None = None,
    ) -> None:
        """`tree` is the working copy before anything was planned, given by the process that concludes."""
        self.plan = plan
        self._begun = None if tree is None else binding.taken(plan.settings, tree)
        show: Callable[[str], None] = (lambda line: None) if quiet else progress
        record = remembered(plan, show)
        self._pair = Pair(plan.baseline, plan.candidate, show, plan.settings.private, record)
        self._progress = progress
        self._anchor = Anchor(plan, show) if plan.anchor else None
        self._states: dict[str, SourceState] = {}
        self._unkept: dict[str, HarnessError] = {}
        self._noted: tuple[Running, Running] | None = None

    def state(self, source: InputSource) -> SourceState:
        """The state of one source, driven at the first call."""
        if source.name not in self._states:
            self._states[source.name] = state_of(self.plan, source, self._pair, self._progress, self._anchor)
            self._note_running()
        return self._states[source.name]

    def judge(self, source: InputSource, bound: Bound) -> RuleResult:
        """One rule on one source."""
        state = self.state(source)
        if isinstance(bound.rule, OPERATIONS):
            self.measure(source, bound)
            return operations.judge(self.plan, bound)
        if isinstance(bound.rule, NotWorse):
            return quality.judge(self.plan, source, bound, state).result
        return budgets.judge(self.plan, source, bound, state)

    def measure(self, source: InputSource, bound: Bound) -> None:
        """Measure what a rule of operation asks for, if nobody has; what cannot be kept is trouble of this run."""
        assert isinstance(bound.rule, Operation)
        try:
            measure.measure(self.plan, source, bound.rule.need, self._progress)
        except OSError as error:
            self._unkept[bound.name] = trouble_of(error, source.name)

    def drive(self) -> None:
        """Every source driven and everything measured, for a face that has no items of its own."""
        for source in self.plan.sources:
            self.state(source)
        for source, bound in self.plan.items():
            if isinstance(bound.rule, OPERATIONS):
                self.measure(source, bound)

    def states(self) -> list[SourceState]:
        """Every source's state as it stands, in this process or left by another; not reached where nowhere."""
        return [
            self._states.get(source.name)
            or read_state(self.plan, source)
            or SourceState(source.name, source.planned(), None, source.search)
            for source in self.plan.sources
        ]

    def comparison(self) -> Comparison:
        """Both versions, for tests written by hand."""
        return Comparison(self.plan, self._pair)

    def close(self) -> None:
        """Stop both versions; events are left for the process that concludes."""
        self._note_running()
        events = self._pair.close() + (self._anchor.close() if self._anchor else ())
        if events:
            self._note(self.plan.work / f"events-{os.getpid()}.json", list(events))

    def seen(self, around: Circumstances) -> Circumstances:
        """The circumstances, with what the processes of this run noted about their workers, and with what is no
        longer as it was when the run began."""
        events = list(around.events)
        for path in sorted(self.plan.work.glob("events-*.json")):
            # processes of pytest-xdist see the same, each in workers of its own
            events += [one for one in json.loads(path.read_text(encoding="utf-8")) if one not in events]
        troubles = (*around.troubles, *self._unkept.values())
        if self._begun is not None:
            troubles += tuple(binding.troubles(self.plan, self._begun, around.tree))
        return replace(around, running=running_of(self.plan.work), events=tuple(events), troubles=troubles)

    def bound(self) -> dict[str, Any]:
        """What `verdict.json` binds the verdict to, beside tree and rules; for the process that concludes."""
        return {} if self._begun is None else binding.of_verdict(self.plan, self._begun)

    def _note_running(self) -> None:
        path = self.plan.work / f"running-{os.getpid()}.json"
        if self._pair.running is not None and self._pair.running != self._noted:
            baseline, candidate = self._noted = self._pair.running
            said = {"baseline": asdict(baseline), "candidate": asdict(candidate)}
            self._note(path, {**said, "processor": surroundings.processor()})

    def _note(self, path: Path, data: Any) -> None:
        """Write it, or keep why not: what a full disk loses here is no reason to lose the verdict too."""
        try:
            files.write_json(path, data)
        except OSError as error:
            self._unkept[path.name] = HarnessError(
                f"what the run noted cannot be kept: {error.strerror or error}",
                where=str(path),
                hint="make room, or make the report's folder writable, and run the comparison again",
                code="E53",
                exit=Exit.INCONCLUSIVE,
            )


def running_of(work: Path) -> Mapping[str, Any]:
    """What the processes of a run noted about their workers; a baseline that any of them started was started."""
    running: dict[str, Any] = {}
    for path in sorted(work.glob("running-*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        started = {"baseline": running["baseline"]} if running.get("baseline", {}).get("python") else {}
        running = said if said["baseline"]["python"] else {**said, **started}
    return running


def _strict(rule: Any) -> Any:
    """The rule without the cases that it leaves to a rule with a budget, which is not judged by hand."""
    if isinstance(rule, Structure):
        return replace(rule, nulls=())
    return replace(rule, errors=()) if isinstance(rule, Faults) else rule


class Comparison:
    """Both versions, for differential tests written by hand.

    ```python
    @pytest.mark.differential
    def test_older_patients_move_together(comparison):
        comparison.check([{"age": 40, …}, {"age": 60, …}])
    ```
    """

    def __init__(self, plan: Plan, pair: Pair) -> None:
        self.plan = plan
        self._pair = pair

    def ask(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Outcome, Outcome]:
        """What baseline and candidate answer to these rows."""
        return self._pair.ask(self._batch(rows))

    def check(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Judge these rows by the rules that a search is judged by: without budgets, so that one violation is one too
        many. Raises AssertionError with the reasons, also where a rule cannot say."""
        batch = self._batch(rows)
        baseline, candidate = self._pair.ask(batch)
        # of a table's rules, those that hold for every single case; what a budget forgives there is not forgiven here
        bounds = [
            replace(
                bound,
                rule=_strict(bound.rule),
                max_violations=0,
                max_violation_rate=None,
                min_cases=0,
                waivers=(),
            )
            for bound in self._for_inputs(batch)
            if not isinstance(bound.rule, (NotWorse, Changed, Drift, *census.KINDS, *OPERATIONS))
        ]
        names = {bound.name: bound for bound in bounds}
        tally = compare(batch, baseline, candidate, list(names.values()))
        state = SourceState(batch.source, len(rows), tally)
        # a rule for cases of which none stands here has nothing to say
        concerned = [bound for name, bound in names.items() if bound.where is None or tally.rules[name].cases]
        judged = [judge_rule(bound, state) for bound in concerned]
        failed = [one for one in judged if one.decides and one.status in (FAIL, INCONCLUSIVE)]
        if failed or tally.accounting.compared != len(rows):
            reasons = [f"{one.code} {one.reason}".strip() for one in failed] or [
                f"compared {tally.accounting.compared} of {len(rows)}"
            ]
            raise AssertionError("\n".join(reasons))

    def _for_inputs(self, batch: Batch) -> list[Bound]:
        """The rules as they stand for rows of inputs alone: one for cases that are named by a column beside the inputs
        of a table judges none of them, and takes none from another."""
        beside: set[str] = set()
        for source in self.plan.sources:
            beside |= getattr(source, "beside", frozenset)()
        beside -= batch.columns.keys()

        def can(condition: Slicing | None) -> bool:
            return condition is None or not beside & set(slices.columns_of(condition))

        return [
            replace(
                bound,
                leaves=tuple(one for one in bound.leaves if can(one.where)),
                slices=tuple(one for one in bound.slices if can(one)),
            )
            for bound in self.plan.bounds
            if can(bound.where)
        ]

    def _batch(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        if not rows:
            raise HarnessError(
                "0 of 0 comparisons: no rows to compare", hint="give at least one row", code="E10"
            )
        names = list(rows[0])
        columns = {name: Column.of([row[name] for row in rows]) for name in names}
        return Batch("by-hand", 0, 0, np.arange(len(rows)), columns)
