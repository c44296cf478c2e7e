"""`[[steps]]`: the pipeline, transformers first, one model at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config.reading import texts
from harness.training.shipped import DOOR, FILES

DOORS = ("sklearn", "feature_engine")
"""Packages that steps may come from, beside what is `shipped`. A step that lived in `harness` would run today's code
inside yesterday's model, since a pickle names its classes by module path."""

FUNCTIONS = ("sklearn", "numpy")
"""Packages that a function may come from which is a parameter of a step: `{ function = "numpy.log1p" }`."""

WHOLE_ROWS = ("RandomSampleImputer",)
"""Steps that draw by what stands in the whole row, and so are given all of it."""


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


def shipped(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """The transformers of our own that these steps name, however deep inside one another, each once."""
    return tuple(
        dict.fromkeys(name.rpartition(".")[2] for name in names(steps) if name.startswith(f"{DOOR}."))
    )


def names(steps: tuple[Step, ...]) -> Iterator[str]:
    """The full names of all steps, those inside of steps too."""

    def inside(value: Any) -> Iterator[str]:
        if isinstance(value, Mapping):
            if isinstance(value.get("step"), str):
                yield value["step"]
            value = list(value.values())
        if isinstance(value, list | tuple):
            for one in value:
                yield from inside(one)

    for step in steps:
        yield step.name
        yield from inside(step.parameters)


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
    step = Step(name, parameters, texts(item.get("columns", []), "columns", where))
    if step.columns and step.short in WHOLE_ROWS:
        raise HarnessError(
            f"{step.short} is limited to columns",
            where=where,
            hint="say variables = […] instead: it draws by what stands in the whole row",
        )
    return step


def _check_name(name: str, where: str) -> None:
    parts = name.split(".")
    if parts[0] == DOOR:
        if len(parts) != 2 or parts[1] not in FILES:
            raise HarnessError(f"{name} is no step of ours", where=where, hint=did_you_mean(parts[-1], FILES))
        return
    if len(parts) < 2 or parts[0] not in DOORS or not all(part.isidentifier() for part in parts):
        raise HarnessError(
            f"{name} may not be a step",
            where=where,
            hint=f"steps come from {', '.join(DOORS)} or {DOOR}, by their full names: yesterday's models would run "
            "today's code of any other module",
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
    elif isinstance(value, dict) and "function" not in value:
        _check_misspelt(value, f"{where}: {key}")
    if isinstance(value, dict) and "function" in value:
        _check_function(key, value, where)
    elif isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else ((key, one) for one in value)
        for name, one in inner:
            if name != "step":
                _check_parameter(name, one, where)
    elif not isinstance(value, str | int | float | bool):
        raise HarnessError(
            f"{key} is {value!r}", where=where, hint="use text, numbers, true, false, lists, tables"
        )


def _check_misspelt(value: dict[str, Any], where: str) -> None:
    """A table that names something of a library is meant as a step or a function, and nobody would say so later."""
    for name, one in value.items():
        meant = isinstance(one, str) and one.partition(".")[0] in (*DOORS, *FUNCTIONS, DOOR) and "." in one
        if meant and name not in ("step", "function"):
            raise HarnessError(
                f'"{name}" names {one}, and is neither a step nor a function',
                where=where,
                hint=did_you_mean(name, ("step", "function")),
            )


def _check_function(key: str, value: dict[str, Any], where: str) -> None:
    name = value["function"]
    parts = name.split(".") if isinstance(name, str) else [""]
    if (
        len(value) != 1
        or len(parts) < 2
        or parts[0] not in FUNCTIONS
        or not all(map(str.isidentifier, parts))
    ):
        raise HarnessError(
            f"{key} is {value!r}",
            where=where,
            hint=f'a function is {{ function = "…" }} by its full name, from {" or ".join(FUNCTIONS)}',
        )
