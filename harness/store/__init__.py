"""The baseline store: released wheels by digest, a catalogue that says which release of which channel they are.

Every read verifies the sha256; every write is whole or not at all; the catalogue moves under a lock.
"""

from __future__ import annotations

from harness.store.catalogue import Release
from harness.store.opening import open_place
from harness.store.place import Place
from harness.store.promotion import Act, promote, refuse_first_when_released, release, rollback

__all__ = [
    "Act",
    "Place",
    "Release",
    "open_place",
    "promote",
    "refuse_first_when_released",
    "release",
    "rollback",
]
