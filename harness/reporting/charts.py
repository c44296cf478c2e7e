"""Geometry of the two charts, drawn by hand as SVG: numbers only, with the words that a screen reader needs.

Both are as wide as a phone, so that their text stays readable there; each has a table beside it that says the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from harness.reporting.numbers import as_float, number, percent

WIDTH = 420
_ROW, _LABEL, _COUNT, _GAP = 24, 104, 76, 22


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a histogram: texts at `label_y`, the bar at (x, y) of `width` x `height`."""

    label: str
    count: str
    share: str
    beyond: bool
    x: float
    y: float
    width: float
    height: float
    text_y: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows by relative change, one bar for each bin from top to bottom; the limit line between two of them."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    limit_y: float | None
    limit: str
    describes: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A loss's change: the estimate, the upper bound, the margin that neither may pass; x of each."""

    width: int
    height: int
    zero: float
    change: float
    upper: float
    margin: float
    describes: str


def histogram(edges: Sequence[float], counts: Sequence[int], limit: float) -> Histogram:
    """Bars of `counts`: rows that did not change, then bins (edge, edge], then everything beyond the last edge."""
    names = _names(edges)
    total, most = sum(counts), max(counts, default=0)
    uppers = [0.0, *edges[1:], float("inf")]
    bars: list[Bar] = []
    limit_y = None
    y = 4.0
    room = WIDTH - _LABEL - _COUNT
    for name, count, upper in zip(names, counts, uppers, strict=False):
        beyond = upper > limit
        if beyond and limit_y is None:
            limit_y = y + _GAP / 2
            y += _GAP
        # a single row among many thousands must still be seen
        width = max(2.0, room * count / most) if count else 0.0
        share = percent(count, total)
        bars.append(
            Bar(name, number(count), share, beyond, _LABEL, y + 3, round(width, 1), _ROW - 6, y + _ROW - 7)
        )
        y += _ROW
    words = "; ".join(f"{bar.label}: {bar.count}" for bar in bars if bar.count != "0")
    return Histogram(WIDTH, int(y) + 4, tuple(bars), limit_y, _share(limit), words or "no case was compared")


def interval(change: object, upper: object, margin: object, words: Mapping[str, str]) -> Interval | None:
    """Where change, upper bound and margin lie; None where one of them is not finite."""
    found = [as_float(value) for value in (change, upper, margin)]
    if any(value is None or not isfinite(value) for value in found):
        return None
    a, b, m = (value for value in found if value is not None)
    low, high = min(0.0, a, b, m), max(0.0, a, b, m)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(12 + (240 - 24) * (value - low) / span, 1)

    describes = f"change {words['change']}, upper bound {words['upper']}, margin {words['margin']}"
    return Interval(240, 44, place(0.0), place(a), place(b), place(m), describes)


def _names(edges: Sequence[float]) -> list[str]:
    middle = [f"up to {_share(edges[1])}"] if len(edges) > 1 else []
    middle += [f"{_bare(a)}–{_share(b)}" for a, b in itertools.pairwise(edges[1:])]
    return ["unchanged", *middle, f"over {_share(edges[-1])}" if edges else "changed"]


def _share(edge: float) -> str:
    return f"{edge * 100:g}%"


def _bare(edge: float) -> str:
    return f"{edge * 100:g}"
