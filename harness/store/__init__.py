"""The baseline store: released wheels by digest, a catalogue that says which release of which channel they are.

Every read verifies the sha256; every write is temporary file, fsync, rename; the catalogue moves under a lock.
"""

from __future__ import annotations

from harness.store.catalogue import Release
from harness.store.promotion import refuse_first_when_released, release

__all__ = ["Release", "refuse_first_when_released", "release"]
