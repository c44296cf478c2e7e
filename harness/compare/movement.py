"""How far one numeric output moved: what the kernel sees in it, as a value that adds up over blocks.

Nothing here judges. The counts follow the formula of `close`; the mean and the spread of `c - b` are rounded once,
when somebody asks for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.compare.exact import Sums
from harness.compare.kernel import measure
from harness.compare.measured import FINE, Rows, Tolerance, add_bins, bin_of, edge
from harness.tables import Column

MOVED_OVER = 0.01
"""Relative change beyond which an answer counts as moved: `abs(c - b) > 0.01 * abs(b)`."""

MOVED_EDGES = (0.0, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Edges of the histogram of relative change; the last bin is open."""

CURVE = tuple(range(bin_of(2.0**-28), bin_of(4.0), FINE // 2))
"""The bins at whose lower edge the tolerance curve has its 60 points: 2**-28 to 3, two for each octave."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far one numeric output moved over `compared` rows; `a + b` is that of both.

    `count` rows lie beyond `MOVED_OVER`. `largest` is the largest relative change and `absolute` the largest
    `|c - b|`, each with its first row and that row's key (-1 and "" where nothing moved). `histogram` counts rows
    unchanged, then by `MOVED_EDGES`; `bins` the same finely (`measured.edge`). `sums` is of `c - b` over the rows
    that have a finite one.

    >>> one = moved(Column.of([1.0, 2.0]), Column.of([1.0, 3.0]), lambda row: (row, f"key-{row}"))
    >>> one.count, one.largest, one.largest_key, one.sums.mean(), dict(one.curve())[0.24999999999999997]
    (1, 0.5, 'key-1', 0.5, 0.5)
    """

    compared: int = 0
    count: int = 0
    largest: float = 0.0
    largest_row: int = -1
    largest_key: str = ""
    absolute: float = 0.0
    absolute_row: int = -1
    absolute_key: str = ""
    histogram: tuple[int, ...] = ()
    bins: tuple[tuple[int, int], ...] = ()
    sums: Sums = Sums()

    def __add__(self, other: Moved) -> Moved:
        length = max(len(self.histogram), len(other.histogram))
        pad = [h.histogram + (0,) * (length - len(h.histogram)) for h in (self, other)]
        return Moved(
            self.compared + other.compared,
            self.count + other.count,
            *min(self._largest(), other._largest(), key=_first),
            *min(self._absolute(), other._absolute(), key=_first),
            tuple(a + b for a, b in zip(*pad, strict=True)),
            add_bins(self.bins, other.bins),
            self.sums + other.sums,
        )

    def _largest(self) -> tuple[float, int, str]:
        return self.largest, self.largest_row, self.largest_key

    def _absolute(self) -> tuple[float, int, str]:
        return self.absolute, self.absolute_row, self.absolute_key

    def curve(self) -> list[tuple[float, float]]:
        """60 points (tolerance, share of rows whose relative change is beyond it); empty of nothing.

        Shares are exact at these tolerances, which are the largest floats below the edges of bins. A missing
        answer on one side is beyond every tolerance.
        """
        if not self.compared:
            return []
        points, beyond, left = [], 0, sorted(self.bins)
        for number in reversed(CURVE):
            while left and left[-1][0] >= number:
                beyond += left.pop()[1]
            points.append((math.nextafter(edge(number), 0.0), beyond / self.compared))
        return points[::-1]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Moved:
        """The inverse of `dataclasses.asdict`, after a round trip through JSON."""
        return cls(
            **{
                **data,
                "histogram": tuple(data["histogram"]),
                "bins": tuple((number, count) for number, count in data["bins"]),
                "sums": Sums.from_json(data["sums"]),
            }
        )


def moved(
    baseline: Column,
    candidate: Column,
    place: Callable[[int], tuple[int, str]],
    asked: Sequence[Tolerance] = (),
    rows: Rows | None = None,
) -> Moved:
    """How far these rows moved; `place` gives the row number in the source, and the key, of a position.

    Both columns hold floats or integers, are equally long, and are (part of) one canonical block. `rows` is filled in
    the same pass, with a mask for each of the tolerances that are `asked` for.
    """
    seen = measure(
        baseline.values,
        candidate.values,
        [*asked, *((0.0, limit) for limit in MOVED_EDGES)],
        null=(baseline.null, candidate.null),
        worst=0,
        rows=rows,
    )
    beyond = seen.violations[len(asked) :]
    steps = [a - b for a, b in zip(beyond, (*beyond[1:], 0), strict=True)]
    largest_row, largest_key = place(seen.relative_row) if seen.relative_row >= 0 else (-1, "")
    absolute_row, absolute_key = place(seen.absolute_row) if seen.absolute_row >= 0 else (-1, "")
    return Moved(
        seen.rows,
        beyond[MOVED_EDGES.index(MOVED_OVER)],
        seen.relative,
        largest_row,
        largest_key,
        seen.absolute,
        absolute_row,
        absolute_key,
        (seen.rows - beyond[0], *steps),
        seen.bins,
        seen.sums,
    )


def _first(one: tuple[float, int, str]) -> tuple[float, float, str]:
    return -one[0], one[1] if one[1] >= 0 else math.inf, one[2]
