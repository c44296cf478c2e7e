"""`harness judge RUN`: the stored answers of a run, judged under the present configuration. No model runs.

The same rules give the same result, byte for byte; other rules give what they would have given then.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import inputs
from harness.compare import beside
from harness.compare.align import is_of_rule
from harness.compare.ruleset import Bound
from harness.compare.tally import Tally
from harness.compare.verdict import SourceState
from harness.errors import Exit, HarnessError, did_you_mean
from harness.inputs import InputSource
from harness.inputs.fixed import TableSource
from harness.inputs.generated import SearchSource
from harness.run import anchor, binding, blocks, extensions, journal, past, tombstone
from harness.run.blocks import Block, KeptTable
from harness.run.conclude import Circumstances, Conclusion, conclude, fail_early, publish
from harness.run.drive import compared, how_asked, trouble_of, troubles_of
from harness.run.past import Past
from harness.run.plan import Plan, asked_inputs, bound_plan, common_schema
from harness.run.session import running_of
from harness.run.tree import tree_of
from harness.settings import Settings
from harness.tables import Batch


def judge_again(settings: Settings, run_id: str, folder: Path, command: str) -> Conclusion:
    """Judge one stored run, and publish the verdict in its report's folder. HarnessError where there is no such run."""
    run = past.recall(folder, run_id)
    with tombstone.held(folder):
        return _judge_again(settings, run, folder, command)


def _judge_again(settings: Settings, run: Past, folder: Path, command: str) -> Conclusion:
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    journal.begin(folder, run.run_id)
    tree = tree_of(settings.root, folder)
    begun = binding.taken(settings, tree)
    try:
        plan = plan_again(settings, run, folder)
        states = [state_again(plan, source, run) for source in plan.sources]
        changed = _changed_inputs(settings, run) + _changed_answers(plan, run)
        if names := binding.changes(begun.files, binding.digests(settings)):
            changed.append(binding.changed_meanwhile(names, settings.path.name))
    except HarnessError as error:
        around = Circumstances(command, started, time.monotonic() - began, tree)
        return publish(
            fail_early(run.request, settings, run.run_id, error, around), folder, tree, settings=settings
        )
    around = Circumstances(seconds=time.monotonic() - began, tree=tree, **run.around(plan, command, started))
    around = replace(around, troubles=(*around.troubles, *changed), running=running_of(plan.work))
    done = conclude(plan, states, around)
    past.note_again(plan, done)
    return publish(done, folder, tree, _bound(settings, run, begun.files), settings)


def plan_again(settings: Settings, run: Past, folder: Path) -> Plan:
    """The plan of a past run under these settings: its versions and its cases, the rules of today."""
    if run.model != settings.model:
        raise HarnessError(
            f"run {run.run_id} is about {run.model}, the configuration about {settings.model}",
            where=settings.path.name,
            hint="name the configuration of that model with --config",
        )
    settings = replace(
        settings,
        candidate=run.request.candidate or settings.candidate,
        change=run.request.change or settings.change,
    )
    extensions.load(settings)
    _demand_kept(settings, run)
    return bound_plan(settings, run.request, run.run_id, folder, (run.baseline, run.candidate), run.sources)


def _demand_kept(settings: Settings, run: Past) -> None:
    """A condition can name what the run kept of its tables, and no more (E27)."""
    tables = {source.name: source for source in run.sources if isinstance(source, KeptTable)}
    for item in settings.inputs:
        known = tables[item.name].kinds() if item.name in tables else None
        if known is None:
            continue
        for name in sorted(beside.named(settings, replace(item, keep=())) - known.keys()):
            raise HarnessError(
                f"run {run.run_id} kept no column {name} of {item.name}",
                where=settings.path.name,
                hint=f"{did_you_mean(name, known)}; of what no version takes, a run keeps the columns that its "
                f'conditions name, and those of keep = ["{name}"] in the input source',
                code="E27",
            )


def state_again(plan: Plan, source: InputSource, run: Past) -> SourceState:
    """The state of one source: every kept block compared again, what went wrong then carried over."""
    folder = plan.work / source.name
    trouble = troubles_of(folder)
    if trouble is None:
        return SourceState(source.name, source.planned(), None, source.search)
    asked = how_asked(folder)
    step = Recalled(plan.bounds_of(source.name), folder, _Beside(plan, run))
    # a rule that raised was the rule's trouble, and rules are what is judged anew
    carried = tuple(error for error in trouble if not is_of_rule(error))
    try:
        if isinstance(source, SearchSource) and not trouble:
            tally = source.replay(step, step.batches())
        else:
            # a search that ended early shrank nothing
            tally = sum((step(batch) for batch in step.batches()), Tally())
    except HarnessError as error:
        if not is_of_rule(error):
            # not the rule's trouble: answers that cannot be read say nothing at all
            raise
        carried, tally = (*carried, error), step.total
    except Exception as error:
        carried, tally = (*carried, trouble_of(error, source.name)), step.total
    seen = tally if tally.blocks else None
    how = (asked.recorded, asked.together, asked.alone)
    return SourceState(source.name, source.planned(), seen, source.search, carried, *how)


class _Beside:
    """The anchor's answers of a past run: those that it kept of this anchor, else recorded ones of the store."""

    def __init__(self, plan: Plan, run: Past) -> None:
        digests = [one.digest for one in (plan.anchor, run.anchor) if one is not None]
        self._kept = len(digests) == 2 and digests[0] == digests[1]
        self._anchor = anchor.Anchor(plan, lambda line: None) if plan.anchor else None
        self._plan = plan

    def of(self, block: Block) -> Block:
        """The block with what the anchor of today answered to it, or nothing: then drift is INCONCLUSIVE."""
        if self._kept or self._anchor is None:
            return block
        own = {self._plan.baseline.digest: block.baseline, self._plan.candidate.digest: block.candidate}
        known = own.get(self._anchor.version.digest) or self._anchor.recorded(block.batch)
        return replace(block, anchor=known)


@dataclass
class Recalled:
    """The step of a run that is judged again: outcomes are read, nobody is asked."""

    bounds: Sequence[Bound]
    folder: Path
    beside: _Beside
    total: Tally = Tally()
    _block: Block | None = None
    _probes: Mapping[str, Block] | None = field(default=None)

    def batches(self) -> Iterator[Batch]:
        """The batches that were kept, in order; each is to be given to the step before the next is taken."""
        for block in blocks.read(self.folder):
            self._block = block
            yield block.batch

    def __call__(self, batch: Batch) -> Tally:
        """A planned batch."""
        assert self._block is not None
        assert self._block.batch is batch
        tally = compared(self.beside.of(self._block), self.bounds)
        self.total = self.total + tally
        return tally

    def probe(self, batch: Batch) -> Tally:
        """A batch outside the plan: one that nobody asked for then has no answer now, and violates nothing."""
        if self._probes is None:
            self._probes = blocks.read_probes(self.folder)
        known = self._probes.get(blocks.fingerprint(batch))
        if known is None:
            return Tally()
        return compared(replace(known, batch=batch), self.bounds)


def _bound(settings: Settings, run: Past, files: Mapping[str, str]) -> dict[str, Any]:
    """What the verdict is bound to: to the channel, tables and answers of the run, and to the configuration and the
    extension modules of today, which are what judged."""
    judging = {settings.path.name, *settings.extensions}
    then = {name: sha256 for name, sha256 in run.bound.get("files", {}).items() if name not in judging}
    # a table that is named otherwise today holds the same cases, or the verdict is no PASS
    return {**run.bound, "files": {name: then.get(name, sha256) for name, sha256 in files.items()}}


def _changed_answers(plan: Plan, run: Past) -> list[HarnessError]:
    """Why the kept answers are not those that the run was given. Empty: they are."""
    return [
        _stale(f"the kept answers to {source.name} have changed since the run", str(plan.work / source.name))
        for source in plan.sources
        if binding.answers_digest(plan.work / source.name)
        != run.bound.get("answers", {}).get(source.name, "")
    ]


def _changed_inputs(settings: Settings, run: Past) -> list[HarnessError]:
    """Why the answers of a run are not answers to what is configured today. Empty: they are."""
    schema = common_schema(run.baseline, run.candidate)
    then = {source.name: source for source in run.sources}
    now = {
        item.name: inputs.make(item, settings, schema, run.request.seed)
        for item in asked_inputs(settings, run.baseline)
    }
    troubles = [
        _stale(f"the run holds no answers to input source {name}", name) for name in now if name not in then
    ]
    for name, source in then.items():
        if name not in now:
            troubles.append(_stale(f"input source {name} of the run is no longer configured", name))
        elif not _same(now[name], source):
            troubles.append(_stale(f"input source {name} has changed since the run", name))
    return troubles


def _same(now: InputSource, then: InputSource) -> bool:
    if isinstance(now, SearchSource) and isinstance(then, SearchSource):
        return (now.plan, now.seed) == (then.plan, then.seed)
    if not isinstance(now, TableSource) or not isinstance(then, KeptTable):
        return False
    # a run that ended early has answered the first blocks alone; its accounting says so
    kept = then.batches()
    return now.planned() == then.planned() and all(
        blocks.same_cases(old, new) for old, new in zip(kept, now.batches(), strict=False)
    )


def _stale(words: str, place: str) -> HarnessError:
    return HarnessError(
        words,
        where=place,
        hint="run the comparison again: pytest --compare-to=previous -m differential",
        code="E17",
        exit=Exit.INCONCLUSIVE,
    )
