"""`[validation]`: what the data have to be before anything is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import between, section, texts


@dataclass(frozen=True, slots=True)
class ValidationSection:
    """Limits by column, `"*"` for every feature that is not named: the largest share of gaps (`max_missing`), the range
    of numbers (`ranges`: `{ low, high }`), the categories that are known.

    `max_duplicates` is the number of rows that may repeat another in every feature and the target;
    `max_correlation` how much of the target's order one feature may tell alone (above it, it is taken for a leak of
    the target), `max_drift` the population stability index against what the previous version was trained on.
    """

    max_missing: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, Any] = field(default_factory=dict)
    categories: Mapping[str, Any] = field(default_factory=dict)
    max_duplicates: int | None = None
    max_correlation: float = 0.999
    max_drift: float | None = None


def read(table: Any, where: str) -> ValidationSection:
    """The section, checked as far as its text goes."""
    if not isinstance(table, dict):
        raise HarnessError(f"{table!r} is no table", where=where, hint="write it as [validation]")
    found = section(ValidationSection, table, where)
    for name, share in found.max_missing.items():
        between(share, 0, 1, f"max_missing of {name}", where)
    for name, limits in found.ranges.items():
        numbers = isinstance(limits, dict) and limits and limits.keys() <= {"low", "high"}
        if not numbers or not all(type(value) in (int, float) for value in limits.values()):
            raise HarnessError(
                f"the range of {name} is {limits!r}",
                where=where,
                hint="write { low = 0, high = 100 }, or one of them",
            )
    for name, values in found.categories.items():
        texts(values, f"categories of {name}", where)
    between(found.max_duplicates or 0, 0, 2**53, "max_duplicates", where)
    between(found.max_correlation, 0, 1, "max_correlation", where)
    between(found.max_drift or 0, 0, 100, "max_drift", where)
    return found
