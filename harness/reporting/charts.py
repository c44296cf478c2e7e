"""Geometry of the charts, drawn by hand as SVG: numbers only, with the words that a screen reader needs.

No chart is wider than a phone, so that its text stays readable there; each has a table beside it that says the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from harness.reporting.numbers import as_float, number, percent

WIDTH = 420
_ROW, _LABEL, _COUNT, _GAP = 24, 104, 76, 22
_CURVE, _LEFT, _TOP, _BASE = 360, 18, 18, 96


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


@dataclass(frozen=True, slots=True)
class Curve:
    """Share of rows beyond a tolerance, for every tolerance: `line` are the points of a falling line of steps,
    `ticks` (x, text) the powers of ten below it, `rows` (tolerance, share) the same in words."""

    width: int
    height: int
    top: float
    base: float
    line: str
    limit_x: float | None
    limit: str
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[tuple[str, str], ...]
    describes: str


def curve(points: Sequence[tuple[float, float]], limit: float) -> Curve | None:
    """The curve of (tolerance, share beyond it), tolerances rising; None where no row is beyond any."""
    if not any(share for _, share in points):
        return None
    low, high = log10(points[0][0]), log10(points[-1][0])

    def across(tolerance: float) -> float:
        return round(_LEFT + (_CURVE - 2 * _LEFT) * (log10(tolerance) - low) / (high - low), 1)

    steps: list[str] = []
    rows: list[tuple[str, str]] = []
    before = None
    for place, (tolerance, share) in enumerate(points):
        x, y = across(tolerance), round(_TOP + (_BASE - _TOP) * (1 - share), 1)
        changes = share != before
        if before is not None and changes:
            # what lies between two points is not known: the step stands at the second
            steps.append(f"{x},{round(_TOP + (_BASE - _TOP) * (1 - before), 1)}")
        if changes or place == len(points) - 1:
            steps.append(f"{x},{y}")
        if changes:
            rows.append((f"{tolerance * 100:.3g}%", percent(share)))
        before = share
    ticks = tuple(
        (across(10.0**power), _share(10.0**power)) for power in range(ceil(low), floor(high) + 1, 2)
    )
    at = across(limit) if points[0][0] <= limit <= points[-1][0] else None
    some = rows[:: max(1, len(rows) // 6)]
    describes = "; ".join(f"beyond {tolerance}: {share}" for tolerance, share in some)
    return Curve(
        _CURVE, _BASE + 22, _TOP, _BASE, " ".join(steps), at, _share(limit), ticks, tuple(rows), describes
    )


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
