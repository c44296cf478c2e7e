"""One TOML table against its dataclass: what every part of the configuration is read with."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, did_you_mean

WORDS = {
    "str": ("text", '"…"'),
    "int": ("a whole number", "1"),
    "float": ("a number", "0.01"),
    "bool": ("true or false", "true"),
    "datetime.date": ("a date", "2027-06-30"),
}
"""What each type is called, and how one is written."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


class Table:
    """One TOML table against its dataclass: unknown keys refused, types checked."""

    def __init__(self, data: Any, cls: type, place: str, hidden: tuple[str, ...] = ()) -> None:
        self.data = mapping(data, place)
        self.place = place
        self.types = {item.name: str(item.type) for item in fields(cls) if item.name not in hidden}
        for key in self.data:
            if key not in self.types:
                raise HarnessError(
                    f'unknown key "{key}"', where=place, hint=did_you_mean(key, self.types), code="E27"
                )

    def plain(self, *keys: str) -> dict[str, Any]:
        """The values of these keys, where present, after their types were checked."""
        wanted: dict[str, tuple[type, ...]] = {
            "str": (str,), "int": (int,), "float": (int, float), "bool": (bool,), "datetime.date": (datetime.date,),
        }  # fmt: skip
        found = {}
        for key in keys:
            if key not in self.data:
                continue
            value: Any = self.data[key]
            name = self.types[key].removesuffix(" | None")
            # bool is an int to Python, and `max_violations = true` is nobody's intention
            if not isinstance(value, wanted[name]) or (isinstance(value, bool) and name != "bool"):
                words, example = WORDS[name]
                raise HarnessError(
                    f"{key} must be {words}, got {value!r}",
                    where=self.place,
                    hint=f"write {key} = {example}",
                    code="E27",
                )
            found[key] = float(self.data[key]) if name == "float" else value
        return found

    def names(self, *keys: str) -> dict[str, Any]:
        """The lists of strings under these keys, as tuples."""
        found = {}
        for key in keys:
            if key in self.data:
                value = self.data[key]
                if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                    raise HarnessError(
                        f"{key} must be a list of strings, got {value!r}",
                        where=self.place,
                        hint=f'{key} = ["…"]',
                        code="E27",
                    )
                found[key] = tuple(value)
        return found


def read(path: Path) -> dict[str, Any]:
    """The tables of a TOML file."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _not_toml(error, path) from None
    return parsed(text, path)


def parsed(text: str, path: Path) -> dict[str, Any]:
    """The tables of a text that stands, or is to stand, in this file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(error, path) from None


def _not_toml(error: ValueError, path: Path) -> HarnessError:
    return HarnessError(f"not TOML: {error}", where=str(path), hint="mend the file at that place")


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    """The value, which has to be a table."""
    if not isinstance(value, Mapping):
        raise HarnessError(f"expected a table, got {value!r}", where=place, hint="write it as a TOML table")
    return value


def tables(value: Any, place: str) -> list[Any]:
    """The value, which has to be an array (of tables, which whoever reads them checks)."""
    if not isinstance(value, list):
        raise HarnessError("expected an array of tables", where=place, hint="write [[…]] with two brackets")
    return value


def one_of(value: str, known: tuple[str, ...], key: str, place: str) -> None:
    """Refuse a word that is none of the known ones, and name the nearest."""
    if value not in known:
        raise HarnessError(f'{key} is "{value}"', where=place, hint=did_you_mean(value, known), code="E27")


def check_name(value: str, noun: str, place: str) -> None:
    """Names become folders, node ids and lines of a report."""
    if not _NAME.fullmatch(value):
        raise HarnessError(
            f"{value!r} cannot be the name of a{'n' if noun[0] in 'aeiou' else ''} {noun}",
            where=place,
            hint="begin with a letter or digit; then letters, digits, and any of _ . -",
            code="E27",
        )


def positive(value: float | None, key: str, place: str) -> None:
    """Refuse 0, less, and infinity; None is a value that was left out."""
    if value is not None and not 0 < value < math.inf:
        raise HarnessError(f"{key} is {value}", where=place, hint="a finite number above 0", code="E27")


def demand(values: Mapping[str, Any], keys: tuple[str, ...], place: str, hint: str) -> None:
    """Refuse a table that lacks one of these keys."""
    for key in keys:
        if key not in values:
            raise HarnessError(f"{key} is missing", where=place, hint=f"write {hint}", code="E27")


def finite(limit: float, place: str) -> None:
    """Refuse a limit below 0, and one that limits nothing."""
    if not 0 <= limit < float("inf"):
        raise HarnessError(f"limit is {limit}", where=place, hint="limit is 0 or more", code="E27")


def check_seed(seed: int, place: str) -> None:
    """Refuse (E27) what the generator and the bootstrap cannot take as a seed."""
    if not 0 <= seed < 2**64:
        raise HarnessError(
            f"seed is {seed}", where=place, hint="a whole number from 0 to 2**64 - 1", code="E27"
        )


def unique(names: list[str], noun: str, place: str) -> None:
    """Refuse a name that stands twice."""
    for name in names:
        if names.count(name) > 1:
            raise HarnessError(
                f'{noun} "{name}" stands twice', where=place, hint="names are unique", code="E27"
            )


def byte_size(value: Any, place: str) -> int:
    """`2 GiB`, `512 MiB` or a number of bytes."""
    units = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    number, _, unit = str(value).partition(" ")
    try:
        size = int(float(number) * units[unit.strip()])
    except (ValueError, KeyError, OverflowError):
        raise HarnessError(
            f"{value!r} is no size", where=place, hint='write it as "2 GiB", "512 MiB" or bytes', code="E27"
        ) from None
    positive(size, "memory", place)
    return size
