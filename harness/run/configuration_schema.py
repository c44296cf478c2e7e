"""The JSON Schema of the configuration, made from the dataclasses that read it, so that editors complete and check.

`harness/settings.schema.json` is what this prints without extensions; a test makes it again and compares.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from harness import settings as configuration
from harness.compare import asking, census, rules
from harness.compare.rules import operations
from harness.compare.rules.text import FORMS
from harness.settings import CHANGES, DIRECTIONS, PASS_AS, SEVERITIES, Input, RuleSettings, Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TABLES: dict[str, type] = {
    name: found
    for name, found in vars(configuration).items()
    if isinstance(found, type) and is_dataclass(found) and found is not Settings
}
"""Every table of the configuration: a new one is in the schema as soon as it is read."""

HIDDEN = {"Settings": {"path", "root"}, "Profile": {"name"}, "RuleSettings": {"parameters"}}
REQUIRED = {"Settings": ["model"]}
"""What a reader demands though the dataclass has a default, or fills in itself."""

_TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime.date": {"type": "string", "format": "date"},
    "tuple[str, ...]": {"type": "array", "items": {"type": "string"}},
    "Mapping[str, str]": {"type": "object", "additionalProperties": {"type": "string"}},
    "Mapping[str, Any]": {"type": "object"},
    "Mapping[str, float]": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
}
_NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("Settings", "require_approval"): {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "boolean"}]},
    ("Settings", "change"): {"enum": list(CHANGES)},
    ("Profile", "pass_as"): {"enum": list(PASS_AS)},
    ("Profile", "memory"): {
        "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^[0-9.]+ ?(B|KiB|MiB|GiB)?$"}]
    },
    ("RuleSettings", "severity"): {"enum": list(SEVERITIES)},
    ("RuleSettings", "when"): {"type": "array", "items": {"enum": list(CHANGES[1:])}},
    ("RuleSettings", "max_violations"): {"type": "integer", "minimum": 0},
    ("RuleSettings", "max_violation_rate"): {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    ("Input", "max_both_faulted"): {"type": "integer", "minimum": 0},
    ("RuleSettings", "min_cases"): {"type": "integer", "minimum": 0},
    ("RuleSettings", "where"): {"type": "string", "minLength": 1},
    ("RuleSettings", "replaces"): {"type": "string", "minLength": 1},
    ("MaxQuantile", "q"): {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    ("MaxQuantile", "limit"): {"type": "number", "minimum": 0},
    ("MaxCost", "limit"): {"type": "number", "minimum": 0},
    ("MaxCost", "error"): {"type": "number", "minimum": 0},
    ("MaxMeanShift", "limit"): {"type": "number", "minimum": 0},
    ("WaiverSettings", "where"): {"type": "string", "minLength": 1},
    ("WaiverSettings", "direction"): {"enum": list(DIRECTIONS)},
    ("WaiverSettings", "max_magnitude"): {"type": "number", "minimum": 0},
    ("WaiverSettings", "versions"): {"type": "string", "pattern": "->"},
    **{
        ("WaiverSettings", key): {"type": "string", "minLength": 1}
        for key in ("name", "rule", "owner", "reason")
    },
    ("DriftSettings", "over"): {"type": "number", "minimum": 0},
    ("DriftSettings", "max_share"): {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    ("DriftSettings", "max_mean_shift"): {"type": "number", "minimum": 0},
    ("Generate", "rows"): {"type": "integer", "minimum": 1},
}
"""What the reader checks beyond the type."""


_SIZE: dict[str, Any] = {"minimum": 0}
_SHARE: dict[str, Any] = {"minimum": 0, "exclusiveMaximum": 1}
_ABOVE: dict[str, Any] = {"exclusiveMinimum": 0}
_TOLERANCES: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {key: {"type": "number", **_SIZE} for key in ("atol", "rtol")},
        "additionalProperties": False,
    },
}
_RANGES: dict[str, dict[str, dict[str, Any]]] = {
    "close": {"atol": _SIZE, "rtol": _SIZE},
    "ulp": {"max_ulps": _SIZE},
    "null_rate": {"max_rate": _SHARE, "max_increase": _SHARE},
    "error_rate": {"max_rate": _SHARE, "max_increase": _SHARE},
    "same_top_k": {"k": {"minimum": 1}, "lists": {"enum": ["items", "scores"]}},
    "same_ranking": {
        "min_tau": {"minimum": -1, "maximum": 1},
        "k": _SIZE,
        "min_overlap": {"minimum": 0, "maximum": 1},
        "lists": {"enum": ["items", "scores"]},
    },
    "close_probabilities": {"atol": _SIZE, "max_total_variation": _SIZE},
    "close_vector": {"max_cosine_distance": _SIZE, "max_l2_distance": _SIZE},
    "same_set": {"min_jaccard": {"minimum": 0, "maximum": 1}},
    "same_text": {"unicode": {"enum": list(FORMS)}, "max_edits": _SIZE, "max_edit_share": _SHARE},
    "same_structure": {"atol": _SIZE, "rtol": _SIZE, "tolerances": _TOLERANCES},
    "latency": {
        "quantile": {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "max_ratio": _ABOVE,
        "max_seconds": _ABOVE,
        "rows": {"minimum": 1},
        "calls": {"minimum": 30},
    },
    "throughput": {
        "min_ratio": _ABOVE,
        "min_rows_per_second": _ABOVE,
        "rows": {"minimum": 1},
        "calls": {"minimum": 30},
    },
    "start_time": {"max_ratio": _ABOVE, "max_seconds": _ABOVE, "starts": {"minimum": 5}},
    "peak_memory": {
        "max_ratio": _ABOVE,
        "max_bytes": _ABOVE,
        "rows": {"minimum": 1},
        "starts": {"minimum": 5},
    },
    "artifact_size": {"max_ratio": _ABOVE, "max_bytes": _ABOVE},
}
"""What each kind of rule checks of its own keys beyond their types; a test asks both of every key."""

_ONE_OF: dict[str, tuple[str, ...]] = {
    "budget": ("max_quantile", "max_mean_shift"),
    "cost": ("max_cost",),
    "null_rate": ("max_rate", "max_increase"),
    "error_rate": ("max_rate", "max_increase"),
    "close_probabilities": ("atol", "max_total_variation"),
    "close_vector": ("max_cosine_distance", "max_l2_distance"),
    "latency": ("max_ratio", "max_seconds"),
    "throughput": ("min_ratio", "min_rows_per_second"),
    "start_time": ("max_ratio", "max_seconds"),
    "peak_memory": ("max_ratio", "max_bytes"),
    "artifact_size": ("max_ratio", "max_bytes"),
}
"""Keys of which one has to be set: without a limit a kind of rule judges nothing."""


def text(*, pyproject: bool = False) -> str:
    """The schema as JSON, ending in a newline. `pyproject`: for the whole file, with `[tool.harness]` in it."""
    return json.dumps(schema(pyproject=pyproject), indent=1, ensure_ascii=False) + "\n"


def schema(*, pyproject: bool = False) -> dict[str, Any]:
    """The schema of `harness.toml`, or of pyproject.toml. Kinds of rule that are registered are included."""
    root = _table(Settings)
    if pyproject:
        tool = {"type": "object", "properties": {"harness": root}}
        root = {"type": "object", "properties": {"tool": tool}}
    return {
        "$schema": DIALECT,
        "title": "model harness" + (" in pyproject.toml" if pyproject else ""),
        **root,
        "$defs": {name: _rule() if cls is RuleSettings else _table(cls) for name, cls in TABLES.items()},
    }


def _table(cls: type) -> dict[str, Any]:
    own = [item for item in fields(cls) if item.name not in HIDDEN.get(cls.__name__, ())]
    found: dict[str, Any] = {
        "type": "object",
        "description": _first_line(cls),
        "properties": {item.name: _value(cls, item) for item in own},
        "additionalProperties": False,
    }
    required = REQUIRED.get(cls.__name__) or [item.name for item in own if _default(item) is MISSING]
    if required:
        found["required"] = required
    if cls is Input:
        found["oneOf"] = [{"required": ["path"]}, {"required": ["generate"]}]
    return found


def _value(cls: type, item: Field[Any]) -> dict[str, Any]:
    kind = str(item.type).removesuffix(" | None")
    found: dict[str, Any]
    if (cls.__name__, item.name) in _NARROWER:
        found = dict(_NARROWER[cls.__name__, item.name])
    elif kind in TABLES:
        found = {"$ref": f"#/$defs/{kind}"}
    elif kind.startswith("tuple[") and kind[6:].partition(",")[0] in TABLES:
        found = {"type": "array", "items": {"$ref": f"#/$defs/{kind[6:].partition(',')[0]}"}}
    elif kind.startswith("Mapping[str, ") and kind[13:-1] in TABLES:
        found = {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{kind[13:-1]}"}}
    else:
        found = dict(_TYPES[kind])
    default = _default(item)
    if isinstance(default, str | int | float) and default != "":
        found["default"] = default
    return found


def _rule() -> dict[str, Any]:
    """A rule's own keys, and for each kind of rule that kind's parameters and no others.

    A kind that is not known here comes from an extension module: its parameters cannot be checked.
    """
    found = _table(RuleSettings)
    own = list(found["properties"])
    kinds = {name: _parameters(name) for name in rules.REGISTRY}
    del found["additionalProperties"]
    found["properties"]["rule"] = {"anyOf": [{"enum": list(kinds)}, {"type": "string"}]}
    found["not"] = {"required": ["max_violations", "max_violation_rate"]}
    found["allOf"] = [
        {
            "if": {"properties": {"rule": {"const": name}}, "required": ["rule"]},
            "then": {
                "properties": {key: value for key, value in parameters.items() if value},
                "propertyNames": {"enum": [*(key for key in own if key not in _refused(name)), *parameters]},
                **({"anyOf": [{"required": [key]} for key in _ONE_OF[name]]} if name in _ONE_OF else {}),
            },
        }
        for name, parameters in kinds.items()
    ]
    return found


def _parameters(kind: str) -> dict[str, dict[str, Any]]:
    """The parameters of a kind of rule, by the fields of its dataclass; a type that is not known is not checked."""
    found = {}
    for item in fields(rules.REGISTRY[kind]):
        value = _TYPES.get(str(item.type).removesuffix(" | None"), {}) | _RANGES.get(kind, {}).get(
            item.name, {}
        )
        default = _default(item)
        if value and isinstance(default, str | int | float) and default != "":
            value["default"] = default
        found[item.name] = value
    return found


def _refused(kind: str) -> tuple[str, ...]:
    """The keys of every rule that this kind cannot have."""
    made = rules.REGISTRY[kind]
    if made in operations.KINDS:
        return (*asking.REFUSED_BY_OPERATIONS, "output")
    if made in census.KINDS:
        return (*asking.REFUSED_BY_CENSUS, *(["output"] if made is rules.ErrorRate else []))
    return asking.REFUSED_BY_ERRORS if made is rules.SameError else ()


def _default(item: Field[Any]) -> Any:
    if item.default is not MISSING:
        return item.default
    return MISSING if item.default_factory is MISSING else item.default_factory()


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").partition("\n")[0].replace("`", "")
