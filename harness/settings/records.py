"""`[tool.harness.recorded]`: a baseline that can no longer run, judged on what it answered when it was released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.settings.table import Table


@dataclass(frozen=True, slots=True)
class RecordedBaseline:
    """`[tool.harness.recorded]`: this release is judged on its recorded answers, and no search is asked of it."""

    version: str
    owner: str
    reason: str


def read_recorded(data: Mapping[str, Any], place: str) -> RecordedBaseline | None:
    """The table, where there is one: every key of it is demanded."""
    if "recorded" not in data:
        return None
    table = Table(data["recorded"], RecordedBaseline, f"{place}.recorded")
    values = table.plain("version", "owner", "reason")
    for key in ("version", "owner", "reason"):
        if not values.get(key, "").strip():
            raise HarnessError(
                f"a baseline that is judged on its recorded answers has no {key}",
                where=table.place,
                hint=f'add {key} = "…"',
                code="E27",
            )
    return RecordedBaseline(**values)
