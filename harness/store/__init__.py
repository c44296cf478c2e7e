"""The baseline store: released wheels by digest, a catalogue that says which release of which channel they are.

Every read verifies the sha256; every write is whole or not at all; the catalogue moves under a lock.
"""

from __future__ import annotations

from harness.store.catalogue import Release
from harness.store.opening import open_place
from harness.store.place import Place
from harness.store.promotion import refuse_first_when_released, release

__all__ = ["Place", "Release", "open_place", "refuse_first_when_released", "release"]
