"""Rules as plain functions: a decorator makes a kind of rule of one that says which rows violate it.

The function is given numbers and labels alone: what has no value on one side violates, and on both sides it agrees
and is counted apart, before anybody asks it. The extension module that defines it needs no more than the decorator.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from harness.compare.rules.protocol import Difference, finish, incomparable, missing
from harness.compare.rules.values import Close
from harness.errors import HarnessError
from harness.settings import RuleSettings
from harness.tables import Bools, Column

Arrays = Mapping[str, npt.NDArray[Any]]
Function = TypeVar("Function", bound=Callable[..., Any])
MARK = "__harness_rule__"


@dataclass(frozen=True)
class FunctionRule:
    """A rule whose rows are judged by `function`; the decorator makes a subclass with the function's own keys."""

    equal_nan: bool = True

    kind: ClassVar[str] = ""
    function: ClassVar[Callable[..., Any]]

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that violate it, without any inputs."""
        return self.judge_cases(baseline, candidate, {})

    def judge_cases(self, baseline: Column, candidate: Column, inputs: Mapping[str, Column]) -> Difference:
        """Rows that violate it; HarnessError where the function answers no mask of its rows."""
        numbers = {baseline.kind, candidate.kind} <= {"float", "int"}
        if baseline.kind != candidate.kind and not numbers:
            return incomparable(baseline, candidate, self.equal_nan)
        rows = np.flatnonzero(~(missing(baseline) | missing(candidate)))
        bad = np.zeros(len(baseline), bool)
        if len(rows):
            taken = {name: column.take(rows) for name, column in inputs.items()}
            bad[rows] = self._mask(baseline.take(rows), candidate.take(rows), taken)
        magnitude = Close().judge(baseline, candidate).magnitude if numbers else np.where(bad, 1.0, 0.0)
        return finish(baseline, candidate, bad, magnitude, self.equal_nan)

    def says(self) -> str:
        """The first line of the function's docstring, and its parameters."""
        words = (inspect.getdoc(self.function) or self.function.__name__.replace("_", " ")).splitlines()[0]
        values = [f"{name} = {value!r}" for name, value in self.parameters().items()]
        return words.rstrip(".") + (f" ({', '.join(values)})" if values else "")

    def parameters(self) -> dict[str, Any]:
        """The function's own keys."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "equal_nan"}

    def _mask(self, baseline: Column, candidate: Column, inputs: Mapping[str, Column]) -> Bools:
        mask = np.asarray(
            self.function(
                array(baseline),
                array(candidate),
                {name: array(column) for name, column in inputs.items()},
                **self.parameters(),
            )
        )
        if mask.dtype != np.bool_:
            raise self._wrong(f"it returned {mask.dtype}, not booleans")
        if mask.shape != (len(baseline),):
            count = len(mask) if mask.ndim == 1 else f"an array of shape {mask.shape}"
            raise self._wrong(f"it was given {len(baseline)} rows and judged {count}")
        return mask

    def _wrong(self, words: str) -> HarnessError:
        code = self.function.__code__
        return HarnessError(
            words,
            where=f"{code.co_filename}:{code.co_firstlineno} in {code.co_name}",
            hint="return one boolean for each row: true where it violates",
        )


def rule(kind: str) -> Callable[[Function], Function]:
    """Make a kind of rule of `function(baseline, candidate, inputs, *, keys…) -> mask`.

    The arrays have shape (n,), without NaN and null in `baseline` and `candidate`; `inputs` holds the input
    columns of the same rows. The mask (n,) is true where a row violates. Arguments by keyword are the keys that
    configuration may set. The function itself stays as it is.

    >>> @rule("not_lower")
    ... def not_lower(baseline, candidate, inputs, *, by: float = 0.0):
    ...     return baseline - candidate > by
    >>> made = declared({"not_lower": not_lower})["not_lower"](by=1.0)
    >>> made.judge(Column.of([5.0, 5.0]), Column.of([4.5, 3.0])).violates.tolist()
    [False, True]
    """

    def mark(function: Function) -> Function:
        setattr(function, MARK, _kind(kind, function))
        return function

    return mark


def declared(module: ModuleType | Mapping[str, Any]) -> dict[str, type[FunctionRule]]:
    """The kinds of rule that a module's own functions make, by name; what it imports is another module's."""
    names = vars(module) if isinstance(module, ModuleType) else module
    own = names.get("__name__")
    found: dict[str, type[FunctionRule]] = {}
    for item in names.values():
        made = getattr(item, MARK, None) if inspect.isfunction(item) else None
        if made is None or (own is not None and item.__module__ != own):
            continue
        if made is not found.setdefault(made.kind, made):
            raise HarnessError(
                f'two functions make the rule "{made.kind}"',
                where=f"{item.__code__.co_filename}:{item.__code__.co_firstlineno}",
                hint="choose another name for one of them",
            )
    return found


def array(column: Column) -> npt.NDArray[Any]:
    """(n,) a column's values as a function sees them, not to be written to; null is NaN, NaT or None."""
    values = column.values
    if column.null is not None and column.null.any():
        fill = {"float": np.nan, "datetime": np.datetime64("NaT")}.get(column.kind)
        values = values.copy() if fill is not None else values.astype(object)
        values[column.null] = fill
    values = values.view()
    values.flags.writeable = False
    return values


def _kind(kind: str, function: Callable[..., Any]) -> type[FunctionRule]:
    parameters = list(inspect.signature(function).parameters.values())
    place = f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
    given = [item for item in parameters if item.kind is not item.KEYWORD_ONLY]
    if len(given) != 3 or any(item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD) for item in given):
        raise HarnessError(
            f'rule "{kind}" takes {", ".join(item.name for item in given) or "nothing"}',
            where=place,
            hint=f"def {function.__name__}(baseline, candidate, inputs, *, by: float = 0.0)",
        )
    taken = {item.name for item in fields(RuleSettings)} | {"equal_nan"}
    keys: list[Any] = []
    for item in parameters[3:]:
        if item.name in taken:
            raise HarnessError(
                f'the key "{item.name}" of rule "{kind}" means something else already',
                where=place,
                hint="choose another name for the argument",
            )
        default = field() if item.default is item.empty else field(default=item.default)
        keys.append((item.name, _type_name(item), default))
    return make_dataclass(
        function.__name__,
        keys,
        bases=(FunctionRule,),
        namespace={"kind": kind, "function": staticmethod(function)},
        frozen=True,
        kw_only=True,
    )


def _type_name(item: inspect.Parameter) -> str:
    """How an argument's type is written in a dataclass: its annotation, or the type of its default."""
    if item.annotation is not item.empty:
        noted = item.annotation
        return noted if isinstance(noted, str) else getattr(noted, "__name__", str(noted))
    return "Any" if item.default is item.empty else type(item.default).__name__
