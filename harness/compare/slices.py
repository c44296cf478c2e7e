"""Slices: the same budget again within each value of a column, or within a condition.

A slice is named by a condition of the grammar of `where`, so that a name from a report can be pasted into a rule.
Tallies merge by name. At most `LIMIT` slices of a rule are judged; one more is kept, the first by name, so that
"too many" is known however the work was cut: the first K names of a union are among the first K of every part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.conditions import present
from harness.compare.where import Where, column_alone, parse, written
from harness.errors import HarnessError
from harness.tables import Bools, Column

LIMIT = 200
"""Slices of one rule on one source."""

KINDS = ("float", "int", "bool", "str", "datetime")
"""Columns that can be sliced by their values."""


@dataclass(frozen=True, slots=True)
class EachValue:
    """A slice for each value of a column, null among them."""

    column: str
    place: str = ""


Slicing = EachValue | Where


@dataclass(frozen=True, slots=True)
class SliceTally:
    """What one rule saw in one slice: `cases` of it, those compared, those that violate, the worst of these, and how
    many of them are `covered` by waivers.

    >>> SliceTally(5, 5, 1, 0.3, worst=(0.3, -7, "r7")) + SliceTally(2, 2, 1, 0.9, worst=(0.9, -9, "r9"))
    SliceTally(cases=7, compared=7, violations=2, largest=0.9, worst=(0.9, -9, 'r9'), covered=0)
    """

    cases: int = 0
    compared: int = 0
    violations: int = 0
    largest: float = 0.0
    worst: tuple[float, int, str] | None = None
    covered: int = 0

    def __add__(self, other: SliceTally) -> SliceTally:
        worst = [one.worst for one in (self, other) if one.worst is not None]
        return SliceTally(
            self.cases + other.cases,
            self.compared + other.compared,
            self.violations + other.violations,
            max(self.largest, other.largest),
            max(worst, default=None),
            self.covered + other.covered,
        )

    @property
    def worst_key(self) -> str:
        """The key of the worst violation: the largest, then the earliest."""
        return self.worst[2] if self.worst else ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SliceTally:
        """The inverse of `asdict`, after a round trip through JSON."""
        worst = data["worst"]
        return cls(**{**data, "worst": None if worst is None else (worst[0], worst[1], worst[2])})


def read(text: str, place: str) -> Slicing:
    """What one entry of `slices = […]` asks for: a column's name, or a condition.

    >>> read("district", "rule r").column
    'district'
    >>> read("year < 1950", "rule r").columns
    ('year',)
    """
    column = column_alone(text)
    return parse(text, place) if column is None else EachValue(column, place)


def columns_of(slicing: Slicing) -> tuple[str, ...]:
    """The columns that it needs."""
    return (slicing.column,) if isinstance(slicing, EachValue) else slicing.columns


def split(slicings: Sequence[Slicing], columns: Mapping[str, Column], cases: Bools) -> dict[str, Bools]:
    """The slices that have cases, by name in sorted order, as masks (n,) inside `cases` (n,)."""
    found: dict[str, Bools] = {}
    for slicing in slicings:
        if isinstance(slicing, Where):
            found[slicing.text] = slicing.mask(columns) & cases
        else:
            found |= _each(slicing, columns[slicing.column], cases)
    names = sorted(name for name, mask in found.items() if mask.any())
    return {name: found[name] for name in names[: LIMIT + 1]}


def first(slices: Mapping[str, SliceTally]) -> dict[str, SliceTally]:
    """No more than are needed to know that they are too many."""
    return {name: slices[name] for name in sorted(slices)[: LIMIT + 1]}


def tally(
    slicings: Sequence[Slicing],
    columns: Mapping[str, Column],
    cases: Bools,
    compared: Bools,
    violates: Bools,
    magnitude: npt.NDArray[np.float64],
    rows: Sequence[int] | npt.NDArray[np.int64],
    keys: npt.NDArray[Any],
    covered: Bools | None = None,
) -> dict[str, SliceTally]:
    """What was seen within each slice of one batch. All arrays have its length; `rows` are places in the source,
    `covered` the violations that waivers cover (None: none)."""
    found = {}
    for name, mask in split(slicings, columns, cases).items():
        bad = np.flatnonzero(violates & mask)
        worst = None
        if len(bad):
            at = int(bad[np.argmax(magnitude[bad])])
            worst = (float(magnitude[at]), -int(rows[at]), str(keys[at]))
        here = compared & mask
        found[name] = SliceTally(
            cases=int(mask.sum()),
            compared=int(here.sum()),
            violations=len(bad),
            largest=float(magnitude[here].max(initial=0.0)),
            worst=worst,
            covered=0 if covered is None else int((covered & mask).sum()),
        )
    return found


def _each(slicing: EachValue, column: Column, cases: Bools) -> dict[str, Bools]:
    here = present(column) & cases
    found = {f"{written(slicing.column)} is null": ~present(column) & cases}
    if not here.any():
        return found
    check_kind(slicing, column.kind)
    rows = np.flatnonzero(here)
    values, codes = np.unique(column.values[rows], return_inverse=True)
    names = [f"{written(slicing.column)} == {text}" for text in _literals(column.kind, values)]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names) + 1))
    # masks only for those that are kept: a column of keys has as many values as rows
    for name in sorted(names)[: LIMIT + 1]:
        place = names.index(name)
        mask = np.zeros(len(cases), bool)
        mask[rows[order[starts[place] : starts[place + 1]]]] = True
        found[name] = found[name] | mask if name in found else mask
    return found


def check_kind(slicing: EachValue, kind: str) -> None:
    """Raises HarnessError E27 for a column whose values name no slices; "" is a kind that is not known yet."""
    if kind and kind not in KINDS:
        raise HarnessError(
            f"column {slicing.column} holds {kind}, which has no slices",
            where=slicing.place,
            hint="slice by another column, or by a condition",
            code="E27",
        )


def _literals(kind: str, values: npt.NDArray[Any]) -> Iterator[str]:
    """Each value as the grammar writes it; a float that is whole is written as the integer, so that a column
    which is read as integers in one place and as floats in another has the same slices."""
    for value in values.astype("datetime64[ns]") if kind == "datetime" else values.tolist():
        if kind == "str":
            yield "'" + str(value).replace("'", "''") + "'"
        elif kind == "bool":
            yield "true" if value else "false"
        elif kind == "datetime":
            text = str(np.datetime_as_string(value, unit="ns"))
            yield text.removesuffix(".000000000").removesuffix("T00:00:00")
        elif kind == "float":
            yield str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
        else:
            yield str(value)
