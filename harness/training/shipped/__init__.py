"""Transformers of our own, which travel as text inside the packages of the versions that use them.

A pickle names its classes by module path. A class that lived here would run today's code inside yesterday's model, so
none of these files is ever imported as a part of `harness`: each is loaded under the name that it will have in the
wheel, `PACKAGE.steps.FILE`, and its text is packed there. A file imports numpy, pandas and scikit-learn alone.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

DOOR = "shipped"
"""The first word of the steps that are found here: `shipped.OutlierCapper`."""

FOLDER = "steps"
"""The package inside of the version's package that holds the files."""

FILES: Mapping[str, str] = {
    "RandomSampleImputer": "sampling",
    "OutlierCapper": "capping",
    "FrequencyEncoder": "frequency",
    "CorrelationFilter": "correlated",
    "Derived": "derived",
}
"""Each transformer and the file that holds it."""


def load(name: str, package: str) -> Any:
    """The class of this name, as the version's package will have it. KeyError where there is none."""
    file = FILES[name]
    for parent in (package, f"{package}.{FOLDER}"):
        if parent not in sys.modules:
            room = ModuleType(parent)
            room.__path__ = []
            sys.modules[parent] = room
    full = f"{package}.{FOLDER}.{file}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, _path(file))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return getattr(sys.modules[full], name)


def packed(used: Iterable[str]) -> dict[str, bytes]:
    """The files that these transformers need, by their path inside of the import package."""
    files = {f"{FOLDER}/{FILES[name]}.py": _path(FILES[name]).read_bytes() for name in used}
    if files:
        files[f"{FOLDER}/__init__.py"] = (
            b'"""Transformers of this version, as they were when it was trained."""\n'
        )
    return files


def _path(file: str) -> Path:
    return Path(__file__).with_name(f"{file}.py")
