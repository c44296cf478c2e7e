"""What a condition on the inputs is made of, once it is read: a frozen tree that says which cases it holds for.

Two-valued: a comparison with a null, a NaN or a NaT is false, whatever the operator (`!=` and `not in` too), and
`not` turns a false into a true. `is null` alone asks for what is absent.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.rules import missing
from harness.tables import Bools, Column

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

FAMILY = {"float": "numbers", "int": "numbers", "str": "text", "bool": "true or false", "datetime": "dates"}
"""What a column of each kind is compared with; bytes and json are compared with nothing."""

Columns = Mapping[str, Column]


class Misfit(Exception):
    """A column that cannot be compared so: `words`, and the place `at` in the text of the condition."""

    def __init__(self, words: str, at: int, hint: str = "") -> None:
        super().__init__(words)
        self.words, self.at, self.hint = words, at, hint


@dataclass(frozen=True, slots=True)
class Named:
    """A column. `at` is its place in the text."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value: a number, a text, a truth, or a date as nanoseconds since 1970. `family` is one of `FAMILY`."""

    family: str
    value: Any
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator literal` or `column operator column`."""

    left: Named
    operator: str
    right: Named | Literal

    def mask(self, columns: Columns, n: int) -> Bools:
        """(n,) where both sides hold a value and the comparison is true."""
        left = columns[self.left.name]
        right = columns[self.right.name] if isinstance(self.right, Named) else None
        use = present(left) if right is None else present(left) & present(right)
        found = np.zeros(n, bool)
        if not use.any():
            # the kind of a column without values says nothing
            return found
        self.fits({name: columns[name].kind for name in self.names()})
        values = _plain(left.take(use))
        if right is not None:
            found[use] = _pair(self.operator, values, _plain(right.take(use)))
        else:
            assert isinstance(self.right, Literal)
            found[use] = against(self.operator, values, self.right)
        return found

    def fits(self, kinds: Mapping[str, str]) -> None:
        """Raises Misfit unless columns of these kinds can be compared so; an unknown kind is left alone."""
        family = _family(self.left, kinds)
        if family is None:
            return
        if isinstance(self.right, Literal):
            _same_family(self.left, family, self.right)
        else:
            other = _family(self.right, kinds)
            if other is not None and other != family:
                raise Misfit(
                    f"column {self.left.name} holds {family}, column {self.right.name} {other}", self.right.at
                )
        if family == "true or false" and self.operator not in ("==", "!="):
            raise Misfit(f"column {self.left.name} holds true or false, which have no order", self.left.at)

    def names(self) -> Iterator[str]:
        """The columns."""
        yield self.left.name
        if isinstance(self.right, Named):
            yield self.right.name


@dataclass(frozen=True, slots=True)
class Member:
    """`column in (…)`; `negated`: `not in`, which is false for a null as well."""

    column: Named
    values: tuple[Literal, ...]
    negated: bool = False

    def mask(self, columns: Columns, n: int) -> Bools:
        """(n,) where the column holds one of the values (negated: another value)."""
        column = columns[self.column.name]
        use = present(column)
        found = np.zeros(n, bool)
        if not use.any():
            return found
        self.fits({self.column.name: column.kind})
        values = _plain(column.take(use))
        inside = np.zeros(len(values), bool)
        for literal in self.values:
            inside |= against("==", values, literal)
        found[use] = ~inside if self.negated else inside
        return found

    def fits(self, kinds: Mapping[str, str]) -> None:
        """Raises Misfit unless each value can be one of the column's."""
        family = _family(self.column, kinds)
        for literal in self.values if family is not None else ():
            _same_family(self.column, str(family), literal)

    def names(self) -> Iterator[str]:
        """The column."""
        yield self.column.name


@dataclass(frozen=True, slots=True)
class Null:
    """`column is null`: absent, NaN or NaT; `negated`: `is not null`."""

    column: Named
    negated: bool = False

    def mask(self, columns: Columns, n: int) -> Bools:
        """(n,) where the column holds nothing (negated: something)."""
        here = present(columns[self.column.name])
        return here if self.negated else ~here

    def fits(self, kinds: Mapping[str, str]) -> None:
        """Columns of every kind have nulls."""

    def names(self) -> Iterator[str]:
        """The column."""
        yield self.column.name


@dataclass(frozen=True, slots=True)
class Not:
    """True where the inner condition is false, nulls included."""

    inner: Condition

    def mask(self, columns: Columns, n: int) -> Bools:
        """(n,) the opposite."""
        return ~self.inner.mask(columns, n)

    def fits(self, kinds: Mapping[str, str]) -> None:
        """As the inner condition."""
        self.inner.fits(kinds)

    def names(self) -> Iterator[str]:
        """As the inner condition."""
        yield from self.inner.names()


@dataclass(frozen=True, slots=True)
class Several:
    """Conditions joined by `and`, or (`either`) by `or`."""

    parts: tuple[Condition, ...]
    either: bool = False

    def mask(self, columns: Columns, n: int) -> Bools:
        """(n,) where all (one) of them hold."""
        join = np.logical_or if self.either else np.logical_and
        found: Bools = np.asarray(join.reduce([part.mask(columns, n) for part in self.parts]), bool)
        return found

    def fits(self, kinds: Mapping[str, str]) -> None:
        """As each of them."""
        for part in self.parts:
            part.fits(kinds)

    def names(self) -> Iterator[str]:
        """The columns of each."""
        for part in self.parts:
            yield from part.names()


Condition = Comparison | Member | Null | Not | Several


def present(column: Column) -> Bools:
    """(n,) where the column holds a value: not null, not NaN, not NaT.

    >>> present(Column.of([1.0, None, float("nan")])).tolist()
    [True, False, False]
    """
    absent = missing(column)
    if column.kind == "datetime":
        absent |= np.isnat(column.values)
    return ~absent


def _plain(column: Column) -> npt.NDArray[Any]:
    """Values that numpy compares as they are meant: floats of any width as float64, dates as nanoseconds."""
    if column.kind == "float":
        return column.values.astype(np.float64, copy=False)
    if column.kind == "datetime":
        return column.values.astype("datetime64[ns]").view(np.int64)
    return column.values


def against(sign: str, values: npt.NDArray[Any], literal: Literal) -> Bools:
    """(n,) values against one literal of their family. Integers stay integers: 2**53 + 1 is not 2.0**53."""
    value = literal.value
    if isinstance(value, float) and values.dtype.kind in "iu":
        if value.is_integer():
            value = int(value)
        elif sign in ("==", "!="):
            return np.full(len(values), sign == "!=")
        else:
            # x < 2.5 is x <= 2, and x > 2.5 is x >= 3: no integer lies between
            sign, value = ("<=", floor(value)) if sign in ("<", "<=") else (">=", ceil(value))
    elif values.dtype.kind == "f":
        value = float(value)
    return np.asarray(COMPARE[sign](values, value), bool)


def _pair(sign: str, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Bools:
    return np.asarray(COMPARE[sign](left, right), bool)


def _family(column: Named, kinds: Mapping[str, str]) -> str | None:
    kind = kinds.get(column.name, "")
    if not kind:
        return None
    if kind not in FAMILY:
        raise Misfit(
            f"column {column.name} holds {kind}, which is compared with nothing",
            column.at,
            "ask whether it is null, or choose another column",
        )
    return FAMILY[kind]


def _same_family(column: Named, family: str, literal: Literal) -> None:
    if literal.family != family:
        hints = {
            "text": "write a text in quotes",
            "dates": "write a date without quotes: 2024-01-31",
            "true or false": "write true or false",
        }
        raise Misfit(
            f"column {column.name} holds {family}, and this is {_ONE[literal.family]}",
            literal.at,
            hints.get(family, "write a number without quotes"),
        )


_ONE = {"numbers": "a number", "text": "a text", "true or false": "a truth", "dates": "a date"}
