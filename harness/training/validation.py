"""What training data must be: every fault is named with its column and row, and none is repaired in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config import Config

if TYPE_CHECKING:
    import pandas as pd

LEAST = 2
"""Rows needed on each side of the split."""


def check_lines(lines: Iterator[list[str]], config: Config) -> None:
    """A name for every column, each once, and as many cells in every line: pandas would fill or cut the others."""
    header = next(lines, [])
    if not header:
        raise HarnessError(
            "the training data is empty", where=str(config.data.file), hint="give it a header line and rows"
        )
    for name in header:
        if not name or header.count(name) > 1:
            raise HarnessError(
                f'column "{name}" stands {header.count(name)} times' if name else "a column has no name",
                where=str(config.data.file),
                hint="give every column a name of its own",
            )
    for number, line in enumerate(lines, start=2):
        if line and len(line) != len(header):
            raise HarnessError(
                f"line {number} has {len(line)} cells, the header {len(header)}",
                where=str(config.data.file),
                hint="mend that line; a comma inside a cell needs quotes",
            )


def check_columns(table: pd.DataFrame, config: Config) -> None:
    """Rows, and the columns that the configuration names."""
    if not len(table):
        raise HarnessError(
            "the training data has no rows", where=str(config.data.file), hint="give it rows to fit"
        )
    named = [("key", config.key), ("target", config.target)]
    named += [("features", name) for name in (*config.features, *config.kinds)]
    for role, name in named:
        if name not in table.columns:
            raise HarnessError(
                f'no column "{name}", which the configuration names as {role}',
                where=str(config.data.file),
                hint=did_you_mean(name, table.columns),
            )
    for name in config.features:
        if name in (config.key, config.target):
            raise HarnessError(
                f'"{name}" is {"key" if name == config.key else "target"} and feature at once',
                where=f"{config.path}: [data]",
                hint="take it out of features: the model would see its own answer or the row's name",
            )
    if config.key == config.target:
        raise HarnessError(
            f'"{config.key}" is key and target at once',
            where=f"{config.path}: [data]",
            hint="name two columns",
        )
    if not config.features and len(table.columns) < 3:
        raise HarnessError(
            "no feature is left beside key and target",
            where=str(config.data.file),
            hint="give the table features",
        )


def check_keys(keys: pd.Series, config: Config) -> None:
    """A key in every row, each once: the split and the fixtures name rows by it."""
    if keys.isna().any():
        raise HarnessError(
            f'key "{config.key}" is empty in {_rows(keys.isna())}',
            where=str(config.data.file),
            hint="every row needs a key",
        )
    twice = keys.duplicated(keep=False)
    if twice.any():
        first = keys[twice].iloc[0]
        raise HarnessError(
            f'key "{config.key}" is not unique: {first} stands {int((keys == first).sum())} times',
            where=str(config.data.file),
            hint="take out the duplicates, or name a column that is unique",
        )


def typed(column: pd.Series, kind: str, config: Config) -> pd.Series:
    """A column of text as numbers (float64) or as text (object); missing values are NaN."""
    import numpy as np

    if kind == "str":
        return column
    if kind == "bool":
        values = column.map({"True": 1.0, "true": 1.0, "1": 1.0, "False": 0.0, "false": 0.0, "0": 0.0})
        values = values.astype(np.float64)
    else:
        values = column.map(_number).astype(np.float64)
    wrong = values.isna() & column.notna()
    if kind == "int":
        wrong |= values.notna() & (values % 1 != 0)
    wrong |= np.isinf(values)
    if wrong.any():
        raise HarnessError(
            f'column "{column.name}" should be {kind}, but holds {column[wrong].iloc[0]!r} in {_rows(wrong)}',
            where=str(config.data.file),
            hint=f'mend the table, or say {column.name} = "str" under kinds',
        )
    return values


def target(column: pd.Series, kind: str, config: Config) -> Any:
    """The target as an array of shape (n,): float64 for a regression, else labels of one Python type."""
    import numpy as np

    if column.isna().any():
        raise HarnessError(
            f'target "{config.target}" is empty in {_rows(column.isna())}',
            where=str(config.data.file),
            hint="take out rows without a target",
        )
    if config.task == "regression":
        return typed(column, kind, config).to_numpy()
    if kind == "float":
        raise HarnessError(
            f'target "{config.target}" holds numbers with fractions, not labels',
            where=str(config.data.file),
            hint='say task = "regression", or give it labels',
        )
    if column.nunique() < 2:
        raise HarnessError(
            f'target "{config.target}" has one label only: {column.iloc[0]}',
            where=str(config.data.file),
            hint="a classifier needs rows of two labels or more",
        )
    if kind == "str":
        return column.to_numpy(dtype=object)
    return typed(column, kind, config).to_numpy().astype(np.int64 if kind == "int" else np.bool_)


def check_split(held: Any, labels: Any, config: Config) -> None:
    """Enough rows on both sides, and no label that is held out altogether."""
    sides = {"held out": int(held.sum()), "left to train on": int((~held).sum())}
    for side, rows in sides.items():
        if rows < LEAST:
            raise HarnessError(
                f"{rows} of {len(held)} rows are {side}: at least {LEAST} are needed",
                where=f"{config.path}: [split]",
                hint="give more rows, or another share",
            )
    if config.task == "classification":
        unseen = set(labels[held].tolist()) - set(labels[~held].tolist())
        if unseen:
            raise HarnessError(
                f"label {min(unseen, key=str)!r} is held out altogether: no row is left to learn it from",
                where=f"{config.path}: [split]",
                hint="give more rows of that label",
            )


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _rows(wrong: pd.Series) -> str:
    """The rows where something is wrong, by line of the table: `3 rows, the first in line 7`."""
    count = int(wrong.sum())
    line = int(wrong.to_numpy().argmax()) + 2
    return f"line {line}" if count == 1 else f"{count} rows, the first in line {line}"
