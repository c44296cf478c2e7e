"""Measuring how both versions run: a pass of its own, after the answers were compared.

One version is asked at a time and the two take turns, first one and then the other, so that whatever else the machine
does slows both. What was measured is kept with the answers: whoever judges the run again decides on the same numbers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import files, predictors
from harness.compare.rules.operations import Calls, Need, Size, Starts
from harness.errors import Exit, HarnessError
from harness.inputs import InputSource
from harness.predictors.predictor import Predictor, Weighed
from harness.run import blocks
from harness.run.apart import declared
from harness.run.drive import error_of, error_to_json, locked, trouble_of
from harness.run.plan import Plan
from harness.tables import Batch, Outcome
from harness.versions.version import Version

FORMAT = 1
SIDES = ("baseline", "candidate")
WARM = 5
"""Calls of each version that are not counted."""

ENOUGH, SECONDS = 30, 120.0
"""After so many seconds, calls beyond so many are not made."""

_OURS = ("package", "python")
"""Kinds of version whose process is started here."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of each side, by unit (`s`, `bytes`), and how many rows each call had."""

    baseline: dict[str, list[float]]
    candidate: dict[str, list[float]]
    rows: int = 0


def measured(folder: Path, need: Need) -> Measured | HarnessError | None:
    """What was measured of a source, or why it could not be; None where nobody measured it."""
    path = _path(folder, need)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}, this harness reads {FORMAT}")
        if data["trouble"] is not None:
            return error_of(data["trouble"])
        baseline, candidate = (
            {unit: [float(x) for x in found] for unit, found in data[side].items()} for side in SIDES
        )
        return Measured(baseline, candidate, int(data["rows"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return HarnessError(
            f"what was measured cannot be read: {type(error).__name__}: {error}",
            where=str(path),
            hint="run the comparison again, and leave its folder alone meanwhile",
            code="E13",
            exit=Exit.INCONCLUSIVE,
        )


def measure(plan: Plan, source: InputSource, need: Need, say: Callable[[str], None]) -> None:
    """Measure what nobody has, and keep it. Never raises what is no interruption, except that it cannot be kept."""
    folder = plan.work / source.name
    folder.mkdir(parents=True, exist_ok=True)
    # one pass at a time in the whole run: two would slow each other
    with locked(plan.work / "measuring.lock"):
        if measured(folder, need) is not None:
            return
        data: dict[str, Any] = {"format": FORMAT, "trouble": None}
        try:
            found = _found(plan, folder, need, say)
            data |= {"baseline": found.baseline, "candidate": found.candidate, "rows": found.rows}
        except Exception as error:
            data["trouble"] = error_to_json(trouble_of(error, source.name))
        files.write_json(_path(folder, need), data)


def _path(folder: Path, need: Need) -> Path:
    match need:
        case Calls(calls, rows):
            name = f"calls-{calls}x{rows}"
        case Starts(starts, rows):
            name = f"starts-{starts}x{rows}"
        case Size():
            name = "size"
    return folder / f"operations-{name}.json"


def _found(plan: Plan, folder: Path, need: Need, say: Callable[[str], None]) -> Measured:
    versions = (plan.baseline, plan.candidate)
    for side, version in zip(SIDES, versions, strict=True):
        _refuse(version, side, need, on_records=side == "baseline" and plan.on_records)
    if isinstance(need, Size):
        old, new = ([float(Path(version.location).stat().st_size)] for version in versions)
        return Measured({"bytes": old}, {"bytes": new})
    batch = (
        _answered(folder, need.rows * (need.calls if isinstance(need, Calls) else 1)) if need.rows else None
    )
    if isinstance(need, Calls):
        assert batch is not None
        return _calls(plan, batch, need, say)
    return _starts(plan, batch, need, say)


def _calls(plan: Plan, batch: Batch, need: Calls, say: Callable[[str], None]) -> Measured:
    rows = min(need.rows, len(batch))
    seconds: tuple[list[float], list[float]] = ([], [])
    with _opened(plan, say) as pair:
        began = time.monotonic()
        for turn in range(-WARM, need.calls):
            if turn >= ENOUGH and time.monotonic() - began > SECONDS:
                break
            first = min(turn * rows % len(batch), len(batch) - rows)
            some = batch.take(np.arange(first, first + rows))
            for side in _order(turn):
                took = _asked(pair[side], some, SIDES[side]).seconds
                if turn >= 0:
                    seconds[side].append(took)
            if turn % 50 == 0:
                say(f"measuring calls: {turn:,} of {need.calls:,}")
    return Measured({"s": seconds[0]}, {"s": seconds[1]}, rows)


def _starts(plan: Plan, batch: Batch | None, need: Starts, say: Callable[[str], None]) -> Measured:
    found: tuple[dict[str, list[float]], dict[str, list[float]]] = ({"s": []}, {"s": []})
    some = None if batch is None else batch.take(np.arange(min(need.rows, len(batch))))
    # the first start of each makes its environment, and fills the caches of the disk
    for turn in range(-1, need.starts):
        say(f"measuring starts: {turn + 1:,} of {need.starts:,}")
        for side in _order(turn):
            version = (plan.baseline, plan.candidate)[side]
            predictor = predictors.open_predictor(version, SIDES[side], say, plan.settings.private)
            try:
                began = time.perf_counter()
                predictor.open()
                took = time.perf_counter() - began
                if some is not None:
                    _asked(predictor, some, SIDES[side])
                held = predictor.peak_memory() if isinstance(predictor, Weighed) else None
            finally:
                predictor.close()
            if turn >= 0:
                found[side]["s"].append(took)
                if held is not None:
                    found[side].setdefault("bytes", []).append(float(held))
    return Measured(*found, rows=0 if some is None else len(some))


def _order(turn: int) -> tuple[int, int]:
    """Who comes first in a turn: each as often as the other."""
    return (0, 1) if turn % 2 == 0 else (1, 0)


def _asked(predictor: Predictor, batch: Batch, side: str) -> Outcome:
    outcome = predictor.predict(declared(batch, predictor.version))
    if not outcome.answered.all():
        row = int(np.flatnonzero(~outcome.answered)[0])
        raise HarnessError(
            f"the {side} does not answer case {batch.keys[row]} when it is measured, and did before",
            where=batch.source,
            hint="find out what it depends on beside its inputs",
            code="E29",
            exit=Exit.INCONCLUSIVE,
        )
    return outcome


def _answered(folder: Path, wanted: int) -> Batch:
    """Cases that both versions answered: so many, or as many as the block with the most of them has."""
    best: Batch | None = None
    for block in blocks.read(folder):
        rows = np.flatnonzero(block.baseline.answered & block.candidate.answered)[:wanted]
        if best is None or len(rows) > len(best):
            best = block.batch.take(rows)
        if len(best) == wanted:
            break
    if best is None or not len(best):
        raise HarnessError(
            "there is no case that both versions answered: nothing to measure by",
            where=folder.name,
            hint="mend what keeps them from answering",
            code="E10",
            exit=Exit.INCONCLUSIVE,
        )
    return best


@contextmanager
def _opened(plan: Plan, say: Callable[[str], None]) -> Iterator[tuple[Predictor, Predictor]]:
    """Both versions, running, in processes of this pass alone."""
    with ExitStack() as stack:
        pair = []
        for version, side in zip((plan.baseline, plan.candidate), SIDES, strict=True):
            predictor = predictors.open_predictor(version, side, say, plan.settings.private)
            stack.callback(predictor.close)
            predictor.open()
            pair.append(predictor)
        yield pair[0], pair[1]


def _refuse(version: Version, side: str, need: Need, *, on_records: bool) -> None:
    """E28 for what cannot be measured of a version of this kind."""
    why = ""
    if isinstance(need, Size):
        if version.kind == "recorded" or not version.location or not Path(version.location).is_file():
            why = "it is no file"
    elif on_records or version.kind == "recorded":
        why = "its answers are recorded, and it is not run"
    elif isinstance(need, Starts) and version.kind not in _OURS:
        why = "its process is not started here"
    if why:
        raise HarnessError(
            f"the {side} {version.title} cannot be measured: {why}",
            where=version.spec,
            hint="leave the rule out here: when = […] or inputs = […] say where it judges",
            code="E28",
            exit=Exit.INCONCLUSIVE,
        )
