"""How long the parts of a training take: said to whoever watches and in the log, and kept in no package, since no two
runs agree in them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds by part, and those of a processor, in the order in which they were begun; a part that comes again adds to
    itself. Where the two are far apart, others had the processor, or the disk was waited for."""

    seconds: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Whatever is done here belongs to the part."""
        began, used = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began
            self.processor[part] = self.processor.get(part, 0.0) + time.process_time() - used

    def in_words(self) -> str:
        """One line.

        >>> Durations({"reading": 1.234, "fitting": 20.0}, {"reading": 0.7, "fitting": 19.9}).in_words()
        'took, in seconds (of a processor): reading 1.23 (0.70), fitting 20.00 (19.90)'
        """
        parts = (f"{part} {took:.2f} ({self.processor[part]:.2f})" for part, took in self.seconds.items())
        return "took, in seconds (of a processor): " + ", ".join(parts)
