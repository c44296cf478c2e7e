"""`[selection]`: what becomes of features that the pipeline does not use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import between, section


@dataclass(frozen=True, slots=True)
class SelectionSection:
    """`drop_unneeded`: features that change no answer leave the version's inputs, and the pipeline is fitted without
    them. `resamples` is how many times it is fitted on other rows (drawn with replacement), to know how stable the
    choice is."""

    drop_unneeded: bool = True
    resamples: int = 0


def read(table: Any, where: str) -> SelectionSection:
    """The section, checked."""
    if not isinstance(table, dict):
        raise HarnessError(f"{table!r} is no table", where=where, hint="write it as [selection]")
    found = section(SelectionSection, table, where)
    between(found.resamples, 0, 1000, "resamples", where)
    return found
