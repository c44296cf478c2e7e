"""The data that flows through a run: columns, the batch of cases that is asked, the outcome that comes back.

A column is a numpy array and a mask of nulls; it never holds a library's own object, so that two versions under
different pandas can be compared. An outcome is always as long as its batch and in its order: a row without an
answer is faulted or dropped, never shifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import worker

KINDS = ("float", "int", "bool", "str", "bytes", "datetime", "json")
"""What a column can hold. `json` is a nested or mixed value, each kept as its own Python object."""

BLOCK = 4096
"""Rows of a canonical block: batches are cut here, and float sums are taken inside one, so that any grouping of
blocks gives the same bits (one row alone and in a batch are not bit-equal)."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One named-elsewhere column: `kind` of `KINDS`, `values` of shape (n,), `null` of shape (n,) or None.

    `float` keeps NaN as a value; `null` marks what was absent (None, NaT, pd.NA). Strings, bytes and json are
    object arrays; datetimes are `datetime64[ns]`. Where `null` is true the value is unspecified.

    >>> Column.of([1.0, None, float("nan")]).null.tolist()
    [False, True, False]
    """

    kind: str
    values: npt.NDArray[Any]
    null: Bools | None = None

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, values: Iterable[Any]) -> Column:
        """A column from Python values or an array; the kind is the narrowest that holds every value."""
        kind, found, null = worker.column(values if isinstance(values, np.ndarray) else list(values))
        if not isinstance(found, np.ndarray):
            found = _array(kind, found)
        return cls(kind, found, None if null is None else np.asarray(null, bool))

    def take(self, rows: Any) -> Column:
        """The same column for these rows (an index array, a mask or a slice)."""
        return Column(self.kind, self.values[rows], None if self.null is None else self.null[rows])

    def item(self, row: int) -> Any:
        """The plain Python value of one row: None where null."""
        if self.null is not None and self.null[row]:
            return None
        value = self.values[row]
        if self.kind == "datetime":
            return str(np.datetime_as_string(value, unit="auto"))
        return value.item() if isinstance(value, np.generic) else value

    def tolist(self) -> list[Any]:
        """Every row's plain Python value."""
        return [self.item(row) for row in range(len(self))]

    @staticmethod
    def concat(parts: Sequence[Column]) -> Column:
        """The parts one after another; kinds must agree, an integer beside floats becomes float."""
        kinds = {part.kind for part in parts}
        kind = parts[0].kind if len(kinds) == 1 else "float" if kinds <= {"int", "float"} else "json"
        arrays = [part.values if kind != "json" else part.values.astype(object) for part in parts]
        null = None
        if any(part.null is not None for part in parts):
            null = np.concatenate([np.zeros(len(p), bool) if p.null is None else p.null for p in parts])
        return Column(kind, np.concatenate(arrays), null)


def _array(kind: str, values: Sequence[Any]) -> npt.NDArray[Any]:
    if kind == "datetime":
        return np.array(values, np.int64).view("datetime64[ns]")
    if kind in ("float", "int", "bool"):
        return np.array(values, {"float": np.float64, "int": np.int64, "bool": np.bool_}[kind])
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Cases to be asked: input columns of equal length, a key for each case, and labels the model never sees.

    `source` names the input source, `block` is the number of its canonical block and `start` the first row's
    place in the source; the boundaries belong to the plan. `keys` has shape (n,), unique within the source.
    """

    source: str
    block: int
    start: int
    keys: npt.NDArray[Any]
    columns: Mapping[str, Column]
    target: Column | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: Any) -> Batch:
        """The same batch for these rows only."""
        return Batch(
            self.source,
            self.block,
            self.start,
            self.keys[rows],
            {name: column.take(rows) for name, column in self.columns.items()},
            None if self.target is None else self.target.take(rows),
        )

    def case(self, row: int) -> dict[str, Any]:
        """One case's inputs as plain values."""
        return {name: column.item(row) for name, column in self.columns.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """How a version failed on one row: `error` is the exception's class, `frames` the innermost first."""

    row: int
    error: str
    message: str
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one version answered to one batch of n cases.

    Every column has length n; `answered` (n,) says which rows hold an answer. A row that is not answered has a
    `Fault`, or stands in `dropped` (the version returned no answer and no error for it). `reordered`: the version
    returned its rows in another order, and said so by its index. `extra`: answers to nothing that was asked.
    """

    columns: Mapping[str, Column]
    answered: Bools
    faults: tuple[Fault, ...] = ()
    dropped: tuple[int, ...] = ()
    reordered: bool = False
    extra: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.answered)


def blocks(rows: int, size: int = BLOCK) -> Iterator[tuple[int, int, int]]:
    """Canonical blocks of a source of `rows` rows: (block number, first row, row after the last).

    >>> list(blocks(10, 4))
    [(0, 0, 4), (1, 4, 8), (2, 8, 10)]
    """
    for number, start in enumerate(range(0, rows, size)):
        yield number, start, min(start + size, rows)
