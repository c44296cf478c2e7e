"""Fixed tables: Parquet, CSV or JSON Lines, read in chunks and cut into canonical blocks.

The blocks depend on the rows alone, never on how a file happens to be chunked. Many files under one glob are one
source, in the order of their names.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from harness.compare.tally import Tally
from harness.errors import Exit, HarnessError, did_you_mean
from harness.inputs import Step
from harness.schema import Field, Schema
from harness.settings import Input
from harness.tables import BLOCK, Batch, Column

_ARROW = {
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "str": pa.string(),
    "datetime": pa.timestamp("ns"),
}


class TableSource:
    """One `[[tool.harness.inputs]]` with a `path`. Checked when it is made: files, columns, keys, rows."""

    search = False

    def __init__(self, item: Input, root: Path, schema: Schema | None) -> None:
        self.name = item.name
        self.where = item.path
        self.labelled = bool(item.target)
        self._key, self._target, self._schema = item.key, item.target, schema
        found = sorted(glob.glob(str(root / item.path), recursive=True))
        self._files = [Path(name) for name in found]
        if not self._files:
            raise HarnessError(
                f"input source {item.name}: no file matches {item.path}",
                where=str(root),
                hint="mend its path; it is relative to the configuration file",
            )
        self._columns = self._check_columns()
        self._rows = self._check_rows()

    def planned(self) -> int:
        """Rows of all files."""
        return self._rows

    def drive(self, step: Step) -> Tally:
        """Every block in order."""
        return sum((step(batch) for batch in self.batches()), Tally())

    def batches(self) -> Iterator[Batch]:
        """The canonical blocks."""
        for number, table in enumerate(_cut(self._tables(), BLOCK)):
            start = number * BLOCK
            if self._key:
                keys = table.column(self._key).combine_chunks().to_numpy(zero_copy_only=False)
            else:
                keys = np.arange(start, start + len(table))
            columns = {name: self._column(table, name) for name in self._columns}
            target = _column(table.column(self._target)) if self._target else None
            yield Batch(self.name, number, start, keys, columns, target)

    def kinds(self) -> dict[str, str]:
        """The kind of each input column: as the schema says, else as the first block holds it ("" for no values)."""
        if self._schema is not None:
            return {name: self._schema[name].kind for name in self._columns}
        first = next(self.batches())
        return {
            name: "" if column.null is not None and column.null.all() else column.kind
            for name, column in first.columns.items()
        }

    def _column(self, table: pa.Table, name: str) -> Column:
        column = _column(table.column(name))
        if self._schema is not None and name in self._schema:
            return self._as_declared(column, self._schema[name])
        return column

    def _as_declared(self, column: Column, field: Field) -> Column:
        if column.kind == field.kind or field.kind == "json":
            return column
        if column.null is not None and column.null.all():
            empty = {"float": np.nan, "int": 0, "bool": False}.get(field.kind, "")
            dtype: Any = {"float": np.float64, "int": np.int64, "bool": np.bool_}.get(field.kind, object)
            return Column(field.kind, np.full(len(column), empty, dtype), column.null)
        if field.kind == "float" and column.kind == "int":
            return Column("float", column.values.astype(np.float64), column.null)
        if field.kind == "int" and column.kind == "float":
            present = column.values if column.null is None else column.values[~column.null]
            if np.all(np.mod(present, 1) == 0):
                values = column.values if column.null is None else np.where(column.null, 0, column.values)
                return Column("int", values.astype(np.int64), column.null)
        raise HarnessError(
            f"column {field.name} holds {column.kind}, the schema says {field.kind}",
            where=f"input source {self.name} ({self.where})",
            hint="mend the table, or train with a schema that fits it",
        )

    def _tables(self) -> Iterator[pa.Table]:
        for path in self._files:
            try:
                yield from _read(path, self._schema)
            except (pa.ArrowInvalid, UnicodeDecodeError) as error:
                raise _unreadable(self.name, path, error) from None

    def _check_columns(self) -> list[str]:
        names = _column_names(self.name, self._files[0], self._schema)
        place = f"input source {self.name} ({self.where})"
        wanted = [("key", self._key), ("target", self._target)]
        for role, column in wanted:
            if column and column not in names:
                raise HarnessError(
                    f"no column {column}, which should be the {role}",
                    where=place,
                    hint=did_you_mean(column, names),
                )
        if self._schema is None:
            return [name for name in names if name not in (self._key, self._target)]
        lacking = [name for name in self._schema.names if name not in names]
        if lacking:
            raise HarnessError(
                f"the table lacks {len(lacking)} of the schema's columns: {', '.join(lacking)}",
                where=place,
                hint=did_you_mean(lacking[0], names),
            )
        return [name for name in self._schema.names if name != self._target]

    def _check_rows(self) -> int:
        rows, keys = 0, []
        for path in self._files:
            try:
                if path.suffix == ".parquet" and not self._key:
                    rows += pa.parquet.ParquetFile(path).metadata.num_rows
                    continue
                for table in _read(path, self._schema):
                    rows += len(table)
                    if self._key:
                        keys.append(table.column(self._key))
            except (pa.ArrowInvalid, UnicodeDecodeError) as error:
                raise _unreadable(self.name, path, error) from None
        place = f"input source {self.name} ({self.where})"
        if rows == 0:
            raise HarnessError(
                "0 of 0 comparisons: the table has no rows",
                where=place,
                hint="give the source a table with cases",
                code="E10",
                exit=Exit.INCONCLUSIVE,
            )
        if self._key:
            chunks = pa.chunked_array([chunk for column in keys for chunk in column.chunks])
            if chunks.null_count:
                raise HarnessError(
                    f"key {self._key} has empty values", where=place, hint="every case needs a key"
                )
            counts = pc.value_counts(chunks)
            twice = counts.filter(pc.greater(counts.field("counts"), 1))
            if len(twice):
                raise HarnessError(
                    f"key {self._key} is not unique: {twice[0]['values']} stands {twice[0]['counts']} times",
                    where=place,
                    hint="choose a column that names each case once, or leave key out to use the row number",
                )
        return rows


def _read(path: Path, schema: Schema | None) -> Iterator[pa.Table]:
    """Tables of whatever size the format gives."""
    match path.suffix:
        case ".parquet":
            with pa.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=BLOCK * 16):
                    yield pa.Table.from_batches([batch])
        case ".csv":
            types = {field.name: _ARROW[field.kind] for field in schema or () if field.kind in _ARROW}
            convert = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
            with pa.csv.open_csv(path, convert_options=convert) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])
        case ".jsonl" | ".ndjson":
            if path.stat().st_size:
                fields = [(field.name, _ARROW[field.kind]) for field in schema or () if field.kind in _ARROW]
                options = pa.json.ParseOptions(
                    explicit_schema=pa.schema(fields) if fields else None, unexpected_field_behavior="infer"
                )
                yield pa.json.read_json(path, parse_options=options)
        case other:
            raise HarnessError(
                f"tables of type {other or 'unknown'} are not read",
                where=str(path),
                hint="use .parquet, .csv or .jsonl",
            )


def _column_names(source: str, path: Path, schema: Schema | None) -> list[str]:
    try:
        if path.suffix == ".parquet":
            return list(pa.parquet.read_schema(path).names)
        first = next(iter(_read(path, schema)), None)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _unreadable(source, path, error) from None
    if first is None:
        raise HarnessError(
            "0 of 0 comparisons: the table has no rows",
            where=f"input source {source} ({path.name})",
            hint="give the source a table with cases",
            code="E10",
            exit=Exit.INCONCLUSIVE,
        )
    return list(first.column_names)


def _unreadable(source: str, path: Path, error: Exception) -> HarnessError:
    words = str(error).splitlines()[0][:200]
    return HarnessError(
        f"cannot read the table: {words}",
        where=f"input source {source} ({path.name})",
        hint="mend the file at that place; text is UTF-8",
    )


def _cut(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `size`, the last one shorter."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += len(table)
        while rows >= size:
            whole = pa.concat_tables(waiting, promote_options="default")
            yield whole.slice(0, size)
            waiting, rows = [whole.slice(size)], rows - size
    if rows:
        yield pa.concat_tables(waiting, promote_options="default")


def _column(data: pa.ChunkedArray) -> Column:
    """An Arrow column as the harness's own."""
    array = data.combine_chunks()
    kind = array.type
    null = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_floating(kind):
        return Column("float", array.to_numpy(zero_copy_only=False), null)
    if pa.types.is_integer(kind):
        return Column("int", array.fill_null(0).to_numpy(zero_copy_only=False), null)
    if pa.types.is_boolean(kind):
        return Column("bool", array.fill_null(False).to_numpy(zero_copy_only=False), null)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        stamps = array.cast(pa.timestamp("ns")).to_numpy(zero_copy_only=False)
        return Column("datetime", stamps.astype("datetime64[ns]"), null)
    if pa.types.is_null(kind):
        return Column("float", np.full(len(array), np.nan), np.ones(len(array), bool))
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    values = np.empty(len(array), dtype=object)
    values[:] = array.to_pylist()
    return Column("str" if text else "bytes" if binary else "json", values, null)
