"""What answers a batch: the protocol that every way of running a version follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from harness.tables import Batch, Outcome
from harness.versions.version import Version


@dataclass(frozen=True, slots=True)
class Running:
    """How a version is being run, for the report: isolation reached, interpreter, library versions."""

    isolation: str
    python: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()


class Predictor(Protocol):
    """A version that can be asked. Opened at first use or by `open`, kept for the session, closed once.

    `open` and `predict` raise HarnessError for infrastructure (E01–E08, E33–E40: a worker that ended, a time-out,
    an unreachable endpoint); what the model itself raised on a row is a fault in the outcome.
    """

    version: Version

    def open(self) -> Running:
        """Start it and wait until it can answer. A second call answers the same again."""
        ...

    def predict(self, batch: Batch) -> Outcome:
        """Ask the whole batch; the outcome has its length and order."""
        ...

    def close(self) -> tuple[str, ...]:
        """Stop it and whatever it started; returns events worth reporting (E07 stray processes)."""
        ...


@runtime_checkable
class Wide(Protocol):
    """A predictor for which a call costs much beside its rows: several blocks may be asked in one."""

    version: Version

    def whole(self, batch: Batch, blocks: int, seconds: float) -> Outcome | None:
        """Every row answered in its place, in one call; None where not, and then nothing is known of the rows. It is of
        so many `blocks`, each of which may take a time-out; the call is expected to take `seconds`."""
        ...


@runtime_checkable
class Weighed(Protocol):
    """A predictor that runs a process of its own, and can say what that held at most."""

    def peak_memory(self) -> int | None:
        """The most that its process held in memory since it was started, in bytes; None where it has none."""
        ...
