"""A table as it was read, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`frame` (n, columns): text cells of a CSV file as objects, typed columns of any other source, NaN, None or NaT
    where a value is missing. `kinds` has the kind of each typed column; it is empty for text. `first` is the number
    of the first row in the words of the source, `noun` what it calls a row."""

    frame: pd.DataFrame
    kinds: Mapping[str, str]
    sha256: str
    where: str
    noun: str
    first: int

    def rows(self, wrong: Any) -> str:
        """The rows where something is wrong: `3 rows, the first in line 7`."""
        count = int(wrong.sum())
        place = f"{self.noun} {int(wrong.to_numpy().argmax()) + self.first}"
        return place if count == 1 else f"{count} rows, the first in {place}"
