"""The rules that judge the outputs of one row: frozen values, one module for each family.

A rule of a project's own stands in an extension module, and needs `Difference` and `missing` of this room.
"""

from harness.compare.rules.kinds import REGISTRY, make
from harness.compare.rules.labels import SameError, SameLabel
from harness.compare.rules.rule import Difference, Floats, Rule, finish, incomparable, missing
from harness.compare.rules.values import Close, Exact, Same

__all__ = [
    "REGISTRY",
    "Close",
    "Difference",
    "Exact",
    "Floats",
    "Rule",
    "Same",
    "SameError",
    "SameLabel",
    "finish",
    "incomparable",
    "make",
    "missing",
]
