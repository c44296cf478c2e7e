"""`[calibration]`: a classifier's scores become probabilities that hold, by cross-validation on the trained rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import between, choice, section

METHODS = ("sigmoid", "isotonic", "temperature")


@dataclass(frozen=True, slots=True)
class CalibrationSection:
    """Method and number of folds, as scikit-learn's CalibratedClassifierCV has them."""

    method: str
    folds: int = 5


def read(table: Any, where: str) -> CalibrationSection:
    """The section, checked."""
    if not isinstance(table, dict):
        raise HarnessError(f"{table!r} is no table", where=where, hint="write it as [calibration]")
    found = section(CalibrationSection, table, where)
    choice(found.method, METHODS, "method", where)
    between(found.folds, 2, 100, "folds", where)
    return found
