"""`[[steps]]`: the pipeline, transformers first, one model at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.training.config.reading import texts

DOORS = ("sklearn", "feature_engine")
"""Packages that steps may come from. A step that lived in `harness` would run today's code inside yesterday's
model, since a pickle names its classes by module path."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the pipeline: the class by dotted name, its parameters, and the columns that it is limited to
    (none named: it takes all that the step before gives)."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The name of the class alone: `Ridge`."""
        return self.name.rpartition(".")[2]


def doors_of(steps: Iterable[Step]) -> set[str]:
    """The packages that these steps come from, and the steps inside them."""
    found = {step.name.partition(".")[0] for step in steps}
    waiting: list[Any] = [step.parameters for step in steps]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting.extend(one.values())
            if isinstance(name := one.get("step"), str):
                found.add(name.partition(".")[0])
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def read(items: Any, where: str) -> tuple[Step, ...]:
    """The steps, checked as far as their text goes: nothing is imported."""
    if not isinstance(items, list):
        raise HarnessError(f"steps is {items!r}", where=where, hint="steps is a list")
    if not items:
        raise HarnessError("no steps", where=where, hint='add [[steps]] with step = "sklearn.…"')
    return tuple(_step(item, f"{where}: [[steps]] {place}") for place, item in enumerate(items, start=1))


def _step(item: Any, where: str) -> Step:
    name = item.get("step") if isinstance(item, dict) else None
    if not isinstance(name, str):
        raise HarnessError(
            "the step has no name", where=where, hint='add step = "sklearn.linear_model.Ridge", or another'
        )
    _check_name(name, where)
    parameters = {key: value for key, value in item.items() if key not in ("step", "columns")}
    for key, value in parameters.items():
        _check_parameter(key, value, where)
    return Step(name, parameters, texts(item.get("columns", []), "columns", where))


def _check_name(name: str, where: str) -> None:
    parts = name.split(".")
    if len(parts) < 2 or parts[0] not in DOORS or not all(part.isidentifier() for part in parts):
        raise HarnessError(
            f"{name} may not be a step",
            where=where,
            hint=f"steps come from {' or '.join(DOORS)}, by their full names: yesterday's models would run today's "
            "code of any other module",
        )


def _check_parameter(key: str, value: Any, where: str) -> None:
    """A plain value, or a step inside a step: a table with `step`, as far down as one likes."""
    if key.endswith("random_state"):
        raise HarnessError(
            f"{key} is set for one step",
            where=where,
            hint="set seed, above the steps: it reaches each of them",
        )
    if isinstance(value, dict) and isinstance(value.get("step"), str):
        _check_name(value["step"], f"{where}: {key}")
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else ((key, one) for one in value)
        for name, one in inner:
            if name != "step":
                _check_parameter(name, one, where)
    elif not isinstance(value, str | int | float | bool):
        raise HarnessError(
            f"{key} is {value!r}", where=where, hint="use text, numbers, true, false, lists, tables"
        )
