"""How far two versions' answers to the fixed tables lie apart, beside any rule: what moved, and by how many ulps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from harness import inputs, predictors
from harness.compare.rules.ulp import Ulp
from harness.errors import HarnessError
from harness.reporting.numbers import percent
from harness.settings import Settings
from harness.tables import Batch, Bools, Column, Outcome
from harness.versions.version import Version

MOVED_OVER = 0.01
MANY_ULPS = 2**20
"""From here on a number of steps tells a reader nothing."""


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two versions' answers to the fixed tables lie apart: the share of rows that moved (numbers by over 1%,
    all else at all), the share that differs at all, and the most units in the last place between two numbers (inf where
    anything else differs)."""

    rows: int
    moved: float
    differ: float
    ulps: float

    def words(self) -> str:
        """As a sentence says it."""
        if not self.differ:
            return f"all {self.rows:,} answers are equal"
        within = f", at most {self.ulps:,.0f} ulp apart" if self.ulps < MANY_ULPS else ""
        return f"{percent(self.differ)} of {self.rows:,} rows differ{within}; {percent(self.moved)} moved by over 1%"


def apart_of(one: Version, two: Version, settings: Settings, say: Callable[[str], None]) -> Apart:
    """Both versions' answers to every fixed table of the configuration. Raises HarnessError where there is none."""
    tables = [item for item in settings.inputs if item.generate is None]
    if not tables:
        raise HarnessError(
            "no fixed table: there is nothing to ask both versions",
            where=settings.path.name,
            hint="add [[tool.harness.inputs]] with a path",
        )
    rows, moved, differ, ulps = 0, 0, 0, 0.0
    with ExitStack() as opened:
        pair = []
        for version, side in ((one, "baseline"), (two, "candidate")):
            predictor = predictors.open_predictor(version, side, say, settings.private)
            opened.callback(predictor.close)
            pair.append(predictor)
        for item in tables:
            schema = one.manifest.inputs if one.manifest else None
            for batch in inputs.make(item, settings, schema).batches():  # type: ignore[attr-defined]  # a table
                before, after = (asked.predict(declared(batch, asked.version)) for asked in pair)
                far, other, most = _between(before, after, len(batch))
                rows, moved, differ = rows + len(batch), moved + int(far.sum()), differ + int(other.sum())
                ulps = max(ulps, most)
    return Apart(rows, moved / rows, differ / rows, ulps)


def declared(batch: Batch, version: Version) -> Batch:
    """The batch with the columns that a version takes."""
    return batch.given(version.manifest.inputs.names if version.manifest else None)


def _between(before: Outcome, after: Outcome, n: int) -> tuple[Bools, Bools, float]:
    """(n,) the rows that moved, (n,) those that differ at all, and the most ulps."""
    far, other = np.zeros(n, dtype=bool), before.answered != after.answered
    far |= other
    ulps = np.inf if other.any() else 0.0
    for name in before.columns.keys() | after.columns.keys():
        if name not in before.columns or name not in after.columns:
            far[:], other[:], ulps = True, True, np.inf
            continue
        b, c = before.columns[name], after.columns[name]
        unequal = Ulp(0).judge(b, c)
        other |= unequal.violates
        far |= _far(b, c, unequal.violates)
        ulps = max(ulps, float(np.max(unequal.magnitude[unequal.violates], initial=0.0)))
    return far, other, float(ulps)


def _far(before: Column, after: Column, unequal: Bools) -> Bools:
    if (before.kind, after.kind) != ("float", "float"):
        return unequal
    old, new = before.values, after.values
    near: Bools = np.abs(new - old) <= MOVED_OVER * np.abs(old)
    return unequal & ~near
