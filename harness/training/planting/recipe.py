"""Which faults there are, what each needs to be told, and the truth about it in words and as a condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError, did_you_mean


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: the keys that it needs, those that it may have, and what it says of itself."""

    needs: tuple[str, ...]
    says: str
    may: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    defaults: Mapping[str, Any] | None = None


FAULTS: Mapping[str, Kind] = {
    "rare-category": Kind(("column", "category", "to"), "{category} of {column} is taken for {to}"),
    "lost-indicator": Kind(
        ("column", "value"),
        "a gap in {column} is filled with {value} before the model can know of it",
        numbers=("column",),
    ),
    "unit-error": Kind(
        ("column", "factor"), "{column} is multiplied by {factor}", ("when", "equals"), numbers=("column",)
    ),
    "clip": Kind(("at",), "{column} is cut at {at}", ("column",), numbers=("column",)),
    "swap": Kind(("column", "other"), "{column} and {other} are swapped"),
    "float32": Kind((), "{column} goes through 32 bits", ("column",), numbers=("column",)),
    "threshold": Kind(
        ("by",), "the first threshold of tree {tree} is moved by {by}", ("tree",), defaults={"tree": 0}
    ),
    "interaction": Kind(("when", "equals", "other", "value"), "{other} is {value} whatever it was"),
    "skew": Kind(
        ("column",),
        "{column} is served as {factor} times itself plus {shift}",
        ("factor", "shift"),
        numbers=("column",),
        defaults={"factor": 1.0, "shift": 0.0},
    ),
}
"""`column` left out of clip and float32 is the prediction."""

_AMOUNTS = ("factor", "shift", "at", "by")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A fault that can be planted. `keys` is what planted.json holds; `where` the condition of the rows that it can
    touch, in the language of rules, empty for all of them."""

    fault: str
    keys: Mapping[str, Any]
    says: str
    where: str


def recipe(fault: str, given: Mapping[str, Any], columns: Mapping[str, str] | None = None) -> Recipe:
    """A fault with its keys, checked against the columns that it is planted into: name to kind.

    Raises HarnessError with "did you mean" for a fault, a key or a column that there is not.

    >>> made = recipe("unit-error", {"column": "area", "factor": 10.76, "when": "district", "equals": "north"})
    >>> made.says, made.where
    ('area is multiplied by 10.76 where district is north', "district == 'north'")
    """
    if fault not in FAULTS:
        raise HarnessError(f'unknown fault "{fault}"', where="harness data", hint=did_you_mean(fault, FAULTS))
    kind = FAULTS[fault]
    where = f"the fault {fault}"
    known = (*kind.needs, *kind.may)
    for key in given:
        if key not in known:
            raise HarnessError(f'{fault} takes no "{key}"', where=where, hint=did_you_mean(key, known))
    keys = {**(kind.defaults or {}), **given}
    for key in kind.needs:
        if key not in keys:
            raise HarnessError(
                f'"{key}" is missing', where=where, hint=f"add --set {key}=…; it takes {', '.join(known)}"
            )
    if ("when" in keys) != ("equals" in keys):
        raise HarnessError(
            "when and equals belong together", where=where, hint="--set when=COLUMN --set equals=VALUE"
        )
    _amounts(keys, where)
    if columns is not None:
        _check_columns(keys, kind, columns, where)
    said = kind.says.format_map({"column": "the prediction", **keys})
    condition = _condition(fault, keys)
    if "when" in keys:
        said += f" where {keys['when']} is {keys['equals']}"
    return Recipe(fault, {"fault": fault, **keys}, said, condition)


def _condition(fault: str, keys: Mapping[str, Any]) -> str:
    if "when" in keys:
        return f"{_name(keys['when'])} == {_literal(keys['equals'])}"
    if fault == "rare-category":
        return f"{_name(keys['column'])} == {_literal(keys['category'])}"
    if fault == "lost-indicator":
        return f"{_name(keys['column'])} is null"
    if fault == "clip" and "column" in keys:
        return f"{_name(keys['column'])} > {keys['at']!r}"
    return ""


def _name(column: str) -> str:
    plain = column.isidentifier() and column not in ("and", "or", "not", "in", "is", "null", "true", "false")
    return column if plain else "`" + column.replace("`", "``") + "`"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _amounts(keys: Mapping[str, Any], where: str) -> None:
    for key in _AMOUNTS:
        value = keys.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
            raise HarnessError(f"{key} is {value!r}", where=where, hint=f"{key} is a number")
    tree = keys.get("tree", 0)
    if type(tree) is not int or tree < 0:
        raise HarnessError(f"tree is {tree!r}", where=where, hint="tree is the number of a tree, from 0")


def _check_columns(keys: Mapping[str, Any], kind: Kind, columns: Mapping[str, str], where: str) -> None:
    for key in ("column", "other", "when"):
        name = keys.get(key)
        if name is None:
            continue
        if name not in columns:
            raise HarnessError(f'no column "{name}"', where=where, hint=did_you_mean(str(name), columns))
        if key in kind.numbers and columns[name] not in ("float", "int"):
            numbers = ", ".join(one for one in columns if columns[one] in ("float", "int"))
            raise HarnessError(
                f"{name} is {columns[name]}",
                where=where,
                hint=f"name a column of numbers: {numbers or 'there is none'}",
            )
