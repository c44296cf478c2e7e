"""A table as it was read, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Sampled:
    """That not every row was read: about `share` of the `rows` of the source, chosen by a hash of the key."""

    share: float
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`frame` (n, columns): text cells of a CSV file as objects, typed columns of any other source, NaN, None or NaT
    where a value is missing; of the columns that the source has (`names`) those that the configuration asks for.
    `kinds` has the kind of each typed column; it is empty for text. `first` is the number of the first row in the
    words of the source, `noun` what it calls a row; `places` (n,) are the rows' numbers from 0 in the source where it
    was `sampled`, else None."""

    frame: pd.DataFrame
    kinds: Mapping[str, str]
    sha256: str
    where: str
    noun: str
    first: int
    names: tuple[str, ...]
    places: Any = None
    sampled: Sampled | None = None

    def rows(self, wrong: Any) -> str:
        """The rows where something is wrong: `3 rows, the first in line 7`."""
        count, first = int(wrong.sum()), int(wrong.to_numpy().argmax())
        place = f"{self.noun} {(first if self.places is None else int(self.places[first])) + self.first}"
        return place if count == 1 else f"{count} rows, the first in {place}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read of a source: the columns of these names (None: all), and of the rows those whose `key` is chosen
    at `share` (1: all)."""

    names: frozenset[str] | None
    key: str
    salt: str
    share: float = 1.0

    def wants(self, name: str) -> bool:
        """Whether a column is read."""
        return self.names is None or name in self.names

    @property
    def whole(self) -> bool:
        """Whether every row is read."""
        return self.share >= 1

    def sampled(self, rows: int) -> Sampled | None:
        """What is said of a source of so many rows."""
        return None if self.whole else Sampled(self.share, rows)

    def picked(self, keys: Any) -> Any:
        """(n,) of bool: which of the rows with these keys are read."""
        import numpy as np

        from harness.training.hashed import held_out

        return np.array(held_out(keys, self.salt, self.share), dtype=bool)
