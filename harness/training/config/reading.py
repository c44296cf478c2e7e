"""How a section of the configuration is read: a frozen dataclass says which keys there are, of which type, with
which default; whatever else the table holds is an error that names the place.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from harness.errors import HarnessError, did_you_mean

S = TypeVar("S")

SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|TiB)")
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

SAID: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def section(cls: type[S], table: Mapping[str, Any], where: str) -> S:
    """The section `cls` that a table describes. Raises HarnessError for unknown keys, missing keys, wrong types.

    A field without a default is required; one whose name starts with `_` is no key. Fields are text, numbers,
    booleans, `tuple[str, ...]`, tables (`Mapping`) or tuples of other sections; `| None` allows to leave one out.
    """
    kinds = keys_of(cls)
    for key in table:
        if key not in kinds:
            raise HarnessError(f'unknown key "{key}"', where=where, hint=did_you_mean(key, kinds))
    values = {}
    for name, item in _fields(cls).items():
        if name in table:
            values[name] = _value(table[name], kinds[name], name, where)
        elif not _optional(item):
            raise HarnessError(f'"{name}" is missing', where=where, hint=f"give {name} = {said(kinds[name])}")
    return cls(**values)


def keys_of(cls: type[Any]) -> dict[str, Any]:
    """The keys of a section and their types, `None` left out."""
    hints = _hints(cls)
    return {name: _plain_type(hints[name]) for name in _fields(cls)}


def defaults_of(cls: type[Any]) -> dict[str, Any]:
    """The defaults of those keys that may be left out."""
    found = {}
    for name, item in _fields(cls).items():
        if item.default is not dataclasses.MISSING:
            found[name] = item.default
        elif item.default_factory is not dataclasses.MISSING:
            found[name] = item.default_factory()
    return found


def changed(item: Any) -> dict[str, Any]:
    """What a section says beyond its defaults, as plain data: {} where it says nothing.

    Digests are taken of this, so that a key which is new in the harness changes no digest of a configuration that
    does not use it.
    """
    defaults = defaults_of(type(item))
    found = {}
    for name in _fields(type(item)):
        value = getattr(item, name)
        if name not in defaults or value != defaults[name]:
            found[name] = plain(value)
    return found


def plain(value: Any) -> Any:
    """A value of a section as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return changed(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return value


def said(kind: Any) -> str:
    """A type in the user's words."""
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        return "a list of texts" if inner is str else "a list of numbers" if inner is float else "tables"
    if origin is not None or dataclasses.is_dataclass(kind):
        return "a table"
    return SAID[kind]


def texts(values: Any, key: str, where: str) -> tuple[str, ...]:
    """A list of names, each once."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        values = [None]
    names = tuple(values)
    if not all(isinstance(value, str) for value in names):
        raise HarnessError(f"{key} is {values!r}", where=where, hint=f"{key} is a list of names")
    for name in names:
        if names.count(name) > 1:
            raise HarnessError(f'{key} names "{name}" twice', where=where, hint="name each once")
    return names


def choice(value: str, known: Iterable[str], key: str, where: str) -> None:
    """Raise unless the value is one of the known ones."""
    if value not in (known := tuple(known)):
        raise HarnessError(f'unknown {key} "{value}"', where=where, hint=did_you_mean(value, known))


def between(value: float, low: float, high: float, key: str, where: str) -> None:
    """Raise unless low <= value <= high."""
    if not low <= value <= high:
        raise HarnessError(f"{key} is {value}", where=where, hint=f"choose a value from {low:g} to {high:g}")


def bytes_of(value: str, key: str, where: str) -> int:
    """A size in bytes.

    >>> bytes_of("2 GiB", "memory_limit", ""), bytes_of("1.5 KiB", "memory_limit", "")
    (2147483648, 1536)
    """
    found = SIZE.fullmatch(value)
    size = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not size:
        raise HarnessError(
            f"{key} is {value!r}", where=where, hint=f'write it as {key} = "2 GiB" or "512 MiB"'
        )
    return size


def _value(value: Any, kind: Any, key: str, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        if inner is str:
            return texts(value, key, where)
        if not isinstance(value, list):
            raise HarnessError(f"{key} is {value!r}", where=where, hint=f"{key} is {said(kind)}")
        if inner is float:
            return tuple(_value(one, float, key, where) for one in value)
        return tuple(_value(one, inner, key, f"{where} {place}") for place, one in enumerate(value, start=1))
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise HarnessError(f"{key} is {value!r}", where=where, hint=f"{key} is a table")
        return section(typing.cast(type[Any], kind), value, f"{where}: {key}")
    if origin is not None:
        if not isinstance(value, dict):
            raise HarnessError(f"{key} is {value!r}", where=where, hint=f"{key} is a table")
        inner = typing.get_args(kind)[1]
        if inner is Any:
            return dict(value)
        return {name: _value(one, inner, f"{key}.{name}", where) for name, one in value.items()}
    fits = isinstance(value, (int, float) if kind is float else kind)
    if kind is not bool:
        fits = fits and not isinstance(value, bool)
    if not fits or (kind is str and not value):
        raise HarnessError(f"{key} is {value!r}", where=where, hint=f"{key} is {said(kind)}")
    return float(value) if kind is float else value


def _plain_type(hint: Any) -> Any:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    return hint


def _optional(item: dataclasses.Field[Any]) -> bool:
    return item.default is not dataclasses.MISSING or item.default_factory is not dataclasses.MISSING


def _hints(cls: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _fields(cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    return {item.name: item for item in dataclasses.fields(cls) if not item.name.startswith("_")}
