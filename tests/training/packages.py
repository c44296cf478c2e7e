"""A package that was just trained, opened as whoever installs it would: without the harness."""

from __future__ import annotations

import importlib.util
import itertools
import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.training.__main__ import train
from harness.training.config import read_config

_NUMBERS = itertools.count(1)


def opened(wheel: str | Path, folder: Path) -> ModuleType:
    """The module `predict` of a wheel, imported from a folder of its own."""
    place = folder / f"opened{next(_NUMBERS)}"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    (path,) = place.glob("*/predict.py")
    return imported(path)


def imported(path: Path) -> ModuleType:
    """A module under a name that no other has."""
    spec = importlib.util.spec_from_file_location(f"opened{next(_NUMBERS)}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained(config: Path, folder: Path) -> ModuleType:
    """Train as a configuration says, and open what was made."""
    result: dict[str, Any] = train(read_config(config), folder / "dist", commit="", dirty=False)
    return opened(result["wheel"], folder)


def manifest_in(wheel: str | Path) -> dict[str, Any]:
    """The manifest of a wheel as plain data."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/manifest.json"))
        found: dict[str, Any] = json.loads(archive.read(name))
    return found
