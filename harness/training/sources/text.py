"""Files by suffix: CSV as text, JSON Lines and Parquet with their types."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from harness.errors import HarnessError
from harness.training import validation
from harness.training.config import Config
from harness.training.sources import columnar
from harness.training.sources.content import Content
from harness.training.sources.lines import read_lines
from harness.training.sources.table import Asked, Table

if TYPE_CHECKING:
    import pandas as pd

PART = 65_536
"""Lines of a CSV file that are read together where not all are wanted."""


def parse(content: Content, asked: Asked, config: Config) -> Table:
    """The table of these bytes. Raises HarnessError that names the line."""
    where = config.data.where
    try:
        if content.suffix == ".csv":
            table = _csv(content, asked, config)
        else:
            with content.open() as file:
                table = (_parquet if content.suffix == ".parquet" else _lines)(
                    file, content.sha256, where, asked
                )
        content.check()
    except OSError as error:
        raise HarnessError(
            f"cannot read the training data: {error.strerror or error}",
            where=where,
            hint="see to the disk that they lie on",
        ) from None
    return table


def _parquet(file: BinaryIO, sha256: str, where: str, asked: Asked) -> Table:
    opened = columnar.opened(file, where)
    names, rows = columnar.names_of(opened, where), opened.metadata.num_rows
    frame, kinds, places = columnar.read_parquet(opened, where, asked)
    return Table(frame, kinds, sha256, where, "row", 1, names, places, asked.sampled(rows))


def _lines(file: BinaryIO, sha256: str, where: str, asked: Asked) -> Table:
    frame, kinds, names, places, rows = read_lines(file, where, asked)
    return Table(frame, kinds, sha256, where, "line", 1, names, places, asked.sampled(rows))


def _csv(content: Content, asked: Asked, config: Config) -> Table:
    """Every cell as text (missing: NaN)."""
    import pandas as pd

    encoding, where = config.data.encoding, config.data.where
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise HarnessError(
            f'unknown encoding "{encoding}"',
            where=f"{config.path}: [data]",
            hint="name one that Python knows",
        ) from None
    try:
        with _text(content, encoding) as text:
            names, rows = validation.check_lines(csv.reader(text), config)
        with _text(content, encoding) as text:
            frame, places = _cells(text, asked if asked.key in names else replace(asked, share=1.0))
    except UnicodeDecodeError as error:
        raise HarnessError(
            f"cannot read the training data: {_place(content, error, encoding)}",
            where=where,
            hint="mend the file at that place, or name its encoding under [data], such as latin-1; text is UTF-8 "
            "unless it says otherwise",
        ) from None
    except (csv.Error, pd.errors.ParserError) as error:
        raise HarnessError(
            f"cannot read the training data: {str(error).strip()}",
            where=where,
            hint="mend the file at that place",
        ) from None
    return Table(frame, {}, content.sha256, where, "line", 2, names, places, asked.sampled(rows))


def _cells(text: TextIO, asked: Asked) -> tuple[pd.DataFrame, Any]:
    """The columns that are asked for, and the places of the rows where not all are read, else None."""
    import numpy as np
    import pandas as pd

    read: dict[str, Any] = {"dtype": object, "index_col": False, "usecols": asked.wants}
    if asked.whole:
        return pd.read_csv(text, **read), None
    parts, places, first = [], [], 0
    with pd.read_csv(text, chunksize=PART, **read) as chunks:
        for part in chunks:
            picked = asked.picked(part[asked.key])
            parts.append(part[picked])
            places.append(picked.nonzero()[0] + first)
            first += len(part)
    return pd.concat(parts, ignore_index=True), np.concatenate(places)


def _text(content: Content, encoding: str) -> TextIO:
    """The bytes as text, from the beginning."""
    return io.TextIOWrapper(content.open(), "utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def _place(content: Content, error: UnicodeDecodeError, encoding: str) -> str:
    """What cannot be decoded, and in which line: the error itself counts from the part that was at hand."""
    if "\n".encode(encoding) == b"\n":
        with content.open() as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode(encoding)
                except UnicodeDecodeError as found:
                    return f"line {number}: {found}"
    return str(error).strip()
