"""How much memory training takes, told before a table is read: from the description of a Parquet file, from the first
lines of a text, from what a query has given so far.

What counts is the table and what is made of it; the interpreter with its libraries stands beside it, whatever is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import Exit, HarnessError
from harness.training.config import Config
from harness.training.config.data import DataSection
from harness.training.sources import columnar
from harness.training.sources.content import Content
from harness.training.sources.table import Asked

TIMES = 4
"""Training takes so many times what the table takes; `benchmarks/training.py` measures it."""

NUMBER, TEXT = 8, 64
"""Bytes of a number, or of a reference to a text, in a column; and of a Python text beside its letters, reference
included."""

HEAD = 2**18
"""Bytes at the beginning of a text that its number of rows is told from."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a table in memory, and the most that are held while it is read or trained on. `about` where the rows
    are not counted."""

    rows: int
    columns: int
    table: int
    peak: int
    about: bool = False


def within(config: Config, content: Content, asked: Asked) -> Asked:
    """What is read of the content so that training stays within `memory_limit`: everything where it does, a sample
    where that is allowed. Raises E75 otherwise."""
    limit = config.data.most_memory
    if not limit:
        return asked
    size = size_of(config.data, content, asked)
    if size is None or size.peak <= limit:
        return asked
    share = int(1000 * limit / size.peak) / 1000
    if config.data.beyond == "sample" and share:
        return replace(asked, share=share)
    about = "about " if size.about else ""
    raise _beyond(
        config.data,
        f"training would take about {said(size.peak)}: the table has {about}{size.rows:,} rows of {size.columns} "
        f"columns, {said(size.table)} in memory",
        f'or say beyond = "sample" there: {share:.1%} of the rows' if share else "",
    )


def check_query(data: DataSection, rows: int, columns: int, size: int) -> None:
    """Raise E75 where what a query has given so far is too much; it is held as it came before it becomes a table."""
    limit = data.most_memory
    peak = size if data.beyond == "sample" else _of_cells(rows, columns, size).peak + size
    if limit and peak > limit:
        raise _beyond(
            data,
            f"training would take more than {said(peak)}: the query has given {rows:,} rows of {columns} columns, "
            "and has more",
            "or ask for fewer rows or columns",
        )


def size_of(data: DataSection, content: Content, asked: Asked) -> Size | None:
    """The size of the content as a table; None where nothing can be told of it."""
    with content.open() as file:
        if content.suffix == ".parquet":
            return _of_parquet(columnar.opened(file, data.where), asked)
        head = file.read(HEAD)
    lines = head.count(b"\n")
    columns = _columns(head, content.suffix, asked)
    if not lines or not columns:
        return None
    whole = len(head) == content.size
    rows = lines if whole else round(content.size * lines / (head.rindex(b"\n") + 1))
    return replace(_of_cells(rows, columns, content.size), about=not whole)


def said(size: float) -> str:
    """A size in words.

    >>> said(1536), said(3 * 2**30)
    ('1.5 KiB', '3 GiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"


def _of_parquet(opened: Any, asked: Asked) -> Size:
    about, rows = opened.metadata, opened.metadata.num_rows
    names = [name for name in opened.schema_arrow.names if asked.wants(name)]
    texts = {name for name in names if "string" in str(opened.schema_arrow.field(name).type)}
    stored = dict.fromkeys(texts, 0)
    for group in range(about.num_row_groups):
        for place in range(about.num_columns):
            column = about.row_group(group).column(place)
            if column.path_in_schema in texts:
                stored[column.path_in_schema] += column.total_uncompressed_size
    # equal texts are one in memory, and there are no more different ones than were written
    letters = sum(size + TEXT * min(rows, size // 8) for size in stored.values())
    table = NUMBER * rows * len(names) + letters
    return Size(rows, len(names), table, int(TIMES * table))


def _of_cells(rows: int, columns: int, size: int) -> Size:
    """Of a table whose cells are texts, or Python numbers, until all are read."""
    table = NUMBER * rows * columns
    return Size(rows, columns, table, max(int(TIMES * table), table + TEXT * rows * columns + size))


def _columns(head: bytes, suffix: str, asked: Asked) -> int:
    first = head.partition(b"\n")[0].decode("utf-8-sig", "replace")
    if suffix == ".jsonl":
        try:
            names = list(json.loads(first))
        except ValueError:
            return 0
    else:
        names = first.rstrip("\r").split(",")
    return len(names) if asked.names is None else min(len(names), len(asked.names))


def _beyond(data: DataSection, message: str, or_else: str) -> HarnessError:
    return HarnessError(
        f"{message}; memory_limit is {data.memory_limit}",
        where=data.where,
        hint=", ".join(
            one for one in ("raise memory_limit under [data], name fewer columns as features", or_else) if one
        ),
        code="E75",
        exit=Exit.INCONCLUSIVE,
    )
