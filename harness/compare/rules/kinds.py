"""The kinds of rule by the name that configuration gives them, and how a rule is made of its parameters.

A misspelt or mistyped parameter is refused: a limit that is silently ignored is a gate that stands open.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from harness.compare.rules.rule import Rule
from harness.errors import HarnessError, did_you_mean
from harness.registry import Registry

REGISTRY: Registry[Any] = Registry(
    "rule",
    {
        "exact": "harness.compare.rules.values:Exact",
        "close": "harness.compare.rules.values:Close",
        "same_label": "harness.compare.rules.labels:SameLabel",
        "same_error": "harness.compare.rules.labels:SameError",
    },
    needs=("judge", "says"),
)


def make(kind: str, parameters: dict[str, Any], *, name: str, equal_nan: bool) -> Rule:
    """The rule of this kind with these parameters; a wrong name gets a guess, a wrong type its place.

    >>> make("close", {"rtol": 0.01}, name="price", equal_nan=True).says()
    '|c - b| <= 0.01 x |b|'
    """
    try:
        cls = REGISTRY[kind]
    except HarnessError as error:
        raise HarnessError(error.message, where=f"rule {name}", hint=error.hint, code="E27") from None
    known = {item.name: str(item.type) for item in fields(cls)}
    for key, value in parameters.items():
        if key not in known:
            raise HarnessError(
                f'unknown key "{key}"',
                where=f'rule {name} (rule = "{kind}")',
                hint=did_you_mean(key, known),
                code="E27",
            )
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if known[key] == "float" and not number:
            raise HarnessError(
                f"{key} must be a number, got {value!r}",
                where=f"rule {name}",
                hint=f"write {key} = 0.01",
                code="E27",
            )
    try:
        rule: Rule = cls(**{"equal_nan": equal_nan} | parameters)
    except HarnessError as error:
        raise HarnessError(error.message, where=f"rule {name}", hint=error.hint, code="E27") from None
    return rule
