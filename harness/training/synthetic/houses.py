"""House prices: what a real table has (gaps at random and not, rare and late categories, outliers, skew, interactions,
a copied and a constant column, time) with a price whose formula is stated.

The price without its noise is `true_price`: how well a model can do, and what a fault costs, is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.training.synthetic.draws import Floats, Rows, bell, bits, choice, uniform

DISTRICTS: Mapping[str, tuple[int, float]] = {
    # weight of 1,000, price of a square metre
    "old town": (150, 5200.0), "river": (130, 4600.0), "north": (210, 3100.0), "south": (190, 3400.0),
    "west": (140, 3800.0), "east": (120, 2800.0), "hills": (40, 6100.0), "airport": (16, 2100.0),
    "mill island": (3, 5600.0), "royal park": (1, 9800.0),
}  # fmt: skip
"""The two at the end are rare: three rows and one in a thousand."""

LATE, LATE_FROM, LATE_SHARE, LATE_PRICE = "harbour", np.datetime64("2024-01-01"), 0.08, 4900.0
"""A district that is listed from this day only: no table of earlier years has it."""

KINDS = ("flat", "terraced", "detached", "loft")
CONDITIONS = ("poor", "fair", "good", "new")
ENERGY = ("A", "B", "C", "D", "E", "F")
AGENTS = 5_000
"""Estate agents, most of them with few houses: a category of many levels that says nothing about the price."""

FIRST_DAY, DAYS = np.datetime64("2016-01-01"), 3_650

TARGET, KEY = "price", "id"

COLUMNS: Mapping[str, str] = {
    KEY: "int", "listed": "datetime", "district": "str", "kind": "str", "condition": "str", "energy": "str",
    "agent": "str", "area": "float", "area_copy": "float", "rooms": "int", "garden": "float", "year": "float",
    "floor": "float", "garage": "bool", "distance": "float", "noise": "float", "country": "str", TARGET: "float",
}  # fmt: skip
"""The table: `area_copy` is `area` again, `country` is the same everywhere, `floor` is of flats alone."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What can be turned. Shares are between 0 and 1.

    `drift` (0 none, 1 strong) moves what is offered: larger houses, more of them in the east, dearer ones throughout.
    `missing_at_random` and `missing_not_at_random` multiply the rates of gaps (at most 3): the first of those that
    have nothing to do with the house (`year`, `noise`, `floor` of a flat), the second of those that have (`energy`,
    `garden`). `outliers` is the share of gardens that were typed with a zero too many, `noise` the standard deviation
    of the price as a share of it.
    """

    seed: int = 8123
    drift: float = 0.0
    missing_at_random: float = 1.0
    missing_not_at_random: float = 1.0
    outliers: float = 0.002
    noise: float = 0.08


def houses(first: int, rows: int, knobs: Knobs) -> dict[str, npt.NDArray[Any]]:
    """The rows from number `first` on (from 0), as columns of shape (rows,), in order.

    Numbers that may be missing are float64 with NaN, texts are `object` with None, `listed` is datetime64[D].
    Houses 0 to 9 are the same whether they are made in one part or in ten:

    >>> whole, part = houses(0, 10, Knobs()), houses(7, 3, Knobs())
    >>> bool((whole["price"][7:] == part["price"]).all())
    True
    """
    made = _Houses(np.arange(first, first + rows, dtype=np.uint64), knobs)
    return made.columns()


class _Houses:
    """The houses of some rows before anything is missing."""

    def __init__(self, rows: Rows, knobs: Knobs) -> None:
        self._rows, self._knobs = rows, knobs
        self.listed = FIRST_DAY + (bits(knobs.seed, "listed", rows) % np.uint64(DAYS)).astype(
            "timedelta64[D]"
        )
        self.district, self._square_metre = self._districts()
        self.kind = self._choice("kind", (480, 260, 220, 40))
        # u*u is skewed to the left as areas are: half of them below a quarter of the range
        skewed = uniform(knobs.seed, "area", rows)
        wide = np.array([110.0, 150.0, 260.0, 180.0])[self.kind] * (1.0 + 0.2 * knobs.drift)
        self.area = _rounded(25.0 + wide * skewed * skewed * (0.5 + 0.5 * skewed), 10.0)
        self.rooms = np.clip(np.floor(self.area / 28.0 + 1.5 * self._uniform("rooms")), 1.0, 12.0)
        self.year = 1880.0 + np.floor(145.0 * (1.0 - self._uniform("year") * self._uniform("year, again")))
        self.condition = np.clip(
            np.floor((self.year - 1880.0) / 72.0 + 1.9 * self._uniform("condition")), 0.0, 3.0
        ).astype(np.int64)
        self.distance = _rounded(
            0.3 + 24.0 * self._uniform("distance") * self._uniform("distance, again"), 100.0
        )
        self.garden = np.where(
            self.kind == 0,
            0.0,
            _rounded(40.0 + 900.0 * self._uniform("garden") * self._uniform("garden, again"), 1.0),
        )
        self.garage = self._uniform("garage") < np.array([0.2, 0.45, 0.8, 0.3])[self.kind]
        self.noise = _rounded(62.0 - 0.7 * self.distance + 5.0 * self._bell("street"), 10.0)
        self.energy = np.clip(
            np.floor(5.5 - (self.year - 1880.0) / 29.0 + 1.2 * self._bell("energy")), 0, 5
        ).astype(np.int64)
        self.floor = np.where(
            self.kind == 0, np.floor(9.0 * self._uniform("floor") * self._uniform("floor, again")), 0.0
        )

    def true_price(self) -> Floats:
        """The price without noise, in euros: square metres times the district's price, and then shares of it.

        Two interactions: a garage is worth four times as much in the old town, and a high floor is worth something in
        a new house and costs in an old one (no lift).
        """
        worth = self.area * self._square_metre
        share = np.ones(len(worth))
        share += np.array([0.0, 0.04, 0.18, 0.11])[self.kind]
        share += np.array([-0.16, -0.05, 0.0, 0.09])[self.condition]
        share += np.where(self.garage, np.where(self.district == 0, 0.12, 0.03), 0.0)
        share += np.where(self.year >= 1995.0, 0.012, -0.015) * self.floor
        share -= 0.009 * self.distance
        share -= 0.018 * (self.energy - 2.0)
        years = (self.listed - FIRST_DAY).astype(np.float64) / 365.0
        level = (1.0 + 0.035 * years) * (1.0 + 0.15 * self._knobs.drift)
        return (worth * share + 55.0 * self.garden) * level

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The table's columns, with what is missing taken out."""
        wrong = self._uniform("outlier") < self._knobs.outliers
        garden = np.where(wrong, self.garden * 10.0, self.garden)
        # one price in a hundred is of a sale within a family: far below, whatever the house is
        noise = 1.0 + self._knobs.noise * self._bell("price")
        noise = np.where(self._uniform("family") < 0.01, noise * 0.6, noise)
        at_random = self._knobs.missing_at_random
        energy = _texts(ENERGY, self.energy)
        # not at random: an old house was seldom measured, and a poor one less often still
        unmeasured = np.where(self.year < 1978.0, 0.45, 0.03) + np.where(self.condition == 0, 0.25, 0.0)
        energy[self._uniform("no energy") < unmeasured * self._knobs.missing_not_at_random] = None
        return {
            KEY: self._rows.astype(np.int64),
            "listed": self.listed,
            "district": _texts((*DISTRICTS, LATE), self.district),
            "kind": _texts(KINDS, self.kind),
            "condition": _texts(CONDITIONS, self.condition),
            "energy": energy,
            "agent": self._agents(),
            "area": self.area,
            "area_copy": self.area.copy(),
            "rooms": self.rooms.astype(np.int64),
            # more is missing where there is little to tell
            "garden": self._without(
                "garden",
                garden,
                np.where(self.garden == 0.0, 0.3, 0.05) * self._knobs.missing_not_at_random,
            ),
            "year": self._without("year", self.year, 0.06 * at_random),
            "floor": np.where(self.kind == 0, self._without("floor", self.floor, 0.02 * at_random), np.nan),
            "garage": self.garage,
            "distance": self.distance,
            "noise": self._without("noise", self.noise, 0.04 * at_random),
            "country": _texts(("NL",), np.zeros(len(self.area), dtype=np.int64)),
            # to whole hundreds
            TARGET: np.floor(self.true_price() * noise / 100.0 + 0.5) * 100.0,
        }

    def _districts(self) -> tuple[npt.NDArray[np.int64], Floats]:
        weights = np.array([weight for weight, _ in DISTRICTS.values()], dtype=np.int64)
        # what drifts goes to the east
        weights[list(DISTRICTS).index("east")] += int(400 * self._knobs.drift)
        district = choice(self._knobs.seed, "district", self._rows, weights)
        late = (self.listed >= LATE_FROM) & (self._uniform("late") < LATE_SHARE)
        district = np.where(late, len(DISTRICTS), district)
        return district, np.array([*(price for _, price in DISTRICTS.values()), LATE_PRICE])[district]

    def _agents(self) -> npt.NDArray[Any]:
        # u*u*u: the first hundred agents have a quarter of the houses, thousands have hardly any
        drawn = self._uniform("agent")
        numbers = np.floor(AGENTS * drawn * drawn * drawn).astype(np.int64)
        return np.array([f"agent {number:04d}" for number in range(AGENTS)], dtype=object)[numbers]

    def _without(self, name: str, values: Floats, rate: Any) -> Floats:
        return np.where(self._uniform(f"no {name}") < rate, np.nan, values)

    def _uniform(self, name: str) -> Floats:
        return uniform(self._knobs.seed, name, self._rows)

    def _bell(self, name: str) -> Floats:
        return bell(self._knobs.seed, name, self._rows)

    def _choice(self, name: str, weights: tuple[int, ...]) -> npt.NDArray[np.int64]:
        return choice(self._knobs.seed, name, self._rows, weights)


def true_price(first: int, rows: int, knobs: Knobs) -> Floats:
    """The prices of these rows before noise, in euros, of shape (rows,)."""
    return _Houses(np.arange(first, first + rows, dtype=np.uint64), knobs).true_price()


def _rounded(values: Floats, steps: float) -> Floats:
    """To whole steps of one: exact operations alone, so that the same number is written everywhere."""
    return np.floor(values * steps + 0.5) / steps


def _texts(names: tuple[str, ...], places: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    return np.array(names, dtype=object)[places]
