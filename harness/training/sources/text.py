"""Files by suffix: CSV as text, JSON Lines and Parquet with their types."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.training import validation
from harness.training.config import Config
from harness.training.config.data import FILES
from harness.training.sources.lines import read_lines
from harness.training.sources.table import Table

if TYPE_CHECKING:
    import pandas as pd


def content_of(path: Path) -> bytes:
    """The bytes of the file. Raises HarnessError."""
    if path.suffix not in FILES:
        raise HarnessError(
            f"training data of type {path.suffix or 'unknown'} is not read",
            where=str(path),
            hint="write the table as .csv, .jsonl or .parquet",
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"cannot read the training data: {error.strerror}",
            where=str(path),
            hint="mend path under [data]; it is relative to the configuration file",
        ) from None


def parse(content: bytes, suffix: str, config: Config) -> Table:
    """The table of a file's bytes. Raises HarnessError that names the line."""
    where = config.data.where
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        if suffix == ".parquet":
            frame, kinds = _parquet(content, where)
            return Table(frame, kinds, sha256, where, "row", 1)
        if suffix == ".jsonl":
            frame, kinds = read_lines(content, where)
            return Table(frame, kinds, sha256, where, "line", 1)
        return Table(_csv(content, config), {}, sha256, where, "line", 2)
    except UnicodeDecodeError as error:
        raise HarnessError(
            f"cannot read the training data: {str(error).strip()}",
            where=where,
            hint="mend the file at that place, or name its encoding under [data], such as latin-1; text is UTF-8 "
            "unless it says otherwise",
        ) from None


def _csv(content: bytes, config: Config) -> pd.DataFrame:
    """The table with every cell as text (missing: NaN)."""
    import pandas as pd

    encoding = config.data.encoding
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except LookupError:
        raise HarnessError(
            f'unknown encoding "{encoding}"',
            where=f"{config.path}: [data]",
            hint="name one that Python knows",
        ) from None
    try:
        validation.check_lines(csv.reader(io.StringIO(text, newline="")), config)
        return pd.read_csv(io.StringIO(text, newline=""), dtype=object, index_col=False)
    except (csv.Error, pd.errors.ParserError) as error:
        raise HarnessError(
            f"cannot read the training data: {str(error).strip()}",
            where=config.data.where,
            hint="mend the file at that place",
        ) from None


def _parquet(content: bytes, where: str) -> tuple[pd.DataFrame, dict[str, str]]:
    import pandas as pd

    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except ImportError:
        raise HarnessError(
            "Parquet needs pyarrow, which the environment lacks",
            where=where,
            hint="add pyarrow to the list that the lock is compiled from, and compile the lock again",
        ) from None
    except (OSError, ValueError) as error:
        raise HarnessError(
            f"cannot read the training data: {str(error).strip().splitlines()[0]}",
            where=where,
            hint="write the file again; it is damaged, or no Parquet",
        ) from None
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    kinds = {}
    for name in frame.columns:
        kinds[name], frame[name] = _typed(frame[name], where)
    return frame, kinds


def _typed(column: pd.Series, where: str) -> tuple[str, pd.Series]:
    """The kind of a column of Parquet ("" where it holds nothing), and the column as numpy has it."""
    kind = column.dtype.kind if column.dtype.kind != "O" else ""
    if kind == "M":
        return "datetime", column.dt.tz_localize(None) if column.dt.tz is not None else column
    if kind == "b":
        return "bool", column.astype(object).where(column.notna(), None)
    if kind in "iu" and kind:
        if column.isna().any():
            return "float", column.astype("float64")
        return "int", column.astype("int64")
    if kind == "f":
        return "float", column.astype("float64")
    values = column.astype(object).where(column.notna(), None)
    types = {type(value) for value in values if value is not None}
    if not types:
        return "", values
    if types == {bool}:
        return "bool", values
    if types == {datetime.date}:
        return "datetime", column.astype("datetime64[ns]")
    if types != {str}:
        raise HarnessError(
            f'column "{column.name}" holds {", ".join(sorted(one.__name__ for one in types))}',
            where=where,
            hint="write the column as text, numbers, booleans or times: one of them",
        )
    return "str", values
