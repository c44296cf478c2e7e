"""`[data]`: where the table comes from, and which of its columns are what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config.reading import section

KINDS = ("float", "int", "bool", "str")
"""Kinds that a feature can have: what a table of text can hold and a pipeline can take."""


@dataclass(frozen=True, slots=True)
class DataSection:
    """`path` as it is written, relative to `folder`; `features` is empty where the table decides."""

    key: str
    target: str
    path: str
    features: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    _folder: Path = Path()

    @property
    def file(self) -> Path:
        """The file that is read, absolute."""
        return self._folder / self.path


def read(table: Mapping[str, Any], folder: Path, where: str) -> DataSection:
    """The section, checked."""
    from dataclasses import replace

    found = section(DataSection, table, where)
    for name, kind in found.kinds.items():
        if kind not in KINDS:
            raise HarnessError(
                f"{name} has unknown kind {kind!r}", where=where, hint=did_you_mean(str(kind), KINDS)
            )
        if found.features and name not in found.features:
            raise HarnessError(
                f'kinds names "{name}", which is no feature',
                where=where,
                hint=did_you_mean(name, found.features),
            )
    return replace(found, _folder=folder)
