"""What training data must be: every fault is named with its column and row, and none is repaired in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config import Config
from harness.training.config.recipes import RecipesSection

if TYPE_CHECKING:
    import pandas as pd

    from harness.training.sources.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The different texts of a column, (k,), and which of them each row has: `places` (n,), -1 where none."""

    places: Any
    levels: Any

    def without(self, gone: Any) -> Levels:
        """The same where the rows (n,) of bool have none any more."""
        import numpy as np

        return Levels(np.where(gone, -1, self.places), self.levels)

    def seen(self, rows: Any) -> tuple[str, ...]:
        """The texts of these rows, (n,) of bool, in their order."""
        import numpy as np

        counts = np.bincount(self.places[rows] + 1, minlength=len(self.levels) + 1)
        return tuple(sorted(self.levels[counts[1:] > 0].tolist()))


LEAST = 2
"""Rows needed on each side of the split."""


def check_lines(lines: Iterator[list[str]], config: Config) -> tuple[tuple[str, ...], int]:
    """A name for every column, each once, and as many cells in every line: pandas would fill or cut the others.
    Returns the names, and how many rows there are."""
    header = next(lines, [])
    if not header:
        raise HarnessError(
            "the training data is empty", where=config.data.where, hint="give it a header line and rows"
        )
    for name in header:
        if not name or header.count(name) > 1:
            raise HarnessError(
                f'column "{name}" stands {header.count(name)} times' if name else "a column has no name",
                where=config.data.where,
                hint="give every column a name of its own",
            )
    rows, wide = 0, len(header)
    for number, line in enumerate(lines, start=2):
        if line and len(line) != wide:
            raise HarnessError(
                f"line {number} has {len(line)} cells, the header {len(header)}",
                where=config.data.where,
                hint="mend that line; a comma inside a cell needs quotes",
            )
        rows += bool(line)
    return tuple(header), rows


def check_columns(table: Table, config: Config) -> None:
    """The columns that the configuration names, and rows."""
    named = [("key", config.key), ("target", config.target)]
    named += [("features", name) for name in (*config.features, *config.kinds)]
    for role, name in named:
        if name not in table.names:
            raise HarnessError(
                f'no column "{name}", which the configuration names as {role}',
                where=config.data.where,
                hint=did_you_mean(name, table.names),
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
    if not config.features and len(table.names) < 3:
        raise HarnessError(
            "no feature is left beside key and target",
            where=config.data.where,
            hint="give the table features",
        )
    if not len(table.frame):
        rows = table.sampled.rows if table.sampled else 0
        raise HarnessError(
            f"none of {rows:,} rows is in the sample" if rows else "the training data has no rows",
            where=config.data.where,
            hint="raise memory_limit under [data]" if rows else "give it rows to fit",
        )


def check_keys(keys: pd.Series, config: Config, table: Table) -> None:
    """A key in every row, each once: the split and the fixtures name rows by it."""
    if keys.isna().any():
        raise HarnessError(
            f'key "{config.key}" is empty in {table.rows(keys.isna())}',
            where=config.data.where,
            hint="every row needs a key",
        )
    twice = keys.duplicated(keep=False)
    if twice.any():
        first = keys[twice].iloc[0]
        raise HarnessError(
            f'key "{config.key}" is not unique: {first} stands {int((keys == first).sum())} times',
            where=config.data.where,
            hint="take out the duplicates, or name a column that is unique",
        )


def typed(column: pd.Series, kind: str, config: Config, table: Table) -> pd.Series:
    """A column of text as numbers (float64), times or text (object); missing values are NaN."""
    import numpy as np

    if kind == "str":
        return texts(column)[0]
    if kind == "datetime":
        return _times(column, config, table)
    if kind == "bool" and column.dtype.kind != "b":
        values = column.map(
            {"True": 1.0, "true": 1.0, "1": 1.0, "False": 0.0, "false": 0.0, "0": 0.0, True: 1.0, False: 0.0}
        )
        values = values.astype(np.float64)
    else:
        try:
            values = column.astype(np.float64)
        except (ValueError, TypeError):
            values = column.map(_number).astype(np.float64)
    wrong = values.isna() & column.notna()
    if kind == "int":
        wrong |= values.notna() & (values % 1 != 0)
    wrong |= np.isinf(values)
    if wrong.any():
        raise HarnessError(
            f'column "{column.name}" should be {kind}, but holds {column[wrong].iloc[0]!r} in {table.rows(wrong)}',
            where=config.data.where,
            hint=_mended(str(column.name), bool(np.isinf(values[wrong].iloc[0])), config),
        )
    return values


def _mended(name: str, infinite: bool, config: Config) -> str:
    """What to do about a cell that is no number."""
    if infinite:
        return "mend the table: no pipeline takes what is infinite, so leave the cell empty, or the row out"
    feature = name not in (config.target, config.split.time)
    return (
        f'mend the table, or say {name} = "str" under kinds'
        if feature
        else "mend the table, or take out the row"
    )


def texts(column: pd.Series) -> tuple[pd.Series, Levels]:
    """The cells as text, as objects, NaN where there is none; and which texts they are."""
    import numpy as np
    import pandas as pd

    # once, as there is nothing that costs more about texts: all else is asked of the few that are different
    places, levels = pd.factorize(column.to_numpy(dtype=object))
    if not all(isinstance(level, str) for level in levels):
        column = column.map(
            lambda cell: cell if isinstance(cell, str) or cell != cell or cell is None else str(cell)
        )
        places, levels = pd.factorize(column.to_numpy(dtype=object))
    values = column.to_numpy(dtype=object)
    gaps = places < 0
    if gaps.any():
        # NaN is what predict of the package makes of whatever is missing
        values = values.copy()
        values[gaps] = np.nan
    # a type of its own, which pandas 3 makes of texts, is what predict does not make
    return pd.Series(values, column.index, dtype=object, name=column.name), Levels(
        places.astype(np.int32), levels
    )


def target(column: pd.Series, kind: str, config: Config, table: Table) -> Any:
    """The target as an array of shape (n,): float64 for a regression, else labels of one Python type."""
    import numpy as np

    if column.isna().any():
        raise HarnessError(
            f'target "{config.target}" is empty in {table.rows(column.isna())}',
            where=config.data.where,
            hint="take out rows without a target",
        )
    if config.task == "regression":
        values = typed(column, kind, config, table)
        if values.nunique() < 2:
            raise HarnessError(
                f'target "{config.target}" is {column.iloc[0]} in every row',
                where=config.data.where,
                hint="there is nothing to predict: name another target, or bring other rows",
            )
        return values.to_numpy()
    if kind == "float":
        raise HarnessError(
            f'target "{config.target}" holds numbers with fractions, not labels',
            where=config.data.where,
            hint='say task = "regression", or give it labels',
        )
    if column.nunique() < 2:
        raise HarnessError(
            f'target "{config.target}" has one label only: {column.iloc[0]}',
            where=config.data.where,
            hint="a classifier needs rows of two labels or more",
        )
    if kind == "str":
        return column.to_numpy(dtype=object)
    return typed(column, kind, config, table).to_numpy().astype(np.int64 if kind == "int" else np.bool_)


def check_kinds(kinds: Mapping[str, str], config: Config) -> None:
    """Recipes find the columns that they need, of the kind that they need; and a column of times has a recipe or a step
    that names it, since no model takes one as it is."""
    recipes = config.recipes or RecipesSection()
    where = f"{config.path}: [recipes]"
    times = recipes.times()
    for made, sources in recipes.made().items():
        if made in kinds:
            raise HarnessError(
                f'a recipe makes "{made}", which is a feature already',
                where=where,
                hint="give what it makes another name",
            )
        for name in sources:
            if name not in kinds:
                raise HarnessError(
                    f'no feature "{name}", which "{made}" is made of',
                    where=where,
                    hint=did_you_mean(name, kinds),
                )
            wanted = ("datetime",) if name in times and made not in recipes.ratios else ("float", "int")
            if kinds[name] not in wanted:
                raise HarnessError(
                    f'"{made}" is made of {name}, which is {kinds[name]}',
                    where=where,
                    hint=f'say {name} = "datetime" under kinds, or name a column of times'
                    if wanted == ("datetime",)
                    else "ratios are of numbers",
                )
    for name, kind in kinds.items():
        if kind == "datetime" and name not in (*times, *_named_by_steps(config)):
            raise HarnessError(
                f'column "{name}" holds times, which no model takes',
                where=config.data.where,
                hint=f'add [recipes.calendar] {name} = ["year", "month"], or leave it out of features',
            )


def _named_by_steps(config: Config) -> tuple[str, ...]:
    """The columns that a step is told to look at, as `columns` of ours or as feature-engine's `variables`."""
    found: list[str] = []
    for step in config.steps:
        variables = step.parameters.get("variables", ())
        found += [*step.columns, *([variables] if isinstance(variables, str) else variables)]
    return tuple(found)


def check_feature(column: pd.Series, known: Levels | None, config: Config) -> None:
    """Something in the column, and no more categories than a version can know."""
    levels = len(known.levels) if known else 0
    if not levels if known else not column.notna().any():
        raise HarnessError(
            f'column "{column.name}" is empty in every row',
            where=config.data.where,
            hint="leave it out of features: there is nothing to learn from it",
        )
    if levels > config.data.max_categories:
        raise HarnessError(
            f'column "{column.name}" has {levels:,} categories, more than {config.data.max_categories:,}',
            where=config.data.where,
            hint="leave it out of features, or raise max_categories under [data]",
        )


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


def _times(column: pd.Series, config: Config, table: Table) -> pd.Series:
    """Times as datetime64[ns] without a zone (another zone is converted to UTC)."""
    import pandas as pd

    values = column
    if column.dtype.kind != "M":
        values = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    wrong = values.isna() & column.notna()
    wrong |= (values.dt.year < 1678) | (values.dt.year > 2261)
    if wrong.any():
        raise HarnessError(
            f'column "{column.name}" should be datetime, but holds {column[wrong].iloc[0]!r} in {table.rows(wrong)}',
            where=config.data.where,
            hint="write times as 2026-01-31 or 2026-01-31T12:00:00, from 1678 to 2261",
        )
    return values.astype("datetime64[ns]")


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (ValueError, TypeError):
        return float("nan")


def check_named(name: str, role: str, table: Table, config: Config) -> None:
    """The column that the split goes by: it is there, and without gaps."""
    if name not in table.names:
        raise HarnessError(
            f'no column "{name}", which the split names as {role}',
            where=config.data.where,
            hint=did_you_mean(name, table.names),
        )
    gaps = table.frame[name].isna()
    if gaps.any():
        raise HarnessError(
            f'{role} "{name}" is empty in {table.rows(gaps)}',
            where=config.data.where,
            hint="every row needs one to be on a side of the split",
        )


def check_trained(trained: Any, labels: Any, config: Config) -> None:
    """Rows are left once those with gaps are removed, of two labels where labels are learnt."""
    rows = int(trained.sum())
    if rows < LEAST or (config.task == "classification" and len(set(labels[trained].tolist())) < 2):
        raise HarnessError(
            f"{rows} rows are left to train on once those with gaps are removed",
            where=f"{config.path}: [data] drop_missing",
            hint="name fewer columns, or impute instead",
        )
