"""Plots as SVG, drawn from the numbers of the manifest: no library, no script, equal bytes for equal numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 360, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 12, 44

Points = Sequence[Sequence[float]]


def normal(points: Points) -> str:
    """Quantiles of the residuals (standardised) against the normal distribution's: normal ones lie on the line."""
    ends = [one for point in points for one in point]
    plane = _Plane(ends, ends)
    low, high = min(ends), max(ends)
    drawn = [plane.line([(low, low), (high, high)], "4 4")]
    drawn += [plane.dot(x, y) for x, y in points]
    said = "Quantiles of the residuals against those of the normal distribution"
    return plane.svg(said, "normal quantile", "residual, standardised", drawn)


def spread(points: Points) -> str:
    """Residuals against what was fitted: the middle one of each bin, and the band that holds 80% of them."""
    plane = _Plane([one[0] for one in points], [0.0, *(value for one in points for value in one[1:])])
    band = [(one[0], one[3]) for one in points] + [(one[0], one[1]) for one in reversed(points)]
    xs = [one[0] for one in points]
    drawn = [
        plane.area(band),
        plane.line([(min(xs), 0.0), (max(xs), 0.0)], "4 4"),
        plane.line([(one[0], one[2]) for one in points]),
    ]
    drawn += [plane.dot(one[0], one[2]) for one in points]
    said = "Residuals against fitted values: the median of each bin, and the band from the 10% to the 90% quantile"
    return plane.svg(said, "fitted", "residual", drawn)


class _Plane:
    """Two axes, and the way from numbers to places."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self._x, self._y = _room(xs), _room(ys)

    def _place(self, x: float, y: float) -> tuple[str, str]:
        across = (x - self._x[0]) / (self._x[1] - self._x[0])
        up = (y - self._y[0]) / (self._y[1] - self._y[0])
        left = _LEFT + across * (WIDTH - _LEFT - _RIGHT)
        top = HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)
        return f"{left:.1f}", f"{top:.1f}"

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(",".join(self._place(x, y)) for x, y in points)

    def dot(self, x: float, y: float) -> str:
        """A point."""
        left, top = self._place(x, y)
        return f'<circle cx="{left}" cy="{top}" r="2.5" fill="currentColor"/>'

    def line(self, points: Sequence[tuple[float, float]], dashes: str = "") -> str:
        """A line through points."""
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        return f'<polyline points="{self._path(points)}" fill="none" stroke="currentColor"{dashed}/>'

    def area(self, points: Sequence[tuple[float, float]]) -> str:
        """An area within points."""
        return f'<polygon points="{self._path(points)}" fill="currentColor" fill-opacity="0.15"/>'

    def svg(self, said: str, below: str, beside: str, drawn: Sequence[str]) -> str:
        """The picture; `said` is what a reader who does not see it is told."""
        bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
        middle = _TOP + (bottom - _TOP) / 2
        size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        parts = [
            f'<svg role="img" {size} font-size="11" fill="currentColor"><title>{escape(said)}</title>',
            f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>',
            f'<text x="{_LEFT}" y="{bottom + 16}">{self._x[0]:.3g}</text>',
            f'<text x="{right}" y="{bottom + 16}" text-anchor="end">{self._x[1]:.3g}</text>',
            f'<text x="{(_LEFT + right) / 2:g}" y="{bottom + 34}" text-anchor="middle">{escape(below)}</text>',
            f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{self._y[0]:.3g}</text>',
            f'<text x="{_LEFT - 6}" y="{_TOP + 9}" text-anchor="end">{self._y[1]:.3g}</text>',
            f'<text transform="translate(14 {middle:g}) rotate(-90)" text-anchor="middle">{escape(beside)}</text>',
        ]
        return "".join([*parts, *drawn, "</svg>"])


def _room(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1.0), high + (abs(high) or 1.0)
    return low, high
