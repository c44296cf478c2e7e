"""One assumption of a model and the test of it, as manifest and card have it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

LEVEL = 0.01
"""Probability below which an assumption is called rejected."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One assumption and the test of it. `effect` is how large the deviation is, whatever the number of rows, in the
    words of `measures`; where `why` stands, nothing was calculated."""

    assumption: str
    test: str
    statistic: float | None = None
    p: float | None = None
    rejected: bool | None = None
    effect: float | None = None
    measures: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


def tested(name: tuple[str, str], statistic: float, p: float, effect: float, measures: str) -> Checked:
    """What was calculated of the assumption and the test of this name."""
    return Checked(*name, short(statistic), short(p), p < LEVEL, short(effect), measures)


def short(value: float) -> float:
    """To six digits: what lies behind them differs between processors."""
    return float(f"{value:.6g}")
