"""`report.schema.json`, made from the types of `reporting.shape`: JSON Schema 2020-12, one each `schema_version`."""

from __future__ import annotations

import inspect
import json
import re
import types
from enum import IntEnum
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from harness.reporting import SCHEMA_VERSION, shape

_PLAIN = {str: "string", int: "integer", bool: "boolean"}
NUMBER = {
    "description": "A number; NaN and infinities are strings, so that the file is strict JSON.",
    "anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
}


def schema() -> dict[str, Any]:
    """The schema as plain values."""
    defs: dict[str, Any] = {"number": NUMBER}
    whole = _object(shape.Record, defs)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pytest-model-harness:report:{SCHEMA_VERSION}",
        "title": f"report.json of a comparison of two model versions, schema_version {SCHEMA_VERSION}",
        **whole,
        "$defs": dict(sorted(defs.items())),
    }


def text() -> str:
    """The file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _object(cls: Any, defs: dict[str, Any]) -> dict[str, Any]:
    # only those of the annotations that are still there say which keys may be missing
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, Any] = {
        "description": " ".join((inspect.getdoc(cls) or "").split()),
        "type": "object",
        "properties": {name: _value(hint, defs) for name, hint in hints.items()},
        "required": [name for name in hints if get_origin(hints[name]) is not NotRequired],
    }
    if cls in shape.CLOSED:
        found["additionalProperties"] = False
    return found


def _value(hint: Any, defs: dict[str, Any]) -> dict[str, Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _value(inner[0], defs)
    if origin is Annotated:
        return _narrowed(_value(inner[0], defs), inner[1:])
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if one is type(None) else _value(one, defs) for one in inner]}
    if origin is list:
        return {"type": "array", "items": _value(inner[0], defs)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(inner[1], defs)}
    if is_typeddict(hint):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", hint.__name__).lower()
        if name not in defs:
            defs[name] = {}
            defs[name] = _object(hint, defs)
        return {"$ref": f"#/$defs/{name}"}
    if hint is float:
        return {"$ref": "#/$defs/number"}
    return {} if hint is Any else {"type": _PLAIN[hint]}


def _narrowed(value: dict[str, Any], more: tuple[Any, ...]) -> dict[str, Any]:
    """A value with what stands beside its type: keywords of JSON Schema, a description, the codes of an enumeration."""
    for one in more:
        if isinstance(one, str):
            value = {"description": one, **value}
        elif isinstance(one, type) and issubclass(one, IntEnum):
            value = {"enum": [int(code) for code in one]}
        else:
            # keywords beside a number hold for numbers alone
            value = {"type": "number"} if value == {"$ref": "#/$defs/number"} else value
            value = {**value, **one}
    return value
