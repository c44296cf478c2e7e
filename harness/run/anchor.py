"""The anchor's answers: its recorded ones where the store has them for exactly these cases, else asked live.

The anchor is a third version that nobody releases; it is started only for cases that it was never asked.
"""

from __future__ import annotations

from collections.abc import Callable

from harness import predictors
from harness.predictors.predictor import Predictor
from harness.run.answers import Recorded
from harness.run.plan import Plan
from harness.run.recorded import recorded_of
from harness.tables import Batch, Outcome
from harness.versions.version import Version


class Anchor:
    """The anchor of one session, opened at first need."""

    def __init__(self, plan: Plan, progress: Callable[[str], None]) -> None:
        assert plan.anchor is not None
        self.version = plan.anchor
        self._plan, self._progress = plan, progress
        self._recorded: dict[str, Recorded | None] = {}
        self._predictor: Predictor | None = None

    def answer(self, batch: Batch, baseline: Outcome, candidate: Outcome) -> Outcome:
        """What the anchor answers to these cases, which both versions have just answered so."""
        if self.version.digest == self._plan.baseline.digest:
            return baseline
        if self.version.digest == self._plan.candidate.digest:
            return candidate
        known = self.recorded(batch)
        return self._live(batch) if known is None else known

    def recorded(self, batch: Batch) -> Outcome | None:
        """The answers that the store keeps to exactly these cases, or None."""
        if batch.source not in self._recorded:
            self._recorded[batch.source] = recorded_of(self._plan.settings, self.version, batch.source)
        known = self._recorded[batch.source]
        return known.of(batch, _names(self.version, batch)) if known is not None else None

    def close(self) -> tuple[str, ...]:
        """Stop it, where it was started; what is worth reporting comes back."""
        predictor, self._predictor = self._predictor, None
        return predictor.close() if predictor is not None else ()

    def _live(self, batch: Batch) -> Outcome:
        if self._predictor is None:
            self._progress(f"starting anchor {self.version.name} {self.version.title}")
            self._predictor = predictors.open_predictor(
                self.version, "anchor", self._progress, self._plan.settings.private
            )
            self._predictor.open()
        return self._predictor.predict(batch.given(_names(self.version, batch)))


def _names(version: Version, batch: Batch) -> tuple[str, ...]:
    return version.manifest.inputs.names if version.manifest else tuple(batch.columns)
