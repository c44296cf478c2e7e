"""Several numbers of one row judged together: the columns of a group, or the numbers inside a nested value.

A group has one pair of columns for each number, named alike on both sides; what has no number on one side alone
is no group's business any more: that row is `bad`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.rules.protocol import Difference, Floats, missing
from harness.compare.rules.values import Close, Exact, identical
from harness.tables import Bools, Column

NUMBERS = ("float", "int")


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The numbers of n rows: `pairs` are (output, baseline, candidate), each column null where the row has no
    such number on either side; `bad` (n,) has a number on one side alone, or no numbers and unequal values;
    `both` (n,) has NaN or null on both sides somewhere."""

    pairs: tuple[tuple[str, Column, Column], ...]
    bad: Bools
    both: Bools

    @classmethod
    def of(
        cls, baseline: Mapping[str, Column], candidate: Mapping[str, Column], equal_nan: bool = True
    ) -> Group:
        """The numbers of these outputs: columns of numbers, and lists or tables of numbers in nested values.

        Every other value has to equal its counterpart. The order of the outputs does not matter.
        """
        names = sorted(baseline)
        n = len(baseline[names[0]])
        bad, both = np.zeros(n, bool), np.zeros(n, bool)
        pairs: list[tuple[str, Column, Column]] = []
        for name in names:
            b, c = baseline[name], candidate[name]
            gone_b, gone_c = missing(b), missing(c)
            bad |= gone_b ^ gone_c
            both |= gone_b & gone_c
            here = ~(gone_b | gone_c)
            if {b.kind, c.kind} <= set(NUMBERS):
                pairs.append((name, _with(b, ~here), _with(c, ~here)))
            elif (b.kind, c.kind) == ("json", "json"):
                inner = _nested(name, b, c, here, equal_nan)
                pairs += inner.pairs
                bad |= inner.bad
                both |= inner.both
            else:
                bad |= Exact().judge(b, c).violates
        return cls(tuple(pairs), bad, both)

    def apart(self, place: int) -> Floats:
        """(n,) |c - b| of one pair: exact for integers, 0 where there is no number, inf beside an infinity."""
        _, b, c = self.pairs[place]
        magnitude = Close().judge(b, c).magnitude
        return np.where(missing(b) | missing(c), 0.0, magnitude)

    def judged(self, violates: Bools, magnitude: Floats, equal_nan: bool, output: Any = None) -> Difference:
        """What a rule saw, once rows that hold no comparable numbers are counted too."""
        refused = self.both & (not equal_nan)
        return Difference(
            violates | self.bad | refused, np.where(self.bad, np.inf, magnitude), self.both, output
        )


def _with(column: Column, null: Bools) -> Column:
    return Column(column.kind, column.values, null) if null.any() else Column(column.kind, column.values)


def _nested(name: str, b: Column, c: Column, here: Bools, equal_nan: bool) -> Group:
    n = len(b)
    whole = _matrix(b, here), _matrix(c, here)
    if whole[0] is not None and whole[1] is not None and whole[0].shape == whole[1].shape:
        # the same order as below, whatever else stands in the batch: sums of floats depend on it
        sides = [{f"{i:09}": Column("float", x) for i, x in enumerate(side.T)} for side in whole]
        inner = Group.of(sides[0], sides[1])
        return Group(tuple((name, x, y) for _, x, y in inner.pairs), inner.bad, inner.both)
    bad, both = np.zeros(n, bool), np.zeros(n, bool)
    found: dict[Any, list[tuple[int, Any, Any]]] = {}
    for row in np.flatnonzero(here):
        old, new = numbers(b.values[row]), numbers(c.values[row])
        if old is None or new is None:
            bad[row] = not identical(b.values[row], c.values[row], equal_nan)
        elif old.keys() != new.keys():
            bad[row] = True
        else:
            for key in old:
                gone = is_missing(old[key]), is_missing(new[key])
                bad[row] |= gone[0] != gone[1]
                both[row] |= gone[0] and gone[1]
                if not any(gone):
                    found.setdefault(key, []).append((int(row), old[key], new[key]))
    pairs = tuple(
        (name, *_columns(n, found[key])) for key in sorted(found, key=lambda key: (str(type(key)), key))
    )
    return Group(pairs, bad, both)


def _matrix(column: Column, here: Bools) -> Any:
    """(n, m) where every row holds a list of m numbers, else None: the fast way through an embedding."""
    rows = list(column.values)
    if not here.all() or not rows or {type(row) for row in rows} != {list}:
        return None
    if len({len(row) for row in rows}) != 1 or set(map(type, chain.from_iterable(rows))) != {float}:
        return None
    return np.array(rows, np.float64)


def _columns(n: int, entries: list[tuple[int, Any, Any]]) -> tuple[Column, Column]:
    null = np.ones(n, bool)
    null[[row for row, _, _ in entries]] = False
    sides = []
    for side in (1, 2):
        values = [entry[side] for entry in entries]
        whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values)
        array: npt.NDArray[Any] = np.zeros(n, np.int64 if whole else np.float64)
        array[~null] = values
        sides.append(Column("int" if whole else "float", array, null))
    return sides[0], sides[1]


def numbers(value: Any) -> dict[Any, Any] | None:
    """The numbers of a nested value by place or name, NaN and null among them; None where it holds others."""
    entries = (
        dict(enumerate(value))
        if isinstance(value, list | tuple)
        else dict(value)
        if isinstance(value, dict)
        else {"": value}
    )
    fit = all(item is None or is_number(item) for item in entries.values())
    return entries if fit else None


def is_number(value: Any) -> bool:
    """Whether a plain value is a number: a truth value is none, nor is an integer beyond every float."""
    if isinstance(value, float):
        return True
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023


def is_missing(value: Any) -> bool:
    """Whether a plain value is null or NaN."""
    return value is None or (isinstance(value, float) and value != value)
