"""`[split]`: which rows are held out of every training."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import changed, section


@dataclass(frozen=True, slots=True)
class SplitSection:
    """By a hash: `share` of the rows, chosen by `salt` and key, or by `salt` and the column `group`, whose rows stay
    together. By time: the rows whose column `time` is `after` (inclusive) or later. None of them moves a row to
    the other side when others are added."""

    share: float = 0.0
    salt: str = ""
    group: str = ""
    time: str = ""
    after: str = ""

    def shaping(self) -> dict[str, Any]:
        """What it says beyond share and salt."""
        return {key: value for key, value in changed(self).items() if key not in ("share", "salt")}


def read(table: Mapping[str, Any], where: str) -> SplitSection:
    """The section, checked."""
    if isinstance(table.get("after"), datetime.date):
        table = {**table, "after": table["after"].isoformat()}
    found = section(SplitSection, table, where)
    if found.time or found.after:
        for name in ("share", "salt", "group"):
            if name in table:
                raise HarnessError(
                    f'"{name}" beside a split by time',
                    where=where,
                    hint="split by time, or by a hash: not by both",
                )
        for name in ("time", "after"):
            if not getattr(found, name):
                raise HarnessError(
                    f'"{name}" is missing',
                    where=where,
                    hint='a split by time is time = COLUMN and after = "2026-01-01"',
                )
        return found
    for name, kind in (("share", "a number"), ("salt", "text")):
        if name not in table:
            raise HarnessError(f'"{name}" is missing', where=where, hint=f"give {name} = {kind}")
    if not 0 < found.share < 1:
        raise HarnessError(
            f"share is {found.share:g}, which leaves no rows on one side",
            where=where,
            hint="hold out a share between 0 and 1, such as 0.3",
        )
    return found
