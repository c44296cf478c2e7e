"""The baseline's recorded answers: a release that has answered exactly these cases is not asked again.

What it was is decided by digest (version, cases) and by the surroundings of its answers (Python, processor). With
`--compare-live` it is asked all the same, and a release that no longer gives its recorded answers is a finding: it is
how environments rot.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.compare.align import compare
from harness.compare.results import FAIL
from harness.compare.ruleset import Bound, SourceFacts, bind
from harness.compare.tally import Tally
from harness.compare.verdict import SourceState, judge_rule
from harness.errors import Exit, HarnessError
from harness.predictors.predictor import Predictor, Running, Wide
from harness.run import surroundings
from harness.run.answers import Recorded
from harness.run.entries import Shown
from harness.run.plan import Plan
from harness.settings import Profile, Settings
from harness.store import blobs, catalogue, open_place
from harness.tables import Batch, Outcome
from harness.versions.version import Version

ISOLATION = "recorded"
"""How a version is run that is not run."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one source: cases whose answers were recorded and not asked, and what is wrong with the record."""

    cases: int = 0
    trouble: tuple[HarnessError, ...] = ()


class Remembered:
    """The baseline of a session as a predictor: answers from the record where it holds, the worker's where not.

    The worker is started at the first case that needs it, and a failure to start is remembered.
    """

    def __init__(self, plan: Plan, progress: Callable[[str], None]) -> None:
        self.version = plan.baseline
        self._plan, self._progress = plan, progress
        self._inner: Predictor | None = None
        self._running: Running | None = None
        self._failed: HarnessError | None = None
        self._records: dict[str, Recorded | None] = {}
        self._here: dict[str, str] | None = None
        # by source and block: one that is asked again counts once
        self._cases: dict[str, dict[int, int]] = {}
        self._differences: dict[str, dict[int, Tally]] = {}
        self._bounds: dict[str, Sequence[Bound]] = {}

    def around(self, inner: Predictor) -> Remembered:
        """The same in front of the predictor that is asked where nothing is recorded."""
        self._inner = inner
        return self

    @property
    def running(self) -> Running:
        """How the baseline has been run so far."""
        return self._running or Running(ISOLATION)

    def open(self) -> Running:
        """Nothing is started before it is needed."""
        return self.running

    def predict(self, batch: Batch) -> Outcome:
        """The recorded answers to exactly these cases, or those of the worker."""
        if self._plan.request.live:
            return self._checked(batch, self._ask(batch))
        known = self._valid(batch)
        if known is not None:
            return self._counted(batch, known)
        if self._plan.on_records:
            raise self._unrecorded(batch)
        return self._ask(batch)

    def several(
        self, batches: Sequence[Batch], ask: Callable[[Predictor], list[Outcome] | None]
    ) -> list[Outcome] | None:
        """The same for blocks that go together: the recorded answers where those of all of them hold, else whatever
        `ask` gets of the worker in one call. None where they are to be asked one by one, or were when they were
        recorded."""
        record = self._record(batches[0].source)
        if record is not None and any(record.together(batch.block) == 1 for batch in batches):
            return None
        if self._plan.request.live:
            answers = ask(self._started())
            return answers and [self._checked(b, one) for b, one in zip(batches, answers, strict=True)]
        known = [self._valid(batch) for batch in batches]
        lacking = [batch for batch, one in zip(batches, known, strict=True) if one is None]
        if not lacking:
            return [self._counted(b, one) for b, one in zip(batches, known, strict=True) if one is not None]
        if self._plan.on_records:
            raise self._unrecorded(lacking[0])
        return ask(self._started())

    def close(self) -> tuple[str, ...]:
        """Stop the worker, where it was started."""
        if self._inner is None or (self._running is None and self._failed is None):
            return ()
        return self._inner.close()

    def together(self, source: str) -> int | None:
        """How many blocks of a table were asked in one call when its answers were recorded, whatever they are worth;
        None where none are."""
        record = self._record(source)
        return None if record is None else record.most_together

    def seen(self, source: str) -> Seen:
        """What came of one source in this process."""
        return Seen(sum(self._cases.get(source, {}).values()), tuple(self._rot(source)))

    def whole(self, batch: Batch, blocks: int, seconds: float) -> Outcome | None:
        """Several blocks in one call, whatever is recorded of them."""
        inner = self._started()
        return inner.whole(batch, blocks, seconds) if isinstance(inner, Wide) else None

    def _counted(self, batch: Batch, known: Outcome) -> Outcome:
        self._cases.setdefault(batch.source, {})[batch.block] = len(batch)
        return known

    def _ask(self, batch: Batch) -> Outcome:
        return self._started().predict(batch)

    def _started(self) -> Predictor:
        assert self._inner is not None
        if self._failed is not None:
            raise self._failed
        if self._running is None:
            self._progress(f"starting baseline {self.version.name} {self.version.title}")
            try:
                self._running = self._inner.open()
            except HarnessError as error:
                self._failed = self._advised(error)
                raise self._failed from None
        return self._inner

    def _record(self, source: str) -> Recorded | None:
        if source not in self._records:
            known = recorded_of(self._plan.settings, self.version, source)
            self._records[source] = known if _asked_as_released(self.version.profile) else None
        return self._records[source]

    def _of(self, batch: Batch) -> Outcome | None:
        """What was recorded of these cases, wherever that was."""
        record = self._record(batch.source)
        if record is None or not record.whole:
            return None
        names = self.version.manifest.inputs.names if self.version.manifest else None
        return record.of(batch, names)

    def _valid(self, batch: Batch) -> Outcome | None:
        """The same, where these surroundings are those of the record, or where the record is all there is."""
        record = self._record(batch.source)
        if record is None or not (self._plan.on_records or self._same_place(record)):
            return None
        return self._of(batch)

    def _same_place(self, record: Recorded) -> bool:
        then = dict(record.environment)
        if not surroundings.known(then):
            return False
        if self._here is None:
            try:
                self._here = surroundings.of_version(self.version)
            except HarnessError:
                # no Python for it here: the worker says so, if it is needed
                self._here = {}
        return then == self._here

    def _checked(self, batch: Batch, live: Outcome) -> Outcome:
        """The live answers, compared with the record where there is one."""
        known = self._of(batch)
        if known is not None:
            tally = compare(batch, known, live, self._equal(batch.source))
            self._differences.setdefault(batch.source, {})[batch.block] = tally
        return live

    def _equal(self, source: str) -> Sequence[Bound]:
        """The rules by which a version agrees with its own record: those of a refactor, since another kernel of the
        processor rounds otherwise, and nothing that configuration allows."""
        if source not in self._bounds:
            plain = replace(self._plan.settings, rules=(), waivers=(), equal_nan=True)
            facts = [SourceFacts(source, False, False, None)]
            outputs = self.version.manifest.outputs.names if self.version.manifest else None
            self._bounds[source] = bind(plain, "refactor", facts, outputs, datetime.date.today())
        return self._bounds[source]

    def _rot(self, source: str) -> list[HarnessError]:
        if source not in self._differences:
            return []
        tally = sum(self._differences[source].values(), Tally())
        state = SourceState(source, tally.accounting.seen, tally)
        broken = [
            judged
            for bound in self._equal(source)
            if (judged := judge_rule(bound, state)).status == FAIL and judged.decides
        ]
        if not broken:
            return []
        worst = max(broken, key=lambda one: one.violations)
        show = Shown.of(self._plan.settings)
        key = f", case {show.key(source, worst.worst_key)} among them" if worst.worst_key else ""
        record = self._record(source)
        return [
            HarnessError(
                f"baseline {self.version.title} no longer gives its recorded answers: "
                f"{worst.violations:,} of {tally.accounting.seen:,} rows of {source} differ{key}",
                where=f"{worst.bound.name} between record and live",
                hint=self._moved(dict(record.environment) if record else {}),
                code="E70",
                exit=Exit.INCONCLUSIVE,
            )
        ]

    def _moved(self, then: dict[str, str]) -> str:
        now = surroundings.surroundings(self.running.python, surroundings.processor())
        words = [f"{name} was {then[name]}, is {now[name]}" for name in then if then[name] != now[name]]
        if not then:
            words = ["the record does not say where it was made"]
        found = "; ".join(words) or "Python and processor are those of the record"
        return (
            f"{found}; find out what changed below the baseline before its answers are compared with others"
        )

    def _advised(self, error: HarnessError) -> HarnessError:
        if not any(self._record(source.name) for source in self._plan.sources if not source.search):
            return error
        code, code_of_exit = error.code, error.exit
        return HarnessError(
            error.message,
            where=error.where,
            hint=f"{error.hint}; if {self.version.title} can no longer run anywhere, have it judged on its recorded "
            "answers: [tool.harness.recorded] with version, owner and reason",
            code=code,
            exit=code_of_exit,
        )

    def _unrecorded(self, batch: Batch) -> HarnessError:
        return HarnessError(
            f"{self.version.title} is judged on its recorded answers, and has none to these cases of {batch.source}",
            where=f"{self._plan.settings.path.name} [tool.harness.recorded]; "
            f"cases {batch.start:,} to {batch.start + len(batch) - 1:,}",
            hint="compare on the table as it was when it was released, or with a baseline that can run",
            code="E71",
            exit=Exit.INCONCLUSIVE,
        )


def remembered(plan: Plan, progress: Callable[[str], None]) -> Remembered | None:
    """The baseline of a plan in front of its worker; None where no release of it is kept, or where a profile asks it
    for more than the release was asked. A baseline that is judged on its records is never asked, records or not."""
    released = bool(_releases_of(plan.settings, plan.baseline))
    wanted = plan.on_records or (released and _asked_as_released(plan.baseline.profile))
    return Remembered(plan, progress) if wanted else None


def recorded_of(settings: Settings, version: Version, source: str) -> Recorded | None:
    """The recorded answers of a released version to one table; None where none are kept, or in a form that says
    nothing of the cases. A blob that was damaged is an error (E46, E47)."""
    for release in _releases_of(settings, version):
        if source in release.outcomes:
            path = blobs.verified(open_place(settings), release.outcomes[source])
            try:
                return Recorded.parse(path.read_bytes())
            except ValueError:
                return None
    return None


def _releases_of(settings: Settings, version: Version) -> list[catalogue.Release]:
    """Releases of this very version: of the same wheel, asked in the same way under the same kind of Python. The
    newest first, since its answers are the ones to the tables of today."""
    if not version.sha256:
        return []
    found = catalogue.read(open_place(settings)).of(settings.model)
    return [one for one in found[::-1] if (one.sha256, one.identity) == (version.sha256, version.digest)]


def _asked_as_released(profile: Profile) -> bool:
    """A release has no profile: what one adds beyond limits and names could change the answers."""
    limits: dict[str, Any] = {
        name: getattr(Profile(), name) for name in ("name", "spec", "timeout", "memory")
    }
    return replace(profile, **limits, python="") == Profile()
