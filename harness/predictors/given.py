"""Recorded answers as a predictor: each case is answered by its key; one without an answer is missing, not failed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import Exit, HarnessError
from harness.predictors.predictor import Running
from harness.tables import Batch, Column, Outcome
from harness.versions.version import Version


class RecordedPredictor:
    """Reads the table once. The key is the column that an input source names as its key, else `key`."""

    def __init__(
        self, version: Version, side: str, progress: Callable[[str], None], private: Collection[str] = ()
    ) -> None:
        self.version, self._side = version, side
        self._rows: dict[str, int] | None = None
        self._columns: dict[str, list[Any]] = {}

    def open(self) -> Running:
        """Read and verify the table. HarnessError E46 where it changed, and where keys are missing or stand twice."""
        if self._rows is None:
            self._read()
        return Running("recorded")

    def predict(self, batch: Batch) -> Outcome:
        """The recorded answers to these cases."""
        self.open()
        assert self._rows is not None
        places = [self._rows.get(str(key)) for key in batch.keys]
        answered = np.array([place is not None for place in places], dtype=bool)
        columns = {
            name: Column.of([None if place is None else values[place] for place in places])
            for name, values in self._columns.items()
        }
        return Outcome(columns, answered, dropped=tuple(np.flatnonzero(~answered).tolist()))

    def close(self) -> tuple[str, ...]:
        """Nothing was started."""
        return ()

    def _read(self) -> None:
        path = Path(self.version.location)
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.version.sha256:
            raise self._error("digest mismatch: the recorded answers changed since they were resolved", "E46")
        table = _table(content, path.suffix)
        known = [name for name in (*self.version.keys, "key") if name in table]
        if not known:
            raise self._error(
                f"no column {' or '.join((*self.version.keys, 'key'))}: nothing says which case is which"
            )
        keys = [str(key) for key in table.pop(known[0])]
        self._rows = dict(zip(keys, range(len(keys)), strict=True))
        if len(self._rows) != len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise self._error(f"case {twice} is answered twice")
        self._columns = table

    def _error(self, words: str, code: str = "E37") -> HarnessError:
        return HarnessError(
            words,
            where=f"{self._side}: {self.version.location}",
            hint="one row for each case: its key, and a column for each output",
            code=code,
            exit=Exit.STORE if code == "E46" else Exit.INCONCLUSIVE,
        )


def _table(content: bytes, suffix: str) -> dict[str, list[Any]]:
    """The columns as Python values, None where one is missing."""
    import pandas as pd

    if suffix == ".parquet":
        frame = pd.read_parquet(io.BytesIO(content))
    elif suffix == ".csv":
        frame = pd.read_csv(io.BytesIO(content))
    else:
        frame = pd.read_json(io.BytesIO(content), lines=True, dtype=False, convert_dates=False)
    columns = {}
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        values = column.tolist()
        # a float keeps its NaN, which is an answer; in any other column a gap is none
        columns[str(name)] = values if column.dtype.kind in "fiub" else [_plain(value) for value in values]
    return columns


def _plain(value: Any) -> Any:
    return None if value is None or value != value else value
