"""From the configuration to the place that it names."""

from __future__ import annotations

from harness.settings import Settings
from harness.store.place import Place
from harness.store.place_folder import Folder


def open_place(settings: Settings) -> Place:
    """Where the store of this configuration lies. Nothing is read or written yet."""
    return Folder(settings.root / settings.store)
