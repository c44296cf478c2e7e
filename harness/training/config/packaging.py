"""`[packaging]`: how the version is kept. It shapes no answer, so it is no part of the configuration's digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import choice, section

MODELS = ("auto", "skops", "joblib")


@dataclass(frozen=True, slots=True)
class PackagingSection:
    """`model` is the format of the model's file: "auto" is skops where the lock has it and the model is the same once
    it was written and read, else joblib."""

    model: str = "auto"


def read(table: Any, where: str) -> PackagingSection:
    """The section, checked."""
    if not isinstance(table, dict):
        raise HarnessError(f"{table!r} is no table", where=where, hint="write it as [packaging]")
    found = section(PackagingSection, table, where)
    choice(found.model, MODELS, "model", where)
    return found
