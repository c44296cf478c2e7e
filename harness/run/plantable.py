"""Which faults can be planted into a version, from its manifest alone: by feature and kind, the gravest first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.schema import Field
from harness.versions.manifest import Manifest

FACTORS = (10.0, 2.0, 1.1, 1.01)
SHARES = (0.5, 0.1, 0.01, 0.001)
KEPT = (0.1, 0.5, 0.9, 0.99)
"""How much of a feature's range is left below the clip."""
SHIFTS = (1.0, 0.1, 0.01)
"""How far a threshold is moved, in whatever the tree sees; after scaling, standard deviations."""
CATEGORIES = 4
"""Categories of a feature that are each taken for another, the commonest."""
SIZED = ("unit-error", "skew", "rare-category")
"""Kinds whose gravest fault nobody should miss."""


@dataclass(frozen=True, slots=True)
class Step:
    """One size of a fault: how large, in words, and the keys that plant it."""

    size: str
    keys: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ladder:
    """One fault of some features, the gravest size first. Without steps `why_not` says why it cannot be planted."""

    fault: str
    features: tuple[str, ...]
    steps: tuple[Step, ...]
    why_not: str = ""

    @property
    def title(self) -> str:
        """`unit-error of area`."""
        return f"{self.fault} of {' and '.join(self.features) or 'the answers'}"


def ladders(manifest: Manifest, trees: bool | None) -> Iterator[Ladder]:
    """Every fault that makes sense for these inputs. `trees`: whether the model has trees, None where it is unknown."""
    fields = list(manifest.inputs)
    profile = manifest.data.get("profile", {})
    for one in fields:
        yield from _of_feature(one, profile.get(one.name, {}))
    for one, other in itertools.pairwise(fields):
        if _numeric(one) == _numeric(other):
            keys = {"column": one.name, "other": other.name}
            yield Ladder("swap", (one.name, other.name), (Step("", keys),))
    yield from _interactions(fields, profile)
    if any(one.kind == "float" for one in manifest.outputs if one.name == "prediction"):
        yield Ladder("float32", (), (Step("", {}),))
    if trees:
        yield Ladder("threshold", (), tuple(Step(f"by {by:g}", {"by": by, "tree": 0}) for by in SHIFTS))
    else:
        known = "the model has no trees" if trees is False else "whether the model has trees is not known"
        yield Ladder("threshold", (), (), known)


def _of_feature(one: Field, profile: Mapping[str, Any]) -> Iterator[Ladder]:
    if one.kind == "str":
        yield _categories(one, profile)
        yield from _gaps(one, profile)
        return
    if not _numeric(one):
        return
    yield Ladder(
        "unit-error",
        (one.name,),
        tuple(Step(f"× {factor:g}", {"column": one.name, "factor": factor}) for factor in FACTORS),
    )
    if one.minimum is None or one.maximum is None or one.maximum <= one.minimum:
        for fault in ("skew", "clip"):
            yield Ladder(fault, (one.name,), (), "the schema has no range of it")
    else:
        wide = one.maximum - one.minimum
        yield Ladder(
            "skew",
            (one.name,),
            tuple(
                Step(f"{share:.3g} of its range", {"column": one.name, "shift": share * wide})
                for share in SHARES
            ),
        )
        yield Ladder(
            "clip",
            (one.name,),
            tuple(
                Step(f"above {left:.3g} of its range", {"column": one.name, "at": one.minimum + left * wide})
                for left in KEPT
            ),
        )
    if one.kind == "float":
        yield Ladder("float32", (one.name,), (Step("", {"column": one.name}),))
    yield from _gaps(one, profile)


def _categories(one: Field, profile: Mapping[str, Any]) -> Ladder:
    shares = profile.get("shares", {})
    known = sorted(one.categories, key=lambda name: (-shares.get(name, 0.0), name))
    if len(known) < 2:
        return Ladder("rare-category", (one.name,), (), "the schema knows no two categories of it")
    steps = tuple(
        Step(
            f"{name} ({shares.get(name, 0.0):.3g} of the rows)",
            {"column": one.name, "category": name, "to": known[0] if name != known[0] else known[-1]},
        )
        for name in known[:CATEGORIES]
    )
    return Ladder("rare-category", (one.name,), steps)


def _gaps(one: Field, profile: Mapping[str, Any]) -> Iterator[Ladder]:
    if one.nullable and _numeric(one):
        value = _middle(one, profile)
        if value is None:
            yield Ladder("lost-indicator", (one.name,), (), "nothing is known of its values")
        else:
            yield Ladder("lost-indicator", (one.name,), (Step("", {"column": one.name, "value": value}),))


def _interactions(fields: list[Field], profile: Mapping[str, Any]) -> Iterator[Ladder]:
    """Where the first feature that has few values has the commonest of them, each other is its middle."""
    chosen = next(
        ((one, at) for one in fields if (at := _commonest(one, profile.get(one.name, {}))) is not None), None
    )
    if chosen is None:
        yield Ladder("interaction", (), (), "no feature has few values")
        return
    when, equals = chosen
    for other in fields:
        value = _middle(other, profile.get(other.name, {}))
        if other.name == when.name or value is None:
            continue
        keys = {"when": when.name, "equals": equals, "other": other.name, "value": value}
        yield Ladder("interaction", (other.name,), (Step("", keys),))


def _commonest(one: Field, profile: Mapping[str, Any]) -> Any:
    if one.kind == "str":
        shares = profile.get("shares", {})
        return max(one.categories, key=lambda name: (shares.get(name, 0.0), name), default=None)
    return int(one.minimum) if one.kind == "int" and one.minimum is not None else None


def _middle(one: Field, profile: Mapping[str, Any]) -> Any:
    """A value in the midst of those that it was trained with; None where nothing is known of them."""
    if one.kind == "str":
        return _commonest(one, profile)
    edges = profile.get("edges", ())
    if edges:
        return float(edges[len(edges) // 2])
    if one.minimum is None or one.maximum is None:
        return None
    return (one.minimum + one.maximum) / 2


def _numeric(one: Field) -> bool:
    return one.kind in ("float", "int")
