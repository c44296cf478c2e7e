"""`[search]`: parameters that are chosen by cross-validation on the rows that are trained on, and on no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import between, choice, section

METHODS = ("grid", "random")


@dataclass(frozen=True, slots=True)
class SearchSection:
    """`parameters` maps `Step.parameter` to a list of values, or (`method = "random"`) to a range: a table with `low`
    and `high`, and `log = true` where orders of magnitude are to be equally likely. `scoring` is a scorer of
    scikit-learn by name; left out, the negative mean absolute error, or log loss (accuracy without probabilities)."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    method: str = "grid"
    trials: int = 20
    folds: int = 5
    scoring: str = ""


def read(table: Any, where: str) -> SearchSection:
    """The section, checked as far as its text goes."""
    found = section(SearchSection, _table(table, where), where)
    choice(found.method, METHODS, "method", where)
    between(found.trials, 1, 10_000, "trials", where)
    between(found.folds, 2, 100, "folds", where)
    if not found.parameters:
        raise HarnessError(
            "nothing to search", where=where, hint='add parameters, such as { "Ridge.alpha" = [0.1, 1, 10] }'
        )
    for name, values in found.parameters.items():
        _check_values(name, values, found.method, f"{where}: {name}")
    return found


def _check_values(name: str, values: Any, method: str, where: str) -> None:
    if name.endswith("random_state"):
        raise HarnessError(
            "random_state is nothing to search", where=where, hint="seed, at the top, reaches each step"
        )
    if isinstance(values, list) and values:
        return
    if isinstance(values, dict) and method == "random":
        kinds = {"low": int | float, "high": int | float, "log": bool}
        wrong = [key for key in values if key not in kinds or not isinstance(values[key], kinds[key])]
        low, high = values.get("low"), values.get("high")
        if (
            not wrong
            and low is not None
            and high is not None
            and low < high
            and (low > 0 or not values.get("log"))
        ):
            return
    hint = "give a list of values" + (
        " or { low = 0.01, high = 100, log = true }" if method == "random" else ""
    )
    raise HarnessError(f"{name} is {values!r}", where=where, hint=hint)


def _table(table: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise HarnessError(f"{table!r} is no table", where=where, hint="write it as [search]")
    return table
