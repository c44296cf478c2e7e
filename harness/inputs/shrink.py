"""Make one failing case as simple as it can be while it still fails, in few calls of the models.

Every step asks a whole batch of candidates at once: a model that answers one row slowly answers fifty nearly as
fast. First every field is set to its simplest value, alone and together; then each number that has to differ is
moved towards its simplest value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
Judge = Callable[[Sequence[Row]], Sequence[bool]]


def shrink(row: Row, simplest: Mapping[str, Any], fails: Judge, *, calls: int = 40) -> Row:
    """The simplest row found that still fails. `fails` judges a batch; `simplest` names each field's simplest.

    >>> shrink({"a": 7.25, "b": 3.0}, {"a": 0.0, "b": 0.0}, lambda rows: [r["a"] > 5 for r in rows])
    {'a': 6.0, 'b': 0.0}
    """
    ask = _Counted(fails, calls)
    best = _reset(row, simplest, ask)
    while ask.left > 0:
        before = best
        best = _simplify_numbers(best, simplest, ask)
        if best == before:
            break
        best = _reset(best, simplest, ask)
    return best


class _Counted:
    """The judge, until its calls are used up: then nothing fails any more and the shrink ends."""

    def __init__(self, fails: Judge, calls: int) -> None:
        self.fails, self.left = fails, calls

    def __call__(self, rows: Sequence[Row]) -> Sequence[bool]:
        if self.left <= 0 or not rows:
            return [False] * len(rows)
        self.left -= 1
        return self.fails(rows)


def _reset(row: Row, simplest: Mapping[str, Any], fails: Judge) -> Row:
    """Set as many fields as possible to their simplest: each alone, then the longest prefix of those together."""
    names = [name for name in row if name in simplest and not _same(row[name], simplest[name])]
    alone = fails([{**row, name: simplest[name]} for name in names])
    free = [name for name, failed in zip(names, alone, strict=True) if failed]
    merged = [{**row, **{name: simplest[name] for name in free[: i + 1]}} for i in range(len(free))]
    together = fails(merged)
    for candidate, failed in zip(reversed(merged), reversed(list(together)), strict=True):
        if failed:
            return dict(candidate)
    return row


def _simplify_numbers(row: Row, simplest: Mapping[str, Any], fails: Judge) -> Row:
    for name, goal in simplest.items():
        value = row.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or _same(value, goal):
            continue
        if not isinstance(goal, int | float):
            continue
        candidates = _between(value, goal)
        failed = fails([{**row, name: candidate} for candidate in candidates])
        row = next(({**row, name: c} for c, still in zip(candidates, failed, strict=True) if still), row)
    return row


def _between(value: float, goal: float) -> list[float]:
    """Simpler numbers than `value`, the simplest first: nearer to `goal`, with fewer digits."""
    if value != value or value in (float("inf"), float("-inf")):
        return []
    whole = isinstance(value, int)
    found: list[float] = [goal + (value - goal) * 2.0**-power for power in range(30, 0, -1)]
    found += [float(round(x)) for x in (value, value - 1, value + 1)] + [
        round(value, digits) for digits in (1, 2, 3)
    ]
    low, high = min(value, goal), max(value, goal)
    rounded = {int(x) if whole else float(_short(x)) for x in found}
    return sorted(
        (x for x in rounded if low <= x <= high and not _same(x, value)),
        key=lambda x: (abs(x - goal), len(repr(x))),
    )


def _short(x: float) -> float:
    """Whole from 1 upwards, two digits below."""
    return float(round(x)) if abs(x) >= 1 else float(f"{x:.2g}")


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) or (a != a and b != b)
