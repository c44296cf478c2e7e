"""The parts of a rule's result: how each slice and each statistic came out."""

from __future__ import annotations

from dataclasses import dataclass

PASS, FAIL, INCONCLUSIVE, REPORTED = "PASS", "FAIL", "INCONCLUSIVE", "REPORTED"


@dataclass(frozen=True, slots=True)
class SliceResult:
    """One rule within one slice. `limit` counts rows; `reason` says why it is no PASS. `waived` violations are
    covered by waivers."""

    name: str
    status: str
    violations: int
    compared: int
    limit: int
    largest: float = 0.0
    worst_key: str = ""
    reason: str = ""
    code: str = ""
    waived: int = 0


@dataclass(frozen=True, slots=True)
class Statistic:
    """One budget that is no count, on one output, over all cases (`slice` empty) or within one slice."""

    name: str
    output: str
    slice: str
    measured: float
    limit: float
    status: str
    reason: str = ""
    code: str = ""


def gravest(*statuses: str) -> str:
    """FAIL over INCONCLUSIVE over PASS.

    >>> gravest("PASS", "INCONCLUSIVE")
    'INCONCLUSIVE'
    """
    return next((status for status in (FAIL, INCONCLUSIVE) if status in statuses), PASS)
