"""Columns beside the inputs: those of a table that no version takes, and that conditions choose cases by.

A segment, a key, a label: a condition may name it, a version is never given it. What is read is what is named, so that
no other column of a table can be wrong, or cost anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from harness.compare import slices
from harness.errors import HarnessError
from harness.settings import Input, Settings


def named(settings: Settings, item: Input) -> frozenset[str]:
    """The columns that rules and waivers of this table name in their conditions and slices, and those that it keeps.
    A condition that cannot be read names nothing here: where rules are bound it is refused."""
    return frozenset(item.keep) | frozenset(_conditions(settings, item.name))


def _conditions(settings: Settings, source: str) -> Iterator[str]:
    asked = [(one.inputs, (one.where, *one.slices)) for one in settings.rules]
    asked += [(one.inputs, (one.where,)) for one in settings.waivers]
    for inputs, texts in asked:
        for text in texts if not inputs or source in inputs else ():
            with contextlib.suppress(HarnessError):
                yield from slices.columns_of(slices.read(text, "")) if text else ()
