"""`[split]`: which rows are held out of every training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import section


@dataclass(frozen=True, slots=True)
class SplitSection:
    """`share` of the rows, chosen by a hash of `salt` and key, is held out."""

    share: float
    salt: str


def read(table: Mapping[str, Any], where: str) -> SplitSection:
    """The section, checked."""
    found = section(SplitSection, table, where)
    if not 0 < found.share < 1:
        raise HarnessError(
            f"share is {found.share:g}, which leaves no rows on one side",
            where=where,
            hint="hold out a share between 0 and 1, such as 0.3",
        )
    return found
