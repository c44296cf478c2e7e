"""The table as a file, made and written a part at a time: memory does not grow with the rows."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from harness.errors import Exit, HarnessError
from harness.files import replacing
from harness.training.synthetic.houses import KEY, Knobs, houses, true_price

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.training.planting import Recipe

PART = 65_536
"""Rows that are made at once; a row group of a Parquet file."""

SUFFIXES = (".parquet", ".csv", ".jsonl")

MOST = 2**53
"""Row numbers end where float64 no longer tells them apart."""


def write(
    path: Path,
    rows: int,
    *,
    first: int = 0,
    knobs: Knobs | None = None,
    truth: Path | None = None,
    planted: Recipe | None = None,
    say: Callable[[str], None] | None = None,
) -> None:
    """Write rows `first` to `first + rows - 1`; `truth` gets the key and the price before noise. A fault that is
    `planted` spoils the features, and leaves price and truth as they are.

    Raises HarnessError for a suffix that is none of SUFFIXES, knobs out of range, and a disk that does not take it;
    a file that was there is then untouched.
    """
    knobs = knobs or Knobs()
    _check(rows, first, knobs)
    for place in (path, truth) if truth else (path,):
        if place.suffix not in SUFFIXES:
            raise HarnessError(
                f"no table is written as {place.suffix or 'a file without a suffix'}",
                where=str(place),
                hint="end the name with one of " + ", ".join(SUFFIXES),
            )
    _write(path, first, rows, lambda start, count: _spoilt(houses(start, count, knobs), planted), say)
    if truth:

        def known(start: int, count: int) -> dict[str, npt.NDArray[Any]]:
            keys = houses(start, count, knobs)[KEY]
            return {KEY: keys, "true_price": true_price(start, count, knobs)}

        _write(truth, first, rows, known, None)


def _spoilt(columns: dict[str, npt.NDArray[Any]], planted: Recipe | None) -> dict[str, npt.NDArray[Any]]:
    if planted is None:
        return columns
    import pandas as pd

    from harness.training.planting.planted import before

    frame = before(pd.DataFrame(columns), dict(planted.keys))
    return {name: frame[name].to_numpy(object if columns[name].dtype == object else None) for name in columns}


def _check(rows: int, first: int, knobs: Knobs) -> None:
    limits = (
        ("rows", rows, 1, MOST), ("first", first, 0, MOST - rows), ("drift", knobs.drift, 0, 1),
        ("missing_at_random", knobs.missing_at_random, 0, 3),
        ("missing_not_at_random", knobs.missing_not_at_random, 0, 3),
        ("outliers", knobs.outliers, 0, 1), ("noise", knobs.noise, 0, 1),
        ("seed", knobs.seed, 0, 2**63),
    )  # fmt: skip
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise HarnessError(
                f"{name} is {value:g}",
                where="harness data synth",
                hint=f"choose a value from {low:g} to {high:g}",
            )


def _write(
    path: Path,
    first: int,
    rows: int,
    part: Callable[[int, int], dict[str, npt.NDArray[Any]]],
    say: Callable[[str], None] | None,
) -> None:
    add = {".parquet": _parquet, ".csv": _csv, ".jsonl": _lines}[path.suffix]
    try:
        with replacing(path) as file:
            finish = None
            for start in range(first, first + rows, PART):
                count = min(PART, first + rows - start)
                finish = add(file, part(start, count), finish)
                if say and (start - first + count) % (16 * PART) == 0:
                    say(f"{start - first + count:,} of {rows:,} rows")
            if path.suffix == ".parquet" and finish is not None:
                finish.close()
    except OSError as error:
        raise HarnessError(
            f"the table cannot be written: {error.strerror or error}",
            where=str(path),
            hint="make room, or name another place; what was there is untouched",
            exit=Exit.STORE,
        ) from None


def _parquet(file: BinaryIO, columns: dict[str, Any], writer: Any) -> Any:
    import pyarrow
    import pyarrow.parquet

    # NaN is how a part says that a number is missing; in a file, null says it
    table = pyarrow.table(
        {
            name: pyarrow.array(_as_stored(values), from_pandas=True, type=_ARROW[values.dtype.kind])
            for name, values in columns.items()
        }
    )
    writer = writer or pyarrow.parquet.ParquetWriter(file, table.schema)
    writer.write_table(table)
    return writer


# the types are fixed, as a part may be all gaps; a day is a time, since pandas makes Python objects of Arrow's dates
_ARROW: Mapping[str, Any] = {"O": "string", "M": "timestamp[ms]", "f": "float64", "i": "int64", "b": "bool"}


def _as_stored(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    # pyarrow 26 reads an array of days as if it were one of milliseconds, and takes what lies behind it
    return values.astype("datetime64[ms]") if values.dtype.kind == "M" else values


def _csv(file: BinaryIO, columns: dict[str, Any], begun: Any) -> bool:
    import pandas as pd

    text = pd.DataFrame(columns).to_csv(index=False, header=not begun, lineterminator="\n")
    file.write(text.encode())
    return True


def _lines(file: BinaryIO, columns: dict[str, Any], begun: Any) -> bool:
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
    for row in zip(*(values.tolist() for values in columns.values()), strict=True):
        file.write(f"{dump(dict(zip(columns, map(_plain, row), strict=True)))}\n".encode())
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return None if value != value else value
