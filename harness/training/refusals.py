"""What a step refuses, as an error of ours that names what may be the reason: scikit-learn says what it was given, and
not in which column.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.errors import HarnessError, did_you_mean
from harness.training.config import Config
from harness.training.config.recipes import RecipesSection
from harness.training.data import Data

if TYPE_CHECKING:
    import pandas as pd

MOSTLY = 0.5
"""A column of text that holds numbers in more of its cells than this was meant to hold numbers."""


@contextlib.contextmanager
def refusals(config: Config, data: Data) -> Iterator[None]:
    """Whatever is raised here about values is raised as a HarnessError."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _unknown_column(config, data, words) or HarnessError(
            f"the pipeline refuses the data: {words}",
            where=f"{config.path}: [[steps]]",
            hint=_reason(data, words)
            or "mend the parameters, or add a step that prepares the data for the next",
        ) from error


def _unknown_column(config: Config, data: Data, words: str) -> HarnessError | None:
    """A column that a step names and nothing makes."""
    known = (*data.inputs.names, *(config.recipes or RecipesSection()).made())
    for place, step in enumerate(config.steps, start=1):
        variables = step.parameters.get("variables", ())
        for name in (*step.columns, *([variables] if isinstance(variables, str) else variables or ())):
            if isinstance(name, str) and name not in known and f"'{name}'" in words:
                return HarnessError(
                    f'{step.short} is given no column "{name}"',
                    where=f"{config.path}: [[steps]] {place}",
                    hint=did_you_mean(name, known),
                )
    return None


def _reason(data: Data, words: str) -> str:
    for field in data.inputs if "could not convert string" in words else ():
        column = data.frame[field.name]
        if field.kind == "str" and (place := _odd_one(column)) is not None:
            row = "" if data.sampled else f" in row {place + 1}"
            return (
                f'"{field.name}" is text because of {column.iloc[place]!r}{row}: mend the table, or encode the column '
                "before a step that needs numbers"
            )
    gaps = [name for name in data.frame.columns if data.frame[name].isna().any()] if "NaN" in words else []
    more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
    said = f"there are gaps in {', '.join(gaps[:3])}{more}: impute them in a step before, or drop_missing under [data]"
    return said if gaps else ""


def _odd_one(column: pd.Series) -> int | None:
    """The first cell that is no number in a column that mostly holds them."""
    import pandas as pd

    present = column.notna()
    numbers = pd.to_numeric(column, errors="coerce").notna()
    if not present.any() or numbers.sum() <= MOSTLY * present.sum():
        return None
    return int((present & ~numbers).to_numpy().argmax())
