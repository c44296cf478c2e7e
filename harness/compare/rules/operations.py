"""What is demanded of how a version runs: how long it takes, what it holds, how large it is.

Such a rule judges no answer. It says what has to be measured (`need`) and what is allowed of it; `run.measure`
measures, and `run.operations` decides. What is not set is not judged; one limit has to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from harness.compare.results import FAIL, INCONCLUSIVE, PASS, gravest
from harness.errors import HarnessError

LOWER, HIGHER = "lower", "higher"


@dataclass(frozen=True, slots=True)
class Calls:
    """So many calls of each version, of so many rows each, one version after the other."""

    calls: int
    rows: int


@dataclass(frozen=True, slots=True)
class Starts:
    """So many fresh starts of each version, each asked so many rows."""

    starts: int
    rows: int


@dataclass(frozen=True, slots=True)
class Size:
    """The file that a version is, in bytes."""


Need = Calls | Starts | Size
Ends = tuple[float, float]
"""The ends of an interval, the lower first."""


class _Limited:
    """How a rule of operation decides and speaks: by its name, its unit, which way is better, and its two limits."""

    __slots__ = ()
    better: ClassVar[str]
    unit: ClassVar[str]

    @property
    def name(self) -> str:
        """What is measured."""
        raise NotImplementedError

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """As a ratio to the baseline, and of the candidate alone."""
        raise NotImplementedError

    def judge(self, ratio: Ends, candidate: Ends) -> tuple[str, str, str]:
        """Status, reason and code, by the intervals of the ratio to the baseline and of the candidate's own value.

        A limit inside an interval is neither kept nor broken.

        >>> Latency(max_ratio=1.2).judge((1.02, 1.19), (0.003, 0.004))
        ('PASS', '', '')
        >>> Latency(max_ratio=1.2).judge((1.02, 1.21), (0.003, 0.004))[:2]
        ('INCONCLUSIVE', 'p95 latency of a call with 1 row: too uncertain to tell from 1.2 x the baseline')
        """
        of_ratio, own = self.limits
        found = [(PASS, "", "")]
        if of_ratio is not None:
            found.append(self._judged(ratio, of_ratio, f"{of_ratio:g} x the baseline"))
        if own is not None:
            found.append(self._judged(candidate, own, shown(own, self.unit)))
        status = gravest(*(one[0] for one in found))
        return next(one for one in found if one[0] == status)

    def _judged(self, ends: Ends, limit: float, words: str) -> tuple[str, str, str]:
        if not isfinite(sum(ends)):
            return INCONCLUSIVE, f"{self.name}: too little was measured", "E29"
        low, high = ends
        within = high <= limit if self.better == LOWER else low >= limit
        beyond = low > limit if self.better == LOWER else high < limit
        if within:
            return PASS, "", ""
        if beyond:
            return FAIL, f"{self.name}: {'above' if self.better == LOWER else 'below'} {words}", ""
        return INCONCLUSIVE, f"{self.name}: too uncertain to tell from {words}", "E29"

    def says(self) -> str:
        """In words."""
        bound = "at most" if self.better == LOWER else "at least"
        return f"{self.name}: {bound} {limit_words(self).replace('; ', f', and {bound} ')}"


@dataclass(frozen=True, slots=True)
class Latency(_Limited):
    """A quantile of the seconds that one call takes: at most `max_ratio` of the baseline's, at most `max_seconds`.

    >>> Latency(max_ratio=1.2).says()
    'p95 latency of a call with 1 row: at most 1.2 x the baseline'
    """

    quantile: float = 0.95
    max_ratio: float | None = None
    max_seconds: float | None = None
    rows: int = 1
    calls: int = 400

    better: ClassVar[str] = LOWER
    unit: ClassVar[str] = "s"

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise HarnessError(f"quantile is {self.quantile:g}", hint="a share: 0.95 is p95")
        _check(self, ("max_ratio", "max_seconds"))
        _at_least(self, rows=1, calls=30)

    @property
    def name(self) -> str:
        """What is measured."""
        return f"p{self.quantile * 100:.6g} latency of a call with {_rows(self.rows)}"

    @property
    def need(self) -> Need:
        """What has to be measured."""
        return Calls(self.calls, self.rows)

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """As a ratio to the baseline, and of the candidate alone."""
        return self.max_ratio, self.max_seconds


@dataclass(frozen=True, slots=True)
class Throughput(_Limited):
    """Rows that are answered in a second, of calls with many rows: at least `min_ratio` of the baseline's, at least
    `min_rows_per_second`.

    >>> Throughput(min_ratio=0.9).says()
    'throughput of calls with 1,000 rows: at least 0.9 x the baseline'
    """

    min_ratio: float | None = None
    min_rows_per_second: float | None = None
    rows: int = 1000
    calls: int = 40

    better: ClassVar[str] = HIGHER
    unit: ClassVar[str] = "rows/s"

    def __post_init__(self) -> None:
        _check(self, ("min_ratio", "min_rows_per_second"))
        _at_least(self, rows=1, calls=30)

    @property
    def name(self) -> str:
        """What is measured."""
        return f"throughput of calls with {_rows(self.rows)}"

    @property
    def need(self) -> Need:
        """What has to be measured."""
        return Calls(self.calls, self.rows)

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """As a ratio to the baseline, and of the candidate alone."""
        return self.min_ratio, self.min_rows_per_second


@dataclass(frozen=True, slots=True)
class StartTime(_Limited):
    """Seconds until a version's process has started and loaded its model: at most `max_ratio` of the baseline's, at
    most `max_seconds`.

    >>> StartTime(max_seconds=3).says()
    'start time: at most 3 s'
    """

    max_ratio: float | None = None
    max_seconds: float | None = None
    starts: int = 5

    better: ClassVar[str] = LOWER
    unit: ClassVar[str] = "s"

    def __post_init__(self) -> None:
        _check(self, ("max_ratio", "max_seconds"))
        _at_least(self, starts=5)

    @property
    def name(self) -> str:
        """What is measured."""
        return "start time"

    @property
    def need(self) -> Need:
        """What has to be measured."""
        return Starts(self.starts, 0)

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """As a ratio to the baseline, and of the candidate alone."""
        return self.max_ratio, self.max_seconds


@dataclass(frozen=True, slots=True)
class PeakMemory(_Limited):
    """The most that a version's process ever held in memory, from its start until it has answered `rows` rows: at most
    `max_ratio` of the baseline's, at most `max_bytes`.

    >>> PeakMemory(max_ratio=1.1).says()
    'peak memory, asked 1,000 rows: at most 1.1 x the baseline'
    """

    max_ratio: float | None = None
    max_bytes: float | None = None
    rows: int = 1000
    starts: int = 5

    better: ClassVar[str] = LOWER
    unit: ClassVar[str] = "bytes"

    def __post_init__(self) -> None:
        _check(self, ("max_ratio", "max_bytes"))
        _at_least(self, rows=1, starts=5)

    @property
    def name(self) -> str:
        """What is measured."""
        return f"peak memory, asked {_rows(self.rows)}"

    @property
    def need(self) -> Need:
        """What has to be measured."""
        return Starts(self.starts, self.rows)

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """As a ratio to the baseline, and of the candidate alone."""
        return self.max_ratio, self.max_bytes


@dataclass(frozen=True, slots=True)
class ArtifactSize(_Limited):
    """The size of the file that a version is (its wheel, its model file): at most `max_ratio` of the baseline's, at
    most `max_bytes`.

    >>> ArtifactSize(max_bytes=50e6).says()
    'artifact size: at most 50 MB'
    """

    max_ratio: float | None = None
    max_bytes: float | None = None

    better: ClassVar[str] = LOWER
    unit: ClassVar[str] = "bytes"

    def __post_init__(self) -> None:
        _check(self, ("max_ratio", "max_bytes"))

    @property
    def name(self) -> str:
        """What is measured."""
        return "artifact size"

    @property
    def need(self) -> Need:
        """What has to be measured."""
        return Size()

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """As a ratio to the baseline, and of the candidate alone."""
        return self.max_ratio, self.max_bytes


Operation = Latency | Throughput | StartTime | PeakMemory | ArtifactSize
KINDS = (Latency, Throughput, StartTime, PeakMemory, ArtifactSize)
"""Rules that judge measured values and no answers."""


def shown(value: float, unit: str) -> str:
    """A measured value with a unit that a person reads.

    >>> shown(0.0031, "s"), shown(212_000_000, "bytes"), shown(18_400, "rows/s")
    ('3.1 ms', '212 MB', '18,400 rows/s')
    """
    if unit == "s":
        return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
    if unit == "bytes":
        for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.0f} bytes"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def limit_words(rule: _Limited) -> str:
    """The limits, in words."""
    ratio, own = rule.limits
    words = [] if ratio is None else [f"{ratio:g} x the baseline"]
    return "; ".join(words + ([] if own is None else [shown(own, rule.unit)]))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _check(rule: _Limited, keys: tuple[str, str]) -> None:
    if all(getattr(rule, key) is None for key in keys):
        raise HarnessError("it has no limit", hint=f"set {keys[0]}, {keys[1]} or both")
    for key in keys:
        value = getattr(rule, key)
        if value is not None and not 0 < value < float("inf"):
            raise HarnessError(f"{key} is {value:g}", hint="a number above 0")


def _at_least(rule: _Limited, **fewest: int) -> None:
    for key, least in fewest.items():
        if getattr(rule, key) < least:
            raise HarnessError(f"{key} is {getattr(rule, key)}", hint=f"at least {least}")
