"""JSON Lines: one object a line, every object with the same names; null is the one word for a missing value.

It is the form that snapshots of queries have too, since it tells text from numbers, and an empty text from none.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

from harness.errors import HarnessError
from harness.training.sources.table import Asked

if TYPE_CHECKING:
    import pandas as pd


def lines_of(names: list[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """Rows as canonical JSON Lines: the same bytes for the same values."""
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
    return "".join(dump(dict(zip(names, map(_plain, row), strict=True))) + "\n" for row in rows).encode()


def read_lines(
    file: BinaryIO, where: str, asked: Asked
) -> tuple[pd.DataFrame, dict[str, str], tuple[str, ...], list[int] | None, int]:
    """The columns that are asked for and their kinds, the names of all, the places of the rows where not all are
    read, else None, and how many there are. Raises HarnessError that names the line."""
    import pandas as pd

    names: tuple[str, ...] = ()
    columns: dict[str, list[Any]] = {}
    places: list[int] | None = None if asked.whole else []
    number = 0
    # lines of bytes, not of text: as text they would end at U+2028 and others too, which stand in texts as they are
    for number, line in enumerate(file, start=1):
        try:
            row = json.loads(
                line.decode("utf-8-sig" if number == 1 else "utf-8"),
                object_pairs_hook=_once,
                parse_constant=_no_constant,
            )
        except UnicodeDecodeError as error:
            raise HarnessError(
                f"cannot read the training data: line {number}: {error}",
                where=where,
                hint="mend the file at that place: JSON is UTF-8",
            ) from None
        except ValueError as error:
            raise _wrong(f"line {number} is no JSON: {error}", where) from None
        if not isinstance(row, dict):
            raise _wrong(f"line {number} is no object", where)
        if number == 1:
            names = tuple(row)
            columns = {name: [] for name in names if asked.wants(name)}
        if len(row) != len(names) or any(name not in row for name in names):
            odd = sorted(row.keys() ^ set(names))[0]
            said = f'lacks "{odd}", which line 1 has' if odd in names else f'has "{odd}", which line 1 lacks'
            raise _wrong(f"line {number} {said}", where)
        if places is not None:
            if not asked.picked([row.get(asked.key)])[0]:
                continue
            places.append(number - 1)
        for name, values in columns.items():
            values.append(row[name])
    if not number:
        raise HarnessError("the training data is empty", where=where, hint="give it rows")
    kinds = {name: _kind(name, values, where, places) for name, values in columns.items()}
    made = {name: _series(columns.pop(name), kind) for name, kind in kinds.items()}
    return pd.DataFrame(made, copy=False), kinds, names, places, number


def _kind(name: str, values: list[Any], where: str, places: list[int] | None) -> str:
    """The kind of a column: of one type, whole numbers beside others are floats."""
    first: dict[str, int] = {}
    for place, value in enumerate(values, start=1):
        if value is not None:
            first.setdefault(_KINDS.get(type(value), "other"), place)
    if places is not None:
        first = {kind: places[place - 1] + 1 for kind, place in first.items()}
    if "other" in first:
        raise _wrong(f'column "{name}" holds a list or an object in line {first["other"]}', where)
    if len(first.keys() - {"int", "float"}) + bool(first.keys() & {"int", "float"}) > 1:
        (one, here), (two, there) = sorted(first.items(), key=lambda item: item[1])[:2]
        raise _wrong(f'column "{name}" holds {one} in line {here} and {two} in line {there}', where)
    if first.keys() == {"int"} and None not in values and all(abs(value) < 2**53 for value in values):
        return "int"
    return "float" if first.keys() & {"int", "float"} else next(iter(first), "")


def _series(values: list[Any], kind: str) -> pd.Series:
    import pandas as pd

    if kind in ("int", "float"):
        return pd.Series(values, dtype="int64" if kind == "int" else "float64")
    return pd.Series(values, dtype=object)


_KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "str"}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | decimal.Decimal):
        value = float(value)
        if math.isinf(value):
            raise HarnessError(
                "a column holds an infinite number, which no pipeline takes",
                where="[data]",
                hint="leave those rows out of the source, or put nothing in its place",
            )
        return None if math.isnan(value) else value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if hasattr(value, "item"):
        return _plain(value.item())
    raise HarnessError(
        f"a value of type {type(value).__name__} has no place in a table",
        where="[data]",
        hint="leave that column out, or cast it to text or a number in the query",
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise ValueError("a name stands twice")
    return row


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _wrong(message: str, where: str) -> HarnessError:
    return HarnessError(message, where=where, hint="mend that line; write null where nothing is known")
