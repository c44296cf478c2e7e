"""The rules that judge the outputs of one row: frozen values, one module for each family.

A rule of a project's own stands in an extension module, and needs no more than `rule`, or `Difference` and `missing`.
"""

from harness.compare.rules.functions import rule
from harness.compare.rules.kinds import REGISTRY, make
from harness.compare.rules.labels import SameError, SameLabel
from harness.compare.rules.protocol import (
    Cases,
    Difference,
    Floats,
    Joint,
    Rule,
    ask,
    finish,
    incomparable,
    missing,
)
from harness.compare.rules.rounding import Same
from harness.compare.rules.shares import ClassSet, ErrorRate, NullRate
from harness.compare.rules.values import Close, Exact

__all__ = [
    "REGISTRY",
    "Cases",
    "ClassSet",
    "Close",
    "Difference",
    "ErrorRate",
    "Exact",
    "Floats",
    "Joint",
    "NullRate",
    "Rule",
    "Same",
    "SameError",
    "SameLabel",
    "ask",
    "finish",
    "incomparable",
    "make",
    "missing",
    "rule",
]
