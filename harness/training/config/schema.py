"""The JSON Schema of the training configuration, made from the sections that read it, for editors.

`harness/training/training.schema.json` is what this prints; a test makes it again and compares.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from harness.training.config import (
    calibration,
    data,
    packaging,
    recipes,
    search,
    selection,
    split,
    validation,
)
from harness.training.config.data import BEYOND, FILES, KINDS
from harness.training.config.reading import SAID, SIZE, defaults_of, keys_of
from harness.training.config.root import SECTIONS, Top
from harness.training.config.steps import DOORS
from harness.training.shipped import DOOR
from harness.versions.manifest import TASKS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_CLASSES: Mapping[str, type] = {
    "data": data.DataSection,
    "split": split.SplitSection,
    "validation": validation.ValidationSection,
    "recipes": recipes.RecipesSection,
    "selection": selection.SelectionSection,
    "search": search.SearchSection,
    "calibration": calibration.CalibrationSection,
    "packaging": packaging.PackagingSection,
}
_RANGE = {
    "type": "object",
    "properties": {"low": {"type": "number"}, "high": {"type": "number"}},
    "additionalProperties": False,
    "minProperties": 1,
}
_NARROWER: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("Top", "task"): {"enum": list(TASKS)},
    ("Top", "seed"): {"minimum": 0, "maximum": 2**32 - 1002},
    ("DataSection", "path"): {"pattern": "(" + "|".join(name.replace(".", r"\.") for name in FILES) + ")$"},
    ("DataSection", "sha256"): {"pattern": "^[0-9a-f]{64}$"},
    ("DataSection", "kinds"): {"additionalProperties": {"enum": list(KINDS)}},
    ("DataSection", "max_categories"): {"minimum": 1},
    ("DataSection", "memory_limit"): {"pattern": f"^{SIZE.pattern}$"},
    ("DataSection", "beyond"): {"enum": list(BEYOND)},
    ("MaskSection", "share"): {"minimum": 0, "maximum": 1},
    ("SplitSection", "share"): {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
    # TOML has dates; editors show them to the schema as text
    ("SplitSection", "after"): {"minLength": 1},
    ("ValidationSection", "max_missing"): {
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}
    },
    ("ValidationSection", "ranges"): {"additionalProperties": _RANGE},
    ("ValidationSection", "categories"): {
        "additionalProperties": {"type": "array", "items": {"type": "string"}}
    },
    ("ValidationSection", "max_duplicates"): {"minimum": 0},
    ("ValidationSection", "max_correlation"): {"minimum": 0, "maximum": 1},
    ("ValidationSection", "max_drift"): {"minimum": 0},
    ("RecipesSection", "calendar"): {
        "additionalProperties": {"type": "array", "items": {"enum": list(recipes.PARTS)}, "uniqueItems": True}
    },
    ("RecipesSection", "elapsed"): {
        "additionalProperties": {
            "type": "object",
            "required": ["of", "since"],
            "properties": {
                "of": {"type": "string"},
                "since": {"type": "string"},
                "unit": {"enum": list(recipes.UNITS)},
            },
            "additionalProperties": False,
        }
    },
    ("RecipesSection", "ratios"): {
        "additionalProperties": {
            "type": "object",
            "required": ["of", "by"],
            "properties": {"of": {"type": "string"}, "by": {"type": "string"}},
            "additionalProperties": False,
        }
    },
    ("Top", "replicas"): {"minimum": 1, "maximum": 1000},
    ("SelectionSection", "resamples"): {"minimum": 0, "maximum": 1000},
    ("SearchSection", "method"): {"enum": list(search.METHODS)},
    ("SearchSection", "trials"): {"minimum": 1},
    ("SearchSection", "folds"): {"minimum": 2, "maximum": 100},
    ("SearchSection", "parameters"): {"minProperties": 1},
    ("CalibrationSection", "method"): {"enum": list(calibration.METHODS)},
    ("CalibrationSection", "folds"): {"minimum": 2, "maximum": 100},
    ("PackagingSection", "model"): {"enum": list(packaging.MODELS)},
}
"""What the readers check beyond the type."""

_NAMES: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_STEP: Mapping[str, Any] = {
    "type": "object",
    "required": ["step"],
    "properties": {
        "step": {"type": "string", "pattern": f"^({'|'.join((*DOORS, DOOR))})\\."},
        "columns": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    },
    "additionalProperties": True,
}


def text() -> str:
    """The schema as JSON, ending in a newline."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema of a training configuration."""
    root = _table(Top)
    for name in ("data", "split", *SECTIONS):
        root["properties"][name] = _table(_CLASSES[name])
    root["properties"]["steps"] = {"type": "array", "minItems": 1, "items": dict(_STEP)}
    root["required"] += ["data", "split", "steps"]
    sources = [{"required": ["path"]}, {"required": ["sql", "url"]}, {"required": ["bundled"]}]
    root["properties"]["data"]["oneOf"] = sources
    root["properties"]["split"]["oneOf"] = [{"required": ["share", "salt"]}, {"required": ["time", "after"]}]
    return {"$schema": DIALECT, "title": "Training configuration of harness", **root}


def _table(section: type) -> dict[str, Any]:
    defaults = defaults_of(section)
    properties = {}
    for name, kind in keys_of(section).items():
        found = {**_of(kind), **_NARROWER.get((section.__name__, name), {})}
        if defaults.get(name) not in (None, "", (), {}):
            found["default"] = defaults[name]
        properties[name] = found
    required = [name for name in properties if name not in defaults]
    table: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**table, "required": required} if required else table


def _of(kind: Any) -> dict[str, Any]:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _table(typing.cast(type, kind))
    if origin is tuple:
        return {"type": "array", "items": {"type": _NAMES[typing.get_args(kind)[0]]}}
    if origin is not None or kind not in SAID:
        return {"type": "object"}
    return {"type": _NAMES[kind], **({"minLength": 1} if kind is str else {})}
