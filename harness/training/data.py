"""The training data: one table, read as text, checked, typed, and split by a hash of each row's key.

The split depends on salt and key alone: a row that is added moves no other to the other side, and a held-out row
stays held out for every version.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.schema import Field, Schema
from harness.training import validation
from harness.training.config import Config

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A table of n rows, ready to fit: `frame` (n, features), `target` (n,), `held_out` (n,) of bool.

    In `frame` numbers and booleans are float64 and text is `object`, with NaN where a value is missing: the same
    that `predict` of the package makes of what it is given.
    """

    frame: pd.DataFrame
    target: Any
    held_out: Any
    inputs: Schema
    target_kind: str
    sha256: str

    def __len__(self) -> int:
        return len(self.frame)


def read_data(config: Config) -> Data:
    """The table of a configuration. Raises HarnessError that names file, column and row."""
    import numpy as np

    table, content = _read(config)
    validation.check_columns(table, config)
    features = config.features or tuple(
        name for name in table.columns if name not in (config.key, config.target)
    )
    keys = table[config.key]
    validation.check_keys(keys, config)
    kinds = {name: config.kinds.get(name) or kind_of(table[name]) for name in features}
    columns = {name: validation.typed(table[name], kind, config) for name, kind in kinds.items()}
    target_kind = "float" if config.task == "regression" else kind_of(table[config.target])
    target = validation.target(table[config.target], target_kind, config)
    held = np.array(held_out(keys, config.split.salt, config.split.share))
    validation.check_split(held, target, config)
    inputs = Schema(tuple(_field(name, kind, columns[name], held) for name, kind in kinds.items()))
    frame = table[[]].assign(**columns)
    return Data(frame, target, held, inputs, target_kind, hashlib.sha256(content).hexdigest())


def held_out(keys: Iterable[object], salt: str, share: float) -> list[bool]:
    """Which rows are held out, by key: `share` of them on average, the same ones whatever else is in the table.

    >>> held_out(["1", "2", "3"], "demo", 0.5) == held_out([1, 2, 3, 4], "demo", 0.5)[:3]
    True
    """
    edge = share * 2**64
    return [
        int.from_bytes(hashlib.sha256(f"{salt}:{key}".encode()).digest()[:8], "big") < edge for key in keys
    ]


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


def _read(config: Config) -> tuple[pd.DataFrame, bytes]:
    """The table with every cell as text (missing: NaN), and the bytes of the file."""
    import pandas as pd

    where = str(config.data.file)
    if config.data.file.suffix != ".csv":
        raise HarnessError(
            f"training data of type {config.data.file.suffix or 'unknown'} is not read",
            where=where,
            hint="write the table as .csv",
        )
    try:
        content = config.data.file.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"cannot read the training data: {error.strerror}",
            where=where,
            hint="mend path under [data]; it is relative to the configuration file",
        ) from None
    try:
        validation.check_lines(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")), config)
        table = pd.read_csv(io.BytesIO(content), dtype=object, index_col=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, csv.Error, pd.errors.ParserError) as error:
        raise HarnessError(
            f"cannot read the training data: {str(error).strip()}",
            where=where,
            hint="mend the file at that place; text is UTF-8",
        ) from None
    return table, content


def _field(name: str, kind: str, column: pd.Series, held: Any) -> Field:
    """What is known of a feature: the range or the categories that were trained on, and whether it may be missing
    (in any row, held out or not)."""
    nullable = bool(column.isna().any())
    present = column[~held].dropna()
    if kind == "str":
        return Field(name, kind, nullable, categories=tuple(sorted(set(present))))
    if kind == "bool" or not len(present):
        return Field(name, kind, nullable)
    low, high = float(present.min()), float(present.max())
    if kind == "int":
        return Field(name, kind, nullable, int(low), int(high))
    return Field(name, kind, nullable, low, high)
