"""Parquet, a column at a time: beside the table that comes of it, one column in Arrow's form is in memory.

A text stands in memory once, however many rows have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from harness.errors import HarnessError
from harness.training.sources.table import Asked

if TYPE_CHECKING:
    import pandas as pd

BATCH = 65_536
"""Rows that are looked at together where not all are wanted."""


def opened(file: BinaryIO, where: str) -> Any:
    """The file, of which nothing but its description is read. Raises HarnessError."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise HarnessError(
            "Parquet needs pyarrow, which the environment lacks",
            where=where,
            hint="add pyarrow to the list that the lock is compiled from, and compile the lock again",
        ) from None
    try:
        return pyarrow.parquet.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise _damaged(error, where) from None


def names_of(opened: Any, where: str) -> tuple[str, ...]:
    """The columns of the table; an index that pandas wrote beside it is none."""
    schema = opened.schema_arrow
    index = (schema.pandas_metadata or {}).get("index_columns", ())
    names = tuple(name for name in schema.names if name not in index)
    for name in names:
        if names.count(name) > 1:
            raise HarnessError(
                f'column "{name}" stands {names.count(name)} times',
                where=where,
                hint="give every column a name of its own",
            )
    return names


def read_parquet(opened: Any, where: str, asked: Asked) -> tuple[pd.DataFrame, dict[str, str], Any]:
    """The columns that are asked for, their kinds ("" for one that holds nothing), and the places of the rows where
    not all are read, else None. Raises HarnessError that names the column."""
    import pandas as pd
    import pyarrow

    names = [name for name in names_of(opened, where) if asked.wants(name)]
    table, places = None, None
    kinds: dict[str, str] = {}
    columns: dict[str, Any] = {}
    try:
        if not asked.whole and asked.key in names:
            table, places = _sample(opened, names, asked)
        for name in names:
            column = opened.read([name]).column(0) if table is None else table.column(name)
            kinds[name], columns[name] = _typed(column, name, where)
    except (OSError, ValueError) as error:
        raise _damaged(error, where) from None
    # its pool keeps what it has had for what may come, and nothing does
    pyarrow.default_memory_pool().release_unused()
    # without a copy, since one would put all columns of a kind together, and the table into memory twice
    # and each with the type that it has, since pandas would make one of its own of texts
    made = {name: pd.Series(values, dtype=values.dtype, copy=False) for name, values in columns.items()}
    return pd.DataFrame(made, copy=False), kinds, places


def _sample(opened: Any, names: list[str], asked: Asked) -> tuple[Any, Any]:
    import numpy as np
    import pyarrow

    parts, places, first = [], [], 0
    for batch in opened.iter_batches(BATCH, columns=names):
        _, keys = _typed(batch.column(asked.key), asked.key, "")
        picked = asked.picked(keys)
        parts.append(pyarrow.table(batch).filter(pyarrow.array(picked)))
        places.append(picked.nonzero()[0] + first)
        first += len(picked)
    empty = opened.schema_arrow.empty_table().select(names)
    return (pyarrow.concat_tables(parts) if parts else empty), (np.concatenate(places) if places else None)


def _typed(column: Any, name: str, where: str) -> tuple[str, Any]:
    """The kind of a column of Arrow, and its values as numpy has them: (n,)."""
    import numpy as np
    import pyarrow
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    boolean = types.is_boolean(kind)
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if types.is_null(kind) or ((text or boolean) and len(column) and column.null_count == len(column)):
        return "", np.full(len(column), None, dtype=object)
    if text:
        return "str", _texts(column)
    if types.is_dictionary(column.type):
        column = column.cast(kind)
    if boolean:
        values = column.to_numpy() if column.null_count == 0 else np.array(column.to_pylist(), dtype=object)
        return "bool", values
    if types.is_integer(kind) and column.null_count == 0:
        return "int", column.cast("int64").to_numpy()
    if types.is_integer(kind) or types.is_floating(kind):
        return "float", column.cast("float64", safe=False).to_numpy()
    if types.is_timestamp(kind) or types.is_date(kind):
        # a time with a zone is kept as what it is in UTC, which predict of the package makes of it too
        return "datetime", column.cast(pyarrow.timestamp(getattr(kind, "unit", "ms"))).to_numpy()
    raise HarnessError(
        f'column "{name}" holds {kind}',
        where=where,
        hint="write the column as text, numbers, booleans or times: one of them",
    )


def _texts(column: Any) -> Any:
    """(n,) of objects, NaN where there is none; rows with the same text share it."""
    import numpy as np
    import pyarrow

    if not pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if isinstance(column, pyarrow.ChunkedArray):
        column = column.unify_dictionaries()
        chunks = column.chunks
    else:
        chunks = [column]
    if not chunks:
        return np.empty(0, dtype=object)
    found = chunks[0].dictionary.to_pylist()
    levels = np.empty(len(found) + 1, dtype=object)
    levels[:-1], levels[-1] = found, np.nan
    levels[[place for place, level in enumerate(found) if level is None]] = np.nan
    codes = [
        chunk.indices.cast("int32").fill_null(len(found)).to_numpy(zero_copy_only=False) for chunk in chunks
    ]
    return levels[np.concatenate(codes)]


def _damaged(error: Exception, where: str) -> HarnessError:
    return HarnessError(
        f"cannot read the training data: {(str(error).strip() or type(error).__name__).splitlines()[0]}",
        where=where,
        hint="write the file again; it is damaged, or no Parquet",
    )
