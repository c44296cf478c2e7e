"""The training data: one table, from whatever source, checked, typed, and split by key, group or time.

No split looks at other rows: a row that is added moves none to the other side, and a held-out row stays held out for
every version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, did_you_mean
from harness.schema import Field, Schema
from harness.training import validation
from harness.training.config import Config
from harness.training.config.data import MaskSection
from harness.training.hashed import held_out
from harness.training.sources import Table, read_table
from harness.training.sources.table import Sampled
from harness.training.validation import Levels

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A table of n rows, ready to fit: `frame` (n, features), `target` (n,), `held_out` and `trained` (n,) of bool;
    a row is neither where it was removed from training for a gap; `order` (n,) the group or the time of each row, where
    the split goes by one; `dropped` the features that a selection took out; `sampled` says so where not all rows of
    the source were read.

    In `frame` numbers and booleans are float64, text is `object` and times are datetime64[ns], with NaN (NaT) where a
    value is missing: the same that `predict` of the package makes of what it is given.
    """

    frame: pd.DataFrame
    target: Any
    held_out: Any
    trained: Any
    inputs: Schema
    target_kind: str
    sha256: str
    order: Any = None
    dropped: tuple[str, ...] = ()
    sampled: Sampled | None = None

    def __len__(self) -> int:
        return len(self.frame)


def read_data(config: Config) -> Data:
    """The table of a configuration. Raises HarnessError that names source, column and row."""
    import numpy as np
    import pandas as pd

    table = read_table(config)
    validation.check_columns(table, config)
    frame = table.frame
    unseen = (config.key, config.target, config.split.group, config.split.time)
    features = config.features or tuple(name for name in table.names if name not in unseen)
    keys = frame[config.key]
    validation.check_keys(keys, config, table)
    kinds = {name: config.kinds.get(name) or _kind(table, name) for name in features}
    validation.check_kinds(kinds, config)
    columns: dict[str, Any] = {}
    texts: dict[str, Levels] = {}
    for name, kind in kinds.items():
        # what is typed is read no more as it came, and goes
        column = frame[name] if name in unseen else frame.pop(name)
        if kind == "str":
            columns[name], texts[name] = validation.texts(column)
        else:
            columns[name] = validation.typed(column, kind, config, table)
        validation.check_feature(columns[name], texts.get(name), config)
    if config.data.mask is not None:
        columns, texts = _masked(columns, texts, keys, config.data.mask, config)
    target_kind = "float" if config.task == "regression" else _kind(table, config.target)
    target = validation.target(frame[config.target], target_kind, config, table)
    held = np.array(_held(table, config))
    validation.check_split(held, target, config)
    # a copy would put columns of one type together, and the table into memory twice
    made = pd.DataFrame(columns, copy=False)
    open_ends = _named(config.data.nullable, made, "nullable", config)
    inputs = Schema(
        tuple(
            _field(name, kind, made[name], texts.get(name), held, name in open_ends)
            for name, kind in kinds.items()
        )
    )
    trained = ~held & ~_gaps(made, config)
    validation.check_trained(trained, target, config)
    return Data(
        made,
        target,
        held,
        trained,
        inputs,
        target_kind,
        table.sha256,
        _order(table, config),
        sampled=table.sampled,
    )


def kind_of(column: pd.Series) -> str:
    """The narrowest kind that holds every value of a column of text: bool, int, float, else str.

    Whole numbers with gaps are float, as the gaps are NaN. Codes such as 007 are text: as numbers they would be 7.
    """
    present = column.dropna()
    if len(present) and present.isin(["True", "False", "true", "false"]).all():
        return "bool"
    if present.str.fullmatch(r"[+-]?0\d+").any():
        return "str"
    if len(present) == len(column) and present.str.fullmatch(r"[+-]?\d{1,15}").all():
        return "int"
    try:
        present.astype(float)
    except ValueError:
        return "str"
    return "float"


def _kind(table: Table, name: str) -> str:
    """The kind of a column: its own where the source has types, else found from the text."""
    return table.kinds[name] or "str" if table.kinds else kind_of(table.frame[name])


def _held(table: Table, config: Config) -> list[bool]:
    """Which rows are held out, as [split] says."""
    split = config.split
    name = split.time or split.group
    if not name:
        return held_out(table.frame[config.key], split.salt, split.share)
    validation.check_named(name, "time" if split.time else "group", table, config)
    if split.group:
        return held_out(table.frame[name], split.salt, split.share)
    import pandas as pd

    times = validation.typed(table.frame[name], "datetime", config, table)
    try:
        edge = pd.Timestamp(split.after)
    except ValueError:
        raise HarnessError(
            f"after is {split.after!r}", where=f"{config.path}: [split]", hint='write it as "2026-01-31"'
        ) from None
    edge = edge.tz_convert("UTC").tz_localize(None) if edge.tz is not None else edge
    return [bool(late) for late in times >= edge]


def _order(table: Table, config: Config) -> Any:
    if config.split.time:
        return validation.typed(table.frame[config.split.time], "datetime", config, table).to_numpy()
    return table.frame[config.split.group].to_numpy() if config.split.group else None


def _masked(
    columns: dict[str, Any],
    texts: dict[str, Levels],
    keys: Iterable[object],
    mask: MaskSection,
    config: Config,
) -> tuple[dict[str, Any], dict[str, Levels]]:
    """The columns, and the texts in them, with the cells emptied that the mask chooses, by key and column."""
    import numpy as np

    for name in mask.columns:
        if name not in columns:
            raise HarnessError(
                f'no feature "{name}" to mask',
                where=f"{config.path}: [data] mask",
                hint=did_you_mean(name, columns),
            )
    gone = {name: np.array(held_out(keys, f"{mask.salt}:{name}", mask.share)) for name in mask.columns}
    return (
        {name: column.mask(gone[name]) if name in gone else column for name, column in columns.items()},
        {name: levels.without(gone[name]) if name in gone else levels for name, levels in texts.items()},
    )


def _gaps(frame: pd.DataFrame, config: Config) -> Any:
    """The rows that are not trained on because a column of `drop_missing` is empty there ("*": any column)."""
    names = _named(config.data.drop_missing, frame, "drop_missing", config)
    return frame[list(names)].isna().any(axis=1).to_numpy()


def _named(names: tuple[str, ...], frame: pd.DataFrame, key: str, config: Config) -> tuple[str, ...]:
    """The features that a key of [data] names; "*" stands for all of them."""
    for name in names:
        if name not in (*frame.columns, "*"):
            raise HarnessError(
                f'no feature "{name}" under {key}',
                where=f"{config.path}: [data]",
                hint=did_you_mean(name, frame.columns),
            )
    return tuple(frame.columns) if "*" in names else names


def _field(name: str, kind: str, column: pd.Series, texts: Levels | None, held: Any, nullable: bool) -> Field:
    """What is known of a feature: the range or the categories that were trained on, and whether it may be missing:
    where it is said, or is so in any row, held out or not."""
    if texts is not None:
        return Field(name, kind, nullable or bool((texts.places < 0).any()), categories=texts.seen(~held))
    nullable = nullable or bool(column.isna().any())
    present = column[~held].dropna()
    if kind in ("bool", "datetime") or not len(present):
        return Field(name, kind, nullable)
    low, high = float(present.min()), float(present.max())
    if kind == "int":
        return Field(name, kind, nullable, int(low), int(high))
    return Field(name, kind, nullable, low, high)
