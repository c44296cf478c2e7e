"""Nested answers: the same keys and lengths everywhere, numbers close, all else equal.

A place inside a value is a path, `items[3].score`; configuration names places by patterns with wildcards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.compare.rules.groups import is_missing
from harness.compare.rules.protocol import Difference, finish
from harness.compare.rules.values import Close
from harness.errors import HarnessError, did_you_mean
from harness.tables import Column

Step = str | int
"""A key of a table, or a place in a list."""

LIMITS = ("atol", "rtol")


@dataclass(frozen=True, slots=True)
class Path:
    """A pattern of paths: `items[*].score`, `*.id`, `**.trace`, `["odd.key"]`.

    `*` is one key, `[*]` one place in a list, `**` any number of either; a quoted key in brackets is that key.

    >>> path = Path.of("items[*].score")
    >>> path.means(("items", 3, "score")), path.means(("items", "score"))
    (True, False)
    """

    text: str
    steps: tuple[tuple[str, Step], ...]

    @classmethod
    def of(cls, text: str) -> Path:
        """Parse a pattern; HarnessError with the place where it cannot be read."""
        steps: list[tuple[str, Step]] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at) if at or text[0] != "." else None
            if found is None or (found["dot"] is None and found["key"] is not None and at):
                raise HarnessError(
                    f"a path cannot be read at character {at + 1}: {text[at:]!r}",
                    where=f"path {text}",
                    hint='write it as items[*].score, **.id or ["odd.key"]',
                )
            at = found.end()
            if found["key"] is not None:
                kind = {"*": "any key", "**": "any steps"}.get(found["key"], "key")
                steps.append((kind, found["key"]))
            elif found["place"] is not None:
                steps.append(("any place", "*") if found["place"] == "*" else ("place", int(found["place"])))
            else:
                steps.append(("key", re.sub(r"\\(.)", r"\1", found["quoted"])))
        if not steps:
            raise HarnessError(
                "a path is empty", where="rule same_structure", hint="write it as items[*].score"
            )
        return cls(text, tuple(steps))

    @property
    def wildcards(self) -> int:
        """How many of its steps are wildcards."""
        return sum(kind.startswith("any") for kind, _ in self.steps)

    def means(self, path: tuple[Step, ...]) -> bool:
        """Whether the pattern means this path, whole."""
        return _means(self.steps, path)


_TOKEN = re.compile(
    r"""(?P<dot>\.)?(?P<key>\*\*|\*|[^.\[\]"*]+)|\[(?P<place>\*|\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]"""
)


def _means(steps: tuple[tuple[str, Step], ...], path: tuple[Step, ...]) -> bool:
    if not steps:
        return not path
    (kind, wanted), rest = steps[0], steps[1:]
    if kind == "any steps":
        return any(_means(rest, path[start:]) for start in range(len(path) + 1))
    if not path:
        return False
    here = path[0]
    fits = {
        "any key": isinstance(here, str),
        "any place": isinstance(here, int),
    }.get(kind, type(here) is type(wanted) and here == wanted)
    return fits and _means(rest, path[1:])


@dataclass(frozen=True, slots=True)
class SameStructure:
    """Numbers within `atol` and `rtol`, or those of the path that means their place; what is at `ignore` is free.

    Where several paths of `tolerances` mean a place, the one with the fewest wildcards does, then the longest.

    >>> rule = SameStructure(tolerances={"items[*].score": {"atol": 0.1}}, ignore=("id",))
    >>> old = Column.of([{"id": 1, "items": [{"score": 0.5}]}] * 2)
    >>> new = Column.of([{"id": 2, "items": [{"score": 0.55}]}, {"id": 2, "items": []}])
    >>> rule.judge(old, new).violates.tolist()
    [False, True]
    """

    atol: float = 0.0
    rtol: float = 0.0
    tolerances: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)
    ignore: tuple[str, ...] = ()
    equal_nan: bool = True
    _ignored: tuple[Path, ...] = field(init=False, repr=False, compare=False)
    _close: tuple[tuple[Path, Close], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # the limits themselves are checked by the rule that they are given to
        Close(self.atol, self.rtol)
        close = [(Path.of(text), _limits(text, limits)) for text, limits in self.tolerances.items()]
        close.sort(key=lambda item: (item[0].wildcards, -len(item[0].steps), item[0].text))
        object.__setattr__(self, "_close", tuple(close))
        object.__setattr__(self, "_ignored", tuple(Path.of(text) for text in self.ignore))

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows that differ somewhere; the magnitude is the largest |c - b|, inf where it is no number's."""
        if (baseline.kind, candidate.kind) != ("json", "json"):
            return Close(self.atol, self.rtol, self.equal_nan).judge(baseline, candidate)
        n = len(baseline)
        bad, magnitude, nans = np.zeros(n, bool), np.zeros(n), np.zeros(n, bool)
        for row, (b, c) in enumerate(zip(baseline.values, candidate.values, strict=True)):
            for violates, size, nan in self._seen(b, c, ()):
                bad[row] |= violates
                magnitude[row] = max(magnitude[row], size)
                nans[row] |= nan
        seen = finish(baseline, candidate, bad, magnitude, self.equal_nan)
        return Difference(seen.violates, seen.magnitude, seen.both_nan | nans)

    def says(self) -> str:
        """In words."""
        words = f"the same structure, numbers {Close(self.atol, self.rtol).says()}"
        if self._close:
            words += ", " + ", ".join(f"{path.text} {close.says()}" for path, close in self._close)
        return words + (f"; not judged: {', '.join(self.ignore)}" if self.ignore else "")

    def _seen(self, b: Any, c: Any, path: tuple[Step, ...]) -> Iterator[tuple[bool, float, bool]]:
        """At each place that differs, or holds NaN on both sides: whether it violates, how far, whether NaN."""
        if any(one.means(path) for one in self._ignored):
            return
        if isinstance(b, dict) and isinstance(c, dict):
            for key in sorted({*b, *c}, key=str):
                if key in b and key in c:
                    yield from self._seen(b[key], c[key], (*path, key))
                elif not any(one.means((*path, key)) for one in self._ignored):
                    yield True, math.inf, False
        elif isinstance(b, list | tuple) and isinstance(c, list | tuple):
            for place, (x, y) in enumerate(zip(b, c, strict=False)):
                yield from self._seen(x, y, (*path, place))
            for place in range(min(len(b), len(c)), max(len(b), len(c))):
                if not any(one.means((*path, place)) for one in self._ignored):
                    yield True, math.inf, False
        elif _is_numeric(b) and _is_numeric(c):
            yield from self._numbers(b, c, path)
        elif type(b) is not type(c) or b != c:
            yield True, math.inf, False

    def _numbers(self, b: float, c: float, path: tuple[Step, ...]) -> Iterator[tuple[bool, float, bool]]:
        if is_missing(b) or is_missing(c):
            both = is_missing(b) and is_missing(c)
            yield (not self.equal_nan, 0.0, True) if both else (True, math.inf, False)
        elif b != c:
            close = next((rule for one, rule in self._close if one.means(path)), None)
            atol, rtol = (close.atol, close.rtol) if close else (self.atol, self.rtol)
            apart = _apart(b, c)
            yield not apart <= atol + rtol * abs(b) if apart < math.inf else True, apart, False


def _is_numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _apart(b: float, c: float) -> float:
    """|c - b|, as `close` has it: inf beside an infinity, and for integers that no float is as large as."""
    try:
        return float(abs(c - b)) if float(abs(b)) < math.inf else math.inf
    except OverflowError:
        return math.inf


def _limits(text: str, limits: Any) -> Close:
    place = f"path {text}"
    if not isinstance(limits, Mapping):
        raise HarnessError(
            f"the tolerances of {text} must be a table, got {limits!r}",
            where=place,
            hint=f'tolerances = {{ "{text}" = {{ atol = 0.01 }} }}',
        )
    for key, value in limits.items():
        if key not in LIMITS:
            raise HarnessError(f'unknown key "{key}"', where=place, hint=did_you_mean(key, LIMITS))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise HarnessError(
                f"{key} must be a number, got {value!r}", where=place, hint=f"write {key} = 0.01"
            )
    return Close(**limits)
