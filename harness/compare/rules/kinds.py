"""The kinds of rule by the name that configuration gives them, and how a rule is made of its parameters.

A misspelt or mistyped parameter is refused: a limit that is silently ignored is a gate that stands open.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from harness.compare.rules.protocol import Rule
from harness.errors import HarnessError, did_you_mean
from harness.registry import Registry

REGISTRY: Registry[Any] = Registry(
    "rule",
    {
        "exact": "harness.compare.rules.values:Exact",
        "close": "harness.compare.rules.values:Close",
        "same_label": "harness.compare.rules.labels:SameLabel",
        "same_error": "harness.compare.rules.labels:SameError",
        "budget": "harness.compare.budget:Budget",
        "cost": "harness.compare.cost:Cost",
        "null_rate": "harness.compare.rules.shares:NullRate",
        "error_rate": "harness.compare.rules.shares:ErrorRate",
        "class_set": "harness.compare.rules.shares:ClassSet",
        "latency": "harness.compare.rules.operations:Latency",
        "throughput": "harness.compare.rules.operations:Throughput",
        "start_time": "harness.compare.rules.operations:StartTime",
        "peak_memory": "harness.compare.rules.operations:PeakMemory",
        "artifact_size": "harness.compare.rules.operations:ArtifactSize",
        "ulp": "harness.compare.rules.ulp:Ulp",
        "same_top_k": "harness.compare.rules.rankings:SameTopK",
        "same_ranking": "harness.compare.rules.rankings:SameRanking",
        "close_probabilities": "harness.compare.rules.vectors:CloseProbabilities",
        "close_vector": "harness.compare.rules.vectors:CloseVector",
        "same_set": "harness.compare.rules.sets:SameSet",
        "same_text": "harness.compare.rules.text:SameText",
        "same_structure": "harness.compare.rules.structures:SameStructure",
    },
    needs=("judge", "says"),
)


def make(kind: str, parameters: dict[str, Any], *, name: str, equal_nan: bool) -> Rule:
    """The rule of this kind with these parameters; a wrong name gets a guess, a wrong type its place.

    >>> make("close", {"rtol": 0.01}, name="price", equal_nan=True).says()
    '|c - b| <= 0.01 x |b|'
    """
    place = f'rule {name} (rule = "{kind}")'
    try:
        cls = REGISTRY[kind]
    except HarnessError as error:
        raise HarnessError(error.message, where=f"rule {name}", hint=error.hint, code="E27") from None
    known = keys_of(cls, place)
    values: dict[str, Any] = {"equal_nan": equal_nan} if "equal_nan" in known else {}
    for key, value in parameters.items():
        if key not in known:
            raise HarnessError(f'unknown key "{key}"', where=place, hint=did_you_mean(key, known), code="E27")
        values[key] = _typed(key, value, type_name(known[key]), place)
    for key, item in known.items():
        if key not in values and item.default is MISSING and item.default_factory is MISSING:
            raise HarnessError(f"{key} is not set", where=place, hint=f"add {key} = …", code="E27")
    try:
        rule: Rule = cls(**values)
    except HarnessError as error:
        deeper = "" if error.where.startswith("rule ") or not error.where else f", {error.where}"
        raise HarnessError(error.message, where=place + deeper, hint=error.hint, code="E27") from None
    except (TypeError, ValueError) as error:
        raise HarnessError(
            f"it cannot be made: {error}", where=place, hint="mend its keys, or the rule", code="E27"
        ) from error
    return rule


def keys_of(cls: Any, place: str = "") -> dict[str, Field[Any]]:
    """The keys that configuration may set, by name: the fields of the rule's dataclass."""
    if not is_dataclass(cls):
        raise HarnessError(
            f"{cls!r} is no dataclass",
            where=place,
            hint="docs/extending.md shows a rule: its fields are its keys",
            code="E27",
        )
    return {item.name: item for item in fields(cls) if item.init}


def type_name(item: Field[Any]) -> str:
    """How the type of a rule's key is written, with or without postponed annotations: `float | None`."""
    return item.type if isinstance(item.type, str) else getattr(item.type, "__name__", str(item.type))


_WANTED: dict[str, tuple[str, tuple[type, ...], str]] = {
    "float": ("a number", (int, float), "0.01"),
    "int": ("a whole number", (int,), "1"),
    "bool": ("true or false", (bool,), "true"),
    "str": ("text", (str,), '"…"'),
    "tuple[str, ...]": ("a list of texts", (list, tuple), '["…"]'),
    "Mapping": ("a table", (dict,), "{ … }"),
}


def _typed(key: str, value: Any, annotation: str, place: str) -> Any:
    """The value as the rule holds it; types that configuration does not know are the rule's own business."""
    name = annotation.removesuffix(" | None")
    name = "Mapping" if name.startswith("Mapping[") else name
    if name not in _WANTED:
        return value
    words, types, example = _WANTED[name]
    # a truth value is an integer to Python, and nobody's tolerance
    fits = isinstance(value, types) and (name == "bool" or not isinstance(value, bool))
    texts = name != "tuple[str, ...]" or (fits and all(isinstance(item, str) for item in value))
    if not fits or not texts or (isinstance(value, float) and value != value):
        raise HarnessError(
            f"{key} must be {words}, got {value!r}", where=place, hint=f"write {key} = {example}", code="E27"
        )
    return tuple(value) if name == "tuple[str, ...]" else float(value) if name == "float" else value
