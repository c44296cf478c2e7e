"""How long the parts of a training take: said to whoever watches and in the log, and kept in no package, since no two
runs agree in them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds by part, in the order in which they were begun; a part that comes again adds to itself."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Whatever is done here belongs to the part."""
        began = time.perf_counter()
        self.seconds.setdefault(part, 0.0)
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - began


def in_words(seconds: Mapping[str, float]) -> str:
    """One line.

    >>> in_words({"reading": 1.234, "fitting": 20.0})
    'reading 1.23 s, fitting 20.00 s'
    """
    return ", ".join(f"{part} {took:.2f} s" for part, took in seconds.items())
