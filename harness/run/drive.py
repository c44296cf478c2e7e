"""Driving one source: both versions asked at the same time, every batch compared, every answer kept.

A source is driven once in a run, by whichever process comes first; the others wait for it and read its state. A
process that dies gives the lock back, and the next one takes over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness import files, predictors
from harness.compare.align import compare
from harness.compare.drift import compare_with_anchor
from harness.compare.ruleset import Bound, Drift
from harness.compare.tally import Tally
from harness.compare.verdict import SourceState
from harness.errors import Exit, HarnessError
from harness.inputs import InputSource
from harness.predictors.predictor import Predictor, Running, Wide
from harness.run import binding, blocks
from harness.run.anchor import Anchor
from harness.run.blocks import Block
from harness.run.plain import plain
from harness.run.plan import Plan
from harness.run.recorded import Remembered, Seen
from harness.run.wide import ODD, Call, Cutting, apart, together, width
from harness.tables import Batch, Outcome
from harness.versions.version import Version

Progress = Callable[[str], None]
Answer = TypeVar("Answer")
Answers = tuple[Outcome, Outcome]


class Pair:
    """Both versions of a session, opened at first use and asked at the same time."""

    def __init__(
        self,
        baseline: Version,
        candidate: Version,
        progress: Progress,
        private: Sequence[str] = (),
        record: Remembered | None = None,
    ) -> None:
        """`record`: what the baseline has answered before, and is then not asked again."""
        self._versions, self._private = (baseline, candidate), private
        self._progress, self.record = progress, record
        self._open: tuple[Predictor, Predictor] | None = None
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="harness-ask")
        self._running: tuple[Running, Running] | None = None
        self._trouble: BaseException | None = None

    def open(self) -> tuple[Predictor, Predictor]:
        """Start both; the first failure is raised after both have been tried, and both can be closed."""
        if self._open is None:
            for side, version in zip(("baseline", "candidate"), self._versions, strict=True):
                if side == "candidate" or self.record is None:
                    self._progress(f"starting {side} {version.name} {version.title}")
            baseline, candidate = (
                predictors.open_predictor(version, side, self._progress, self._private)
                for side, version in zip(("baseline", "candidate"), self._versions, strict=True)
            )
            self._open = (self.record.around(baseline) if self.record else baseline, candidate)
        if self._trouble is not None:
            # what does not start for one source does not for the next, and the other side is running already
            raise self._trouble
        if self._running is None:
            baseline, candidate = self._open
            waiting = [self._threads.submit(p.open) for p in (baseline, candidate)]
            troubles = [w.exception() for w in waiting]
            for trouble in troubles:
                if trouble is not None:
                    self._trouble = trouble
                    raise trouble
            self._running = (waiting[0].result(), waiting[1].result())
        return self._open

    @property
    def running(self) -> tuple[Running, Running] | None:
        """How both have been run so far; None before they are opened."""
        if self._running is None or self.record is None:
            return self._running
        return self.record.running, self._running[1]

    def ask(self, batch: Batch) -> tuple[Outcome, Outcome]:
        """Both outcomes of one batch; each version is given the columns that it declares."""
        baseline, candidate = self.open()
        return self._at_once((baseline.predict, candidate.predict), _parts(batch, self._versions))

    def together(self, first: Batch) -> int:
        """How many blocks of a table are asked in one call, this being its first: those of its recorded answers, since
        whoever is compared with them has to be asked alike."""
        if not all(isinstance(one, Wide) for one in self.open()):
            return 1
        recorded = self.record.together(first.source) if self.record is not None else None
        return width(first) if recorded is None else recorded

    def call(self, batches: Sequence[Batch]) -> Call:
        """Several blocks, packed for whoever is going to be asked."""
        whole = together(batches)
        call = Call(batches, whole, _parts(whole, self._versions))
        call.pack(call.parts if self.record is None else call.parts[1:])
        return call

    def ask_whole(self, call: Call, seconds: float) -> list[Answers] | None:
        """Both outcomes of several blocks, each version asked once for all of them; so many seconds are expected. None
        where either does not answer every row in its place: both are then to be asked block by block, so that both are
        asked alike."""

        baseline, candidate = self.open()

        def ask(predictor: Predictor, part: Batch) -> list[Outcome] | None:
            found = predictor.whole(part, len(call.batches), seconds) if isinstance(predictor, Wide) else None
            return None if found is None else apart(found, call.batches)

        def ask_baseline(part: Batch) -> list[Outcome] | None:
            if self.record is None:
                return ask(baseline, part)
            blocks = [_parts(batch, self._versions)[0] for batch in call.batches]
            return self.record.several(blocks, lambda inner: ask(inner, part))

        old, new = self._at_once((ask_baseline, lambda part: ask(candidate, part)), call.parts)
        return None if old is None or new is None else list(zip(old, new, strict=True))

    def _at_once(
        self, calls: Sequence[Callable[[Batch], Answer]], parts: Sequence[Batch]
    ) -> tuple[Answer, Answer]:
        waiting = [self._threads.submit(call, part) for call, part in zip(calls, parts, strict=True)]
        # both are awaited before either raises: a worker must not be left in the middle of a call
        troubles = [w.exception() for w in waiting]
        for trouble in troubles:
            if trouble is not None:
                raise trouble
        return waiting[0].result(), waiting[1].result()

    def close(self) -> tuple[str, ...]:
        """Stop both; what is worth reporting comes back."""
        events: tuple[str, ...] = ()
        for predictor in self._open or ():
            events += predictor.close()
        self._open, self._running = None, None
        self._threads.shutdown(cancel_futures=True)
        return events


def _parts(batch: Batch, versions: Sequence[Version]) -> list[Batch]:
    """The batch for each version. The same object where both take every column, so that it travels once."""
    batch = batch.given()
    return [batch.given(version.manifest.inputs.names if version.manifest else None) for version in versions]


@dataclass
class Recording:
    """The step of a run: asks, compares, keeps every answer, and sums what was seen so far."""

    pair: Pair
    bounds: Sequence[Bound]
    folder: Path
    progress: Progress
    planned: int
    anchor: Anchor | None = None
    total: Tally = Tally()
    probes: list[Block] = field(default_factory=list)
    keeping: blocks.Keeping = field(init=False)

    def __post_init__(self) -> None:
        self.keeping = blocks.Keeping(self.folder)

    def __call__(self, batch: Batch) -> Tally:
        """A planned batch."""
        return self.settle(batch, *self.pair.ask(batch))

    def settle(self, batch: Batch, baseline: Outcome, candidate: Outcome) -> Tally:
        """What both versions answered to a planned batch: kept, compared, summed."""
        anchor = self.anchor.answer(batch, baseline, candidate) if self.anchor else None
        block = Block(batch, baseline, candidate, anchor)
        self.keeping.keep(block)
        tally = compared(block, self.bounds)
        self.total = self.total + tally
        self.progress(f"{batch.source}: {self.total.accounting.seen:,} of {self.planned:,} cases")
        return tally

    def probe(self, batch: Batch) -> Tally:
        """A batch outside the plan."""
        block = Block(batch, *self.pair.ask(batch))
        self.probes.append(block)
        return compared(block, self.bounds)


class Ahead:
    """The step of a table: both versions are asked the next blocks while the host keeps and compares those before, and
    reads and packs those after.

    Blocks are asked together (`wide.Cutting`); where a call does not answer every row in its place, its blocks are
    asked one by one. The tally that a call returns is of blocks that came before; `finish` gives the last. Blocks,
    their order and so the result are the same as one after the other.
    """

    def __init__(self, recording: Recording, together: int = 0) -> None:
        """`together`: how many blocks to ask in one call, as a run did that is made again; 0 leaves it to the table."""
        self.together = together
        self.alone: list[int] = []
        self._recording = recording
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="harness-ahead")
        self._cutting: Cutting | None = None
        self._asked: tuple[list[Batch], Future[list[Answers] | None]] | None = None
        self._packed: list[Call] = []
        self._odd, self._wide = 0, True
        self._seconds = 0.0

    def __call__(self, batch: Batch) -> Tally:
        """Ask this batch, with others or alone, and settle what was asked before."""
        if self._cutting is None:
            self.together = self.together or self._recording.pair.together(batch)
            self._cutting = Cutting(self.together)
        return self._ask_next(self._cutting.add(batch))

    def finish(self) -> Tally:
        """Ask and settle the last blocks."""
        tally = self._ask_next(self._cutting.rest()) if self._cutting else Tally()
        return tally + self._settled()

    def leave(self) -> None:
        """Settle what was asked last, as far as it goes: answers that were given are kept, whatever went wrong beside,
        and a worker must not be left in the middle of a call."""
        with contextlib.suppress(Exception):
            self._settled()

    def probe(self, batch: Batch) -> Tally:
        """A batch outside the plan, which no table asks for."""
        return self._recording.probe(batch)

    def close(self) -> None:
        """No batch is asked any more."""
        self._thread.shutdown(wait=False)
        for call in self._packed:
            call.close()

    def _ask_next(self, batches: list[Batch]) -> Tally:
        """Ask these blocks, while those before are settled."""
        if not batches:
            return Tally()
        if len(batches) == 1 or self._wide:
            return self._settled(batches)
        self.alone += [one.block for one in batches]
        return sum((self._settled([one]) for one in batches), Tally())

    def _settled(self, then: list[Batch] | None = None) -> Tally:
        """What was asked before, once it is answered; meanwhile `then` is asked."""
        call = self._recording.pair.call(then) if then and len(then) > 1 else None
        if call:
            self._packed.append(call)
        before, self._asked = self._asked, None
        answers = before[1].result() if before else []
        if answers:
            self._seconds = max(one.seconds for one in answers[-1])
        if before and answers is None:
            # neither worker must be busy with what comes after
            tally = self._one_by_one(before[0])
            self._ask(then, call)
            return tally
        self._ask(then, call)
        return self._settle(before[0], answers or []) if before else Tally()

    def _ask(self, batches: list[Batch] | None, call: Call | None) -> None:
        if batches:
            self._asked = batches, self._thread.submit(self._answers, batches, call)
            self._packed.clear()

    def _answers(self, batches: Sequence[Batch], call: Call | None) -> list[Answers] | None:
        pair = self._recording.pair
        if call is None:
            return [pair.ask(batches[0])]
        try:
            return pair.ask_whole(call, len(batches) * self._seconds)
        finally:
            call.close()

    def _settle(self, batches: Sequence[Batch], answers: Sequence[Answers]) -> Tally:
        self._odd = 0 if len(batches) > 1 else self._odd
        parts = (self._recording.settle(batch, *both) for batch, both in zip(batches, answers, strict=True))
        return sum(parts, Tally())

    def _one_by_one(self, batches: Sequence[Batch]) -> Tally:
        self._odd += 1
        self._wide = self._wide and self._odd < ODD
        self.alone += [one.block for one in batches]
        return sum((self._recording(batch) for batch in batches), Tally())


def compared(block: Block, bounds: Sequence[Bound]) -> Tally:
    """The tally of one block: baseline beside candidate, and the anchor beside the candidate where it was asked."""
    tally = compare(block.batch, block.baseline, block.candidate, bounds)
    for bound in bounds:
        if isinstance(bound.rule, Drift) and block.anchor is not None:
            tally = tally + compare_with_anchor(block.batch, block.anchor, block.candidate, bound.rule)
    return tally


def state_of(
    plan: Plan, source: InputSource, pair: Pair, progress: Progress, anchor: Anchor | None = None
) -> SourceState:
    """The state of one source: driven now if nobody has, else read.

    Never raises what is no interruption: whatever goes wrong is trouble of this state, and so INCONCLUSIVE.
    """
    folder = plan.work / source.name
    state: SourceState | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock"):
            state = read_state(plan, source)
            if state is None:
                # a search is compared with the baseline alone: a budget does not bind to it
                state = _drive(plan, source, pair, progress, None if source.search else anchor)
                data = _to_json(state)
                # every process of the run sees the same state, the one that drove it included
                state = _from_json(source, data)
                files.write_json(folder / "state.json", {**data, "of": binding.identity(plan)})
    except Exception as error:
        tally = None if state is None else state.tally
        trouble = (*(() if state is None else state.trouble), trouble_of(error, source.name))
        return SourceState(source.name, source.planned(), tally, source.search, trouble)
    return state


def read_state(plan: Plan, source: InputSource) -> SourceState | None:
    """The state that another process left, or None. Of one that judged other versions or by other rules than this
    plan has, nothing but that is left."""
    path = plan.work / source.name / "state.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if (other := binding.same_run(data.get("of"), plan, source.name)) is not None:
            return SourceState(source.name, source.planned(), None, source.search, (other,))
        return _from_json(source, data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        torn = HarnessError(
            f"ledger mismatch: what was counted cannot be read: {type(error).__name__}: {error}",
            where=str(path),
            hint="run the comparison again, and leave its folder alone meanwhile",
            code="E13",
            exit=Exit.INCONCLUSIVE,
        )
        return SourceState(source.name, source.planned(), None, source.search, (torn,))


def _from_json(source: InputSource, data: Mapping[str, Any]) -> SourceState:
    return SourceState(
        source.name,
        source.planned(),
        None if data["tally"] is None else Tally.from_json(data["tally"]),
        source.search,
        tuple(error_of(trouble) for trouble in data["trouble"]),
        data["recorded"],
        data.get("together", 0),
        tuple(data.get("alone", ())),
    )


@dataclass(frozen=True, slots=True)
class HowAsked:
    """How a source of a past run was asked: `recorded` answers of the baseline were given before it; so many blocks
    were asked `together` in one call (0: nobody noted it), but for those that are `alone`."""

    recorded: int = 0
    together: int = 0
    alone: tuple[int, ...] = ()

    def of(self, block: int) -> int:
        """How many blocks were asked in the call of this one; 0 where nobody noted it."""
        return 1 if block in self.alone else self.together


def how_asked(folder: Path) -> HowAsked:
    """The same as a run left it."""
    try:
        said = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return HowAsked()
    alone = tuple(int(block) for block in said.get("alone", ()))
    return HowAsked(int(said.get("recorded", 0)), int(said.get("together", 0)), alone)


def troubles_of(folder: Path) -> tuple[HarnessError, ...] | None:
    """What went wrong with a source of a past run, or None where it was never driven to an end. Its tally is left
    alone: an older harness may have counted otherwise."""
    try:
        data = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return tuple(error_of(trouble) for trouble in data["trouble"])


def error_of(trouble: Mapping[str, Any]) -> HarnessError:
    """An error from its JSON form."""
    return HarnessError(
        trouble["message"],
        where=trouble["where"],
        hint=trouble["hint"],
        code=trouble["code"],
        exit=Exit(trouble["exit"]),
    )


def error_to_json(error: HarnessError) -> dict[str, Any]:
    """An error as plain values."""
    return {
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
        "code": error.code,
        "exit": int(error.exit),
    }


def _drive(
    plan: Plan, source: InputSource, pair: Pair, progress: Progress, anchor: Anchor | None
) -> SourceState:
    folder = plan.work / source.name
    step = Recording(pair, plan.bounds_of(source.name), folder, progress, source.planned(), anchor)
    # a search decides by each answer what it asks next
    ahead = None if source.search else Ahead(step, getattr(source, "together", 0))
    trouble: tuple[HarnessError, ...] = ()
    tally: Tally | None
    try:
        tally = source.drive(ahead or step)
        if ahead:
            tally = tally + ahead.finish()
    except Exception as error:
        if ahead:
            ahead.leave()
        # what was seen before the trouble is kept: 412 answers are 412 answers
        trouble, tally = (trouble_of(error, source.name),), step.total
        if not tally.blocks:
            tally = None
    finally:
        if ahead:
            ahead.close()
    try:
        step.keeping.finish()
    except OSError as error:
        trouble += (trouble_of(error, source.name),)
    if step.probes:
        blocks.keep_probes(folder, step.probes)
    seen = pair.record.seen(source.name) if pair.record else Seen()
    trouble += seen.trouble
    asked = (ahead.together, tuple(ahead.alone)) if ahead else (1, ())
    return SourceState(source.name, source.planned(), tally, source.search, trouble, seen.cases, *asked)


def trouble_of(error: Exception, source: str) -> HarnessError:
    """Whatever went wrong, in three parts: nothing of it is a verdict on the candidate, or an ordinary test."""
    if isinstance(error, HarnessError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else source
    if isinstance(error, OSError):
        return HarnessError(
            f"the answers of {source} cannot be kept: {error.strerror or error}",
            where=str(error.filename or place),
            hint="make room, or make the report's folder writable, and run the comparison again",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        )
    return HarnessError(
        f"{source} cannot be judged: {type(error).__name__}: {error}",
        where=place,
        hint="mend the code at that place; if it is the harness's own, report it with this message",
        code="E26",
        exit=Exit.INCONCLUSIVE,
    )


def _to_json(state: SourceState) -> dict[str, Any]:
    return {
        "tally": None if state.tally is None else plain(state.tally.to_json()),
        "trouble": [error_to_json(error) for error in state.trouble],
        "recorded": state.recorded,
        "together": state.together,
        "alone": list(state.alone),
    }


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, waiting for it; the kernel gives it back when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
