"""The data that flows through a run: columns, the batch of cases that is asked, the outcome that comes back.

A column is a numpy array and a mask of nulls; it never holds a library's own object, so that two versions under
different pandas can be compared. An outcome is always as long as its batch and in its order: a row without an
answer is faulted or dropped, never shifted.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import texts, worker
from harness.texts import Codes, Texts

KINDS = ("float", "int", "bool", "str", "bytes", "datetime", "json")
"""What a column can hold. `json` is a nested or mixed value, each kept as its own Python object."""

BLOCK = 4096
"""Rows of a canonical block: batches are cut here, and float sums are taken inside one, so that any grouping of
blocks gives the same bits (one row alone and in a batch are not bit-equal)."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One named-elsewhere column: `kind` of `KINDS`, `held` of n values, `null` of shape (n,) or None.

    `float` keeps NaN as a value; `null` marks what was absent (None, NaT, pd.NA). Text and bytes are buffers, codes
    of a few words, or an object array; json is an object array; datetimes are `datetime64[ns]`. Where `null` is true
    the value is unspecified. `form` says how a library held it where that is not the usual way, so that it comes back
    as it was: the name of a zone for datetimes, "category" or "ordered" with all of its words in the codes (with a list
    of them for numbers), "nullable" for numbers of pandas' own types, "decimal 2" for decimals with so many digits.

    >>> Column.of([1.0, None, float("nan")]).null.tolist()
    [False, True, False]
    """

    kind: str
    held: npt.NDArray[Any] | Texts | Codes
    null: Bools | None = None
    form: str = ""
    _objects: list[npt.NDArray[Any]] = field(default_factory=list, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.held)

    @property
    def values(self) -> npt.NDArray[Any]:
        """(n,) the values as an array, not to be written to; texts become Python objects when it is first asked for."""
        if isinstance(self.held, np.ndarray):
            return self.held
        if not self._objects:
            self._objects.append(texts.objects(self.held))
        return self._objects[0]

    @classmethod
    def of(cls, values: Iterable[Any]) -> Column:
        """A column from Python values or an array; the kind is the narrowest that holds every value."""
        kind, found, null = worker.column(values if isinstance(values, np.ndarray) else list(values))
        if not isinstance(found, np.ndarray):
            found = _array(kind.partition(" ")[0], found)
        return cls.told(kind, found, null)

    @classmethod
    def told(cls, said: str, held: Any, null: Any) -> Column:
        """A column as the wire tells of it: a kind, and maybe a form, its values and what of them is null."""
        kind, _, form = said.partition(" ")
        if isinstance(held, worker.Coded):
            held = Codes(held.codes, held.words) if form else texts.buffers(Codes(held.codes, held.words))
        return cls(kind, held, None if null is None else np.asarray(null, bool), form)

    @property
    def said(self) -> str:
        """The kind, and the form where there is one, as the wire says them."""
        return f"{self.kind} {self.form}" if self.form else self.kind

    def named(self, name: str) -> worker.Named:
        """The column as the wire takes it, texts as buffers; categories keep their codes."""
        as_buffers = isinstance(self.held, Codes) and not self.form
        held = texts.buffers(self.held, self.null) if as_buffers else self.held  # type: ignore[arg-type]  # codes
        return name, self.said, held, self.null

    @property
    def kind_known(self) -> str:
        """The kind, "" for a column without a value: it may be any."""
        return "" if self.null is not None and self.null.all() else self.kind

    def equal(self, other: Column) -> Bools:
        """(n,) where both hold the same value, null set aside; both are of one kind."""
        return texts.equal(self.held, other.held)

    def take(self, rows: Any) -> Column:
        """The same column for these rows (an index array, a mask or a slice)."""
        if isinstance(self.held, np.ndarray):
            held: Any = self.held[rows]
        elif texts.every_row(rows, len(self)):
            # most rules judge all rows, and texts are dear to move
            return self
        else:
            held = texts.take(self.held, rows)
        return Column(self.kind, held, None if self.null is None else self.null[rows], self.form)

    def item(self, row: int) -> Any:
        """The plain Python value of one row: None where null."""
        if self.null is not None and self.null[row]:
            return None
        value = self.held[row]
        if self.kind == "datetime":
            return _moment(value, self.form)
        return value.item() if isinstance(value, np.generic) else value

    def tolist(self) -> list[Any]:
        """Every row's plain Python value."""
        if isinstance(self.held, np.ndarray):
            return [self.item(row) for row in range(len(self))]
        values = self.held.tolist()
        if self.null is None:
            return values
        return [None if gone else value for value, gone in zip(values, self.null.tolist(), strict=True)]

    @staticmethod
    def absent(like: Column, rows: int) -> Column:
        """So many rows without a value, of the kind of another column."""
        held = texts.empty(rows, like.kind == "str") if like.kind in ("str", "bytes") else None
        values = np.zeros(rows, like.values.dtype) if held is None else held
        return Column(like.kind, values, np.ones(rows, bool))

    @staticmethod
    def concat(parts: Sequence[Column]) -> Column:
        """The parts one after another; kinds must agree, an integer beside floats becomes float. A form that not all
        of them have is that of none."""
        kinds = {part.kind for part in parts}
        kind = parts[0].kind if len(kinds) == 1 else "float" if kinds <= {"int", "float"} else "json"
        null = None
        if any(part.null is not None for part in parts):
            null = np.concatenate([np.zeros(len(p), bool) if p.null is None else p.null for p in parts])
        forms = {part.form for part in parts}
        form = forms.pop() if len(forms) == 1 and len(kinds) == 1 else ""
        if kind in ("str", "bytes") and (held := _joined([part.held for part in parts])) is not None:
            return Column(kind, held, null, form if isinstance(held, Codes) else "")
        arrays = [part.values if kind != "json" else part.values.astype(object) for part in parts]
        form = "" if form in worker.CATEGORIES else form
        return Column(kind, np.concatenate(arrays), null, form)


def _joined(parts: Sequence[Any]) -> Texts | Codes | None:
    """Texts or codes one after another; None where some are plain objects."""
    if all(isinstance(part, Codes) for part in parts) and texts.same_words(parts):
        return Codes(np.concatenate([part.codes for part in parts]), parts[0].words)
    if all(isinstance(part, Texts | Codes) for part in parts):
        return texts.concat([texts.buffers(part) for part in parts])
    return None


def _moment(value: np.datetime64, zone: str) -> str:
    """ISO 8601, as short as nothing is lost; with its offset where there is a zone."""
    if not zone or np.isnat(value):
        return str(np.datetime_as_string(value, unit="auto"))
    known = worker.zone_named(zone)
    offset = None if known is None else value.astype("datetime64[us]").item().replace(tzinfo=datetime.UTC)
    offset = None if offset is None else offset.astimezone(known).utcoffset()
    if not offset:
        return f"{np.datetime_as_string(value, unit='auto')}Z"
    there = np.datetime_as_string(value + np.timedelta64(offset), unit="auto")
    minutes = abs(offset) // datetime.timedelta(minutes=1)
    sign = "-" if offset < datetime.timedelta(0) else "+"
    return f"{there}{sign}{minutes // 60:02}:{minutes % 60:02}"


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
    """Cases to be asked: input columns of equal length, a key for each case, and what no model ever sees: labels, and
    the columns that lie `beside` the inputs in a table, for conditions alone.

    `source` names the input source, `block` is the number of its canonical block and `start` the first row's
    place in the source; the boundaries belong to the plan. `keys` has shape (n,), unique within the source.
    """

    source: str
    block: int
    start: int
    keys: npt.NDArray[Any]
    columns: Mapping[str, Column]
    target: Column | None = None
    beside: Mapping[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def whole(self) -> Mapping[str, Column]:
        """Every column by which a condition can choose cases: the inputs, and what lies beside them."""
        return {**self.beside, **self.columns} if self.beside else self.columns

    def given(self, names: Collection[str] | None = None) -> Batch:
        """The batch as it is given to a version that takes these columns (None: every input column), with nothing
        beside. The same object where nothing has to go, so that it travels once to two versions that take it whole."""
        if not self.beside and (names is None or set(names) >= set(self.columns)):
            return self
        columns = {name: column for name, column in self.columns.items() if names is None or name in names}
        return Batch(self.source, self.block, self.start, self.keys, columns)

    def take(self, rows: Any) -> Batch:
        """The same batch for these rows only."""
        return Batch(
            self.source,
            self.block,
            self.start,
            self.keys[rows],
            {name: column.take(rows) for name, column in self.columns.items()},
            None if self.target is None else self.target.take(rows),
            {name: column.take(rows) for name, column in self.beside.items()},
        )

    @property
    def key(self) -> str:
        """The input column that holds the keys, "" where no version is given one: a reply that carries it says which
        case each answer is of."""
        for name, column in self.columns.items():
            if column.kind not in ("int", "str") or not len(self) or column.null is not None:
                continue
            if column.item(0) == self.keys[0] and column.tolist() == self.keys.tolist():
                return name
        return ""

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
