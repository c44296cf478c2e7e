"""Which features a fitted pipeline needs, found by asking it, whatever chose them: a filter, a wrapper, the model.

A feature is not needed where no answer changes, to the bit, whatever stands in its column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.schema import Schema
from harness.training.data import Data

if TYPE_CHECKING:
    import pandas as pd

ASKED = 2_000
"""Rows that are asked about, evenly spread: a feature that is used is used on one of them."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The features that are needed and those that are not; how often each was needed over the resamples (by name, as
    a share); the bytes of a request of one row with all of them and without those; and why those that are not needed
    `stay` among the inputs, where they do although they were to go."""

    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    stability: Mapping[str, float]
    request_bytes: tuple[int, int]
    stay: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        found: dict[str, Any] = {
            "kept": list(self.kept),
            "dropped": list(self.dropped),
            "request_bytes": list(self.request_bytes),
        }
        if self.stability:
            found["stability"] = dict(self.stability)
        return {**found, "stay": self.stay} if self.stay else found


def needed(model: Any, frame: pd.DataFrame) -> tuple[str, ...]:
    """The features that change an answer of the fitted model when their values are dealt to other rows, or are
    gone, or are all the first of them."""
    rows = frame.iloc[:: -(-len(frame) // ASKED)]
    before = _answers(model, rows)
    return tuple(name for name in frame.columns if _changes(model, rows, name, before))


def selected(model: Any, data: Data, fit: Callable[[Data, int], Any], resamples: int, seed: int) -> Selected:
    """What the model needs, and how stable that is: `fit(data, seed)` fits the pipeline on other rows."""
    import numpy as np

    rows = np.flatnonzero(data.trained)
    kept = needed(model, data.frame.iloc[rows])
    counts = dict.fromkeys(data.inputs.names, 0)
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = np.sort(random.choice(rows, len(rows)))
        again = fit(_of_rows(data, drawn), seed)
        for name in needed(again, data.frame.iloc[rows]):
            counts[name] += 1
    stability = {name: count / resamples for name, count in counts.items()} if resamples else {}
    dropped = tuple(name for name in data.inputs.names if name not in kept)
    first = data.frame.iloc[rows[:1]]
    sizes = (_bytes(first), _bytes(first[list(kept)]))
    return Selected(kept, dropped, stability, sizes)


def without(data: Data, dropped: tuple[str, ...]) -> Data:
    """The data without some features."""
    fields = tuple(field for field in data.inputs if field.name not in dropped)
    return replace(
        data, frame=data.frame[[field.name for field in fields]], inputs=Schema(fields), dropped=dropped
    )


def _of_rows(data: Data, rows: Any) -> Data:
    import numpy as np

    everything = np.ones(len(rows), dtype=bool)
    order = None if data.order is None else data.order[rows]
    return replace(
        data,
        frame=data.frame.iloc[rows],
        target=data.target[rows],
        held_out=~everything,
        trained=everything,
        order=order,
    )


def _changes(model: Any, rows: pd.DataFrame, name: str, before: Any) -> bool:
    import numpy as np

    column = rows[name]
    cells = column.to_numpy()
    first = column.dropna().iloc[:1]
    gone = np.datetime64("NaT") if cells.dtype.kind == "M" else np.nan
    others = [
        cells[np.random.default_rng(0).permutation(len(rows))],
        np.full_like(cells, first.to_numpy()[0] if len(first) else gone),
    ]
    if column.isna().any():
        others.append(np.full_like(cells, gone))
    return any(not _same(before, _answers(model, rows.assign(**{name: other}))) for other in others)


def _answers(model: Any, rows: pd.DataFrame) -> Any:
    return model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)


def _same(before: Any, after: Any) -> bool:
    same: bool = before.tobytes() == after.tobytes() if before.dtype != object else (before == after).all()
    return same


def _bytes(row: pd.DataFrame) -> int:
    return len(json.dumps(json.loads(row.to_json(orient="records", date_format="iso"))))
