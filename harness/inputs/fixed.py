"""Fixed tables: Parquet, CSV or JSON Lines, read in chunks and cut into canonical blocks.

The blocks depend on the rows alone, never on how a file happens to be chunked. Many files under one glob are one
source, in the order of their names.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import replace
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
from harness.texts import Codes, Texts
from harness.worker import usual_zone

_ARROW = {
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "str": pa.string(),
    "datetime": pa.timestamp("ns"),
}


_UNREADABLE = (pa.ArrowException, OSError, KeyError, UnicodeDecodeError)
"""What reading a table may raise, whatever is wrong with the file."""

_EMPTY_WORDS = pa.array(pa.csv.ConvertOptions().null_values)
"""Texts that mean "no value" in a column of a CSV file of which nothing else is known: `NA`, `null`, `nan`, …"""

_DIGITS = 15
"""Digits that a decimal may have so that a float holds it, and gives it back."""

_NULLABLE = re.compile(r"(U?Int(8|16|32|64)|Float(32|64)|boolean)\Z")
"""pandas' own types of numbers that may be absent, as a Parquet file names them."""


class TableSource:
    """One `[[tool.harness.inputs]]` with a `path`. Checked when it is made: files, columns, keys, rows.

    `named` are columns that conditions name; those of them that no version takes lie beside the inputs in each batch.
    """

    search = False

    def __init__(self, item: Input, root: Path, schema: Schema | None, named: Collection[str] = ()) -> None:
        self.name = item.name
        self.where = item.path
        self.labelled = bool(item.target)
        self._key, self._target, self._schema, self._named = item.key, item.target, schema, named
        self._keep = item.keep
        found = [Path(name) for name in sorted(glob.glob(str(root / item.path), recursive=True))]
        self._files = [path for path in found if not path.is_dir()]
        if not self._files:
            raise HarnessError(
                f"input source {item.name}: {item.path} is a folder"
                if found
                else f"input source {item.name}: no file matches {item.path}",
                where=str(root),
                hint="name its files, such as FOLDER/*.parquet"
                if found
                else "mend its path; it is relative to the configuration file",
            )
        self._nullable: frozenset[str] = frozenset()
        self._all: tuple[str, ...] = ()
        self._columns = self._check_columns()
        self._words: dict[str, pa.Array] | None = None
        self._rows = self._check_rows()

    def planned(self) -> int:
        """Rows of all files."""
        return self._rows

    def binds(self) -> str:
        """Its key, its label, the columns that a version is given, and those that none is."""
        words = [f"key {self._key}" if self._key else "keyed by row number"]
        words += [f"label {self._target}"] if self._target else []
        words.append("gives " + ", ".join(self._columns))
        left = [name for name in self._all if name in self.beside() - {self._key, self._target}]
        words += ["gives no version " + ", ".join(left)] if left else []
        return "; ".join(words)

    def drive(self, step: Step) -> Tally:
        """Every block in order."""
        return sum((step(batch) for batch in self.batches()), Tally())

    def batches(self) -> Iterator[Batch]:
        """The canonical blocks."""
        tables = enumerate(_cut(self._tables(), BLOCK))
        while True:
            try:
                number, table = next(tables)
                batch = self._batch(number, table)
            except StopIteration:
                return
            except _UNREADABLE as error:
                raise _unreadable(self.name, self.where, error) from None
            yield batch

    def _batch(self, number: int, table: pa.Table) -> Batch:
        start = number * BLOCK
        if self._key:
            keys = table.column(self._key).combine_chunks().to_numpy(zero_copy_only=False)
        else:
            keys = np.arange(start, start + len(table))
        columns = {name: self._column(table, name) for name in self._columns}
        target = _column(table.column(self._target)) if self._target else None
        beside = {name: _column(table.column(name)) for name in self._beside(self._columns)}
        return Batch(self.name, number, start, keys, columns, target, beside)

    def kinds(self) -> dict[str, str]:
        """The kind of each column of the table: as the schema says, else as the first block holds it; "" for no values,
        and for what is not read, since no condition names it."""
        found = dict.fromkeys(self._all, "")
        if self._schema is None or self._beside(self._columns):
            found |= {name: column.kind_known for name, column in next(self.batches()).whole.items()}
        if self._schema is not None:
            found |= {name: self._schema[name].kind for name in self._columns}
        return found

    def beside(self) -> frozenset[str]:
        """The columns that no version is given, read or not."""
        return frozenset(self._all) - frozenset(self._columns)

    def _beside(self, columns: Collection[str]) -> list[str]:
        return [name for name in self._all if name in self._named and name not in columns]

    def _column(self, table: pa.Table, name: str) -> Column:
        data = table.column(name)
        if self._schema is not None and name in self._schema:
            return self._as_declared(_column(data), self._schema[name])
        if pa.types.is_dictionary(data.type):
            return _categories(data, self._all_words()[name])
        return _as_it_is(data, name in self._nullable)

    def _all_words(self) -> dict[str, pa.Array]:
        """All categories of each column of categories, since a block of a file may know only of some."""
        if self._words is None:
            parts: dict[str, list[pa.Array]] = {}
            for table in self._tables():
                for name in self._columns:
                    if pa.types.is_dictionary(table.schema.field(name).type):
                        # words without rows: it is they that are wanted
                        parts.setdefault(name, []).extend(
                            pa.DictionaryArray.from_arrays(
                                chunk.indices[:0], chunk.dictionary, ordered=chunk.type.ordered
                            )
                            for chunk in table.column(name).chunks
                        )
            self._words = {name: self._one_order(name, chunks) for name, chunks in parts.items()}
        return self._words

    def _one_order(self, name: str, chunks: list[pa.DictionaryArray]) -> pa.Array:
        words = [chunk.dictionary for chunk in chunks]
        if chunks[0].type.ordered and any(not one.equals(words[0]) for one in words):
            raise HarnessError(
                f"column {name} has ordered categories, and not the same everywhere",
                where=f"input source {self.name} ({self.where})",
                hint="write every file with all categories in one order",
            )
        return pa.concat_arrays(words).unique()

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
            # 2**63 and beyond is no int64: it would come out as another number
            if np.all((np.trunc(present) == present) & (present >= -(2.0**63)) & (present < 2.0**63)):
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
                for table in _read(path, self._schema):
                    yield table.select(self._wanted(self._columns))
            except _UNREADABLE as error:
                raise _unreadable(self.name, path.name, error) from None

    def _check_columns(self) -> list[str]:
        """The columns that the versions are given; every file has them, and of one type."""
        schemas = [
            (path, found)
            for path in self._files
            if (found := _schema_of(self.name, path, self._schema)) is not None
        ]
        if not schemas:
            raise _no_rows(f"input source {self.name} ({self.where})")
        columns = self._check_names(*schemas[0])
        about = (schemas[0][1].pandas_metadata or {}).get("columns", ())
        self._nullable = frozenset(
            str(one.get("field_name")) for one in about if _NULLABLE.match(str(one.get("numpy_type")))
        )
        self._all = self._in_every_file(schemas)
        types: dict[str, tuple[pa.DataType, Path]] = {}
        for path, schema in schemas:
            if sorted(self._check_names(path, schema)) != sorted(columns):
                raise HarnessError(
                    f"{path.name} has other columns than {schemas[0][0].name}",
                    where=f"input source {self.name} ({self.where})",
                    hint="give every file of a source the same columns",
                )
            for name in self._wanted(columns):
                kind = schema.field(name).type
                self._check_type(path, name, kind)
                known, first = types.setdefault(name, (kind, path))
                if pa.types.is_null(known):
                    types[name] = (kind, path)
                elif kind != known and not pa.types.is_null(kind):
                    raise HarnessError(
                        f"column {name} holds {kind} in {path.name} and {known} in {first.name}",
                        where=f"input source {self.name} ({self.where})",
                        hint="write the column with one type in every file",
                    )
        return columns

    def _wanted(self, columns: list[str]) -> list[str]:
        """What is read of every file: no other column can be wrong."""
        roles = filter(None, (self._key, self._target))
        return list(dict.fromkeys([*columns, *roles, *self._beside(columns)]))

    def _in_every_file(self, schemas: Sequence[tuple[Path, pa.Schema]]) -> tuple[str, ...]:
        """The columns of the table, in the order of its first file: those that every file has. E27 where one that is to
        be kept is none of them; a condition that names none is refused where the rules are bound."""
        found = tuple(
            name for name in schemas[0][1].names if all(name in schema.names for _, schema in schemas)
        )
        for name in self._keep:
            if name not in found:
                raise HarnessError(
                    f"no column {name} in every file, which should be kept",
                    where=f"input source {self.name} ({self.where}), keep",
                    hint=did_you_mean(name, found),
                    code="E27",
                )
        return found

    def _check_type(self, path: Path, name: str, kind: pa.DataType) -> None:
        if pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
            raise HarnessError(
                f"column {name} holds {kind}, which no version can be given and no condition compared with",
                where=f"input source {self.name} ({path.name})",
                hint="write it as text, as a number of seconds, or as a date with a time",
            )

    def _check_names(self, path: Path, schema: pa.Schema) -> list[str]:
        names = list(schema.names)
        place = f"input source {self.name} ({path.name})"
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        if twice:
            raise HarnessError(
                f"column {twice[0]} stands {names.count(twice[0])} times",
                where=place,
                hint="name each column once",
            )
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
            except _UNREADABLE as error:
                raise _unreadable(self.name, path.name, error) from None
        place = f"input source {self.name} ({self.where})"
        if rows == 0:
            raise _no_rows(place)
        if self._key:
            try:
                full = [column for column in keys if not pa.types.is_null(column.type)] or keys
                chunks = pa.chunked_array([chunk for column in full for chunk in column.chunks])
                counts = pc.value_counts(chunks)
            except _UNREADABLE as error:
                raise _unreadable(self.name, self.where, error) from None
            if chunks.null_count or len(full) < len(keys):
                raise HarnessError(
                    f"key {self._key} has empty values", where=place, hint="every case needs a key"
                )
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
            words = {field.name for field in schema or () if field.kind == "str"}
            with pa.csv.open_csv(path, convert_options=_conversion(schema)) as reader:
                for batch in reader:
                    yield _with_nulls(pa.Table.from_batches([batch]), words)
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


def _conversion(schema: Schema | None) -> pa.csv.ConvertOptions:
    types = {field.name: _ARROW[field.kind] for field in schema or () if field.kind in _ARROW}
    return pa.csv.ConvertOptions(column_types=types)


def _with_nulls(table: pa.Table, declared: Set[str]) -> pa.Table:
    """Text of a CSV file with its nulls. Of a column that the schema calls text only the empty field is null, since
    `NA` may be a category there."""
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(number)
            empty = (
                _EMPTY_WORDS.filter(pc.equal(_EMPTY_WORDS, "")) if field.name in declared else _EMPTY_WORDS
            )
            null = pc.is_in(column, value_set=empty)
            table = table.set_column(number, field, pc.if_else(null, pa.scalar(None, field.type), column))
    return table


def _schema_of(source: str, path: Path, schema: Schema | None) -> pa.Schema | None:
    """Names and types of one file; None for a JSON Lines file without a line."""
    try:
        if path.suffix == ".parquet":
            return pa.parquet.read_schema(path)
        if path.suffix == ".csv":
            with pa.csv.open_csv(path, convert_options=_conversion(schema)) as reader:
                return reader.schema
        first = next(iter(_read(path, schema)), None)
    except _UNREADABLE as error:
        raise _unreadable(source, path.name, error) from None
    return None if first is None else first.schema


def _no_rows(place: str) -> HarnessError:
    return HarnessError(
        "0 of 0 comparisons: the table has no rows",
        where=place,
        hint="give the source a table with cases",
        code="E10",
        exit=Exit.INCONCLUSIVE,
    )


def _unreadable(source: str, name: str, error: Exception) -> HarnessError:
    words = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return HarnessError(
        f"cannot read the table: {words}",
        where=f"input source {source} ({name})",
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
    """An Arrow column as the harness's own. Numbers without nulls, texts and codes stay where Arrow has them."""
    array = data.combine_chunks()
    kind = array.type
    null = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if pa.types.is_dictionary(kind):
        if (held := _codes(array)) is not None:
            return Column("str", held, null)
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
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
    if _is_text(kind):
        return Column("str", _texts(array, pa.large_string()), null)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return Column("bytes", _texts(array, pa.large_binary()), null)
    values = np.empty(len(array), dtype=object)
    values[:] = array.to_pylist()
    return Column("json", values, null)


def _as_it_is(data: pa.ChunkedArray, nullable: bool) -> Column:
    """`_column`, and in what form a version has to be given it so that it is what the file holds."""
    kind = data.type
    if pa.types.is_decimal(kind):
        if kind.precision <= _DIGITS and kind.scale >= 0:
            return replace(_column(data), form=f"decimal {kind.scale}")
        array = data.combine_chunks()
        values = np.empty(len(array), dtype=object)
        values[:] = array.to_pylist()
        return Column(
            "json", values, array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        )
    column = _column(data)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return replace(column, form=usual_zone(kind.tz) or "UTC")
    return (
        replace(column, form="nullable") if nullable and column.kind in ("float", "int", "bool") else column
    )


def _categories(data: pa.ChunkedArray, words: pa.Array) -> Column:
    """A column of categories with all of them: codes of texts, or numbers with a list of the numbers there are."""
    form = "ordered" if data.type.ordered else "category"
    none = pa.DictionaryArray.from_arrays(
        pa.array([], data.type.index_type), words, ordered=data.type.ordered
    )
    array = pa.chunked_array([none, *data.chunks]).unify_dictionaries().combine_chunks()
    null = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if _is_text(words.type) and len(words) and not words.null_count:
        codes = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
        return Column("str", Codes(codes, _texts(words, pa.large_string())), null, form)
    column = _column(data)
    if column.kind not in ("float", "int", "bool") or words.null_count:
        return column
    return replace(column, form=f"{form} {json.dumps(words.to_pylist())}")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _texts(array: pa.Array, kind: pa.DataType) -> Texts:
    """Arrow's own offsets and bytes. What is null is an empty text, whatever lies there."""
    text = pa.types.is_large_string(kind)
    if array.null_count:
        array = array.fill_null("" if text else b"")
    array = array.cast(kind)
    if text:
        # files are not asked whether their text is UTF-8 when they are read
        array.validate(full=True)
    _, marks, blob = array.buffers()
    offsets = np.frombuffer(marks, np.int64)[array.offset : array.offset + len(array) + 1]
    return Texts(text, offsets, np.frombuffer(blob or b"", np.uint8))


def _codes(array: pa.DictionaryArray) -> Codes | None:
    """Arrow's own codes of a column of categories; None where the words are no texts, not few, or not different."""
    words = array.dictionary
    if not _is_text(words.type) or not 0 < len(words) <= len(array) or words.null_count:
        return None
    if len(words.unique()) < len(words):
        return None
    return Codes(array.indices.fill_null(0).to_numpy(zero_copy_only=False), _texts(words, pa.large_string()))
