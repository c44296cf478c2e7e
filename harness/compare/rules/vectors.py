"""Vectors that are judged as one: the probabilities of all classes, and embeddings.

Sums run over the outputs in the order of their names, element by element: a row gives the same bits in any batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.compare.rules.groups import Group
from harness.compare.rules.protocol import Difference, Floats
from harness.errors import HarnessError
from harness.tables import Column


@dataclass(frozen=True, slots=True)
class CloseProbabilities:
    """Every class within `atol`, and all of them within `max_total_variation`, which is half of sum(|c - b|).

    What is not set is not judged; one of them has to be.

    >>> old = {"probability_a": Column.of([0.5, 0.5]), "probability_b": Column.of([0.5, 0.5])}
    >>> new = {"probability_a": Column.of([0.5, 0.8]), "probability_b": Column.of([0.5, 0.2])}
    >>> CloseProbabilities(max_total_variation=0.1).judge_together(old, new).violates.tolist()
    [False, True]
    """

    atol: float | None = None
    max_total_variation: float | None = None
    equal_nan: bool = True

    def __post_init__(self) -> None:
        _limits(self, "close_probabilities", "atol", "max_total_variation")

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """One output alone: a list of probabilities, or one of two."""
        return self.judge_together({"": baseline}, {"": candidate})

    def judge_together(self, baseline: Mapping[str, Column], candidate: Mapping[str, Column]) -> Difference:
        """Rows whose probabilities lie further apart; the output to show is the class that moved most."""
        group = Group.of(baseline, candidate, self.equal_nan)
        n = len(group.bad)
        largest, total = np.zeros(n), np.zeros(n)
        shown = np.full(n, min(baseline), object)
        for place, (name, _, _) in enumerate(group.pairs):
            apart = group.apart(place)
            shown[apart > largest] = name
            largest = np.maximum(largest, apart)
            with np.errstate(over="ignore"):
                # no probabilities have such a sum; what else is judged may, and is infinitely apart
                total = total + apart / 2
        bad = np.zeros(n, bool)
        if self.atol is not None:
            bad |= largest > self.atol
        if self.max_total_variation is not None:
            bad |= total > self.max_total_variation
        return group.judged(bad, total if self.atol is None else largest, self.equal_nan, shown)

    def says(self) -> str:
        """In words."""
        words = [] if self.atol is None else [f"every probability within {self.atol:g}"]
        if self.max_total_variation is not None:
            words.append(f"total variation <= {self.max_total_variation:g}")
        return "; ".join(words)


@dataclass(frozen=True, slots=True)
class CloseVector:
    """Cosine distance within `max_cosine_distance`, Euclidean distance within `max_l2_distance`.

    What is not set is not judged; one of them has to be. A vector of zeros has no direction: it agrees with
    another of zeros alone, where the cosine is judged, and so does a vector with an infinite part with its equal.

    >>> old, new = Column.of([[1.0, 0.0], [1.0, 0.0]]), Column.of([[2.0, 0.0], [0.0, 1.0]])
    >>> CloseVector(max_cosine_distance=0.01).judge(old, new).violates.tolist()
    [False, True]
    """

    max_cosine_distance: float | None = None
    max_l2_distance: float | None = None
    equal_nan: bool = True

    def __post_init__(self) -> None:
        _limits(self, "close_vector", "max_cosine_distance", "max_l2_distance")

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """One output alone: a list of numbers."""
        return self.judge_together({"": baseline}, {"": candidate})

    def judge_together(self, baseline: Mapping[str, Column], candidate: Mapping[str, Column]) -> Difference:
        """Rows whose vectors lie further apart."""
        group = Group.of(baseline, candidate, self.equal_nan)
        bad = np.zeros(len(group.bad), bool)
        magnitude = np.zeros(len(bad))
        if self.max_cosine_distance is not None:
            magnitude = cosine_distance(group)
            bad |= magnitude > self.max_cosine_distance
        if self.max_l2_distance is not None:
            magnitude = l2_distance(group)
            bad |= magnitude > self.max_l2_distance
        return group.judged(bad, magnitude, self.equal_nan)

    def says(self) -> str:
        """In words."""
        words = []
        if self.max_cosine_distance is not None:
            words.append(f"cosine distance <= {self.max_cosine_distance:g}")
        if self.max_l2_distance is not None:
            words.append(f"Euclidean distance <= {self.max_l2_distance:g}")
        return "; ".join(words)


def l2_distance(group: Group) -> Floats:
    """(n,) sqrt(sum((c - b)**2)), without overflow or underflow on the way; inf beside an infinity."""
    n = len(group.bad)
    largest, total = np.zeros(n), np.zeros(n)
    for place in range(len(group.pairs)):
        largest = np.maximum(largest, group.apart(place))
    size = _exponent(largest)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for place in range(len(group.pairs)):
            part = np.ldexp(np.where(np.isinf(largest), 0.0, group.apart(place)), -size)
            total = total + part * part
        distance = np.ldexp(np.sqrt(total), size)
    return np.where(np.isinf(largest), np.inf, distance)


def cosine_distance(group: Group) -> Floats:
    """(n,) 1 - cos(b, c), from 0 to 2; 0 for equal vectors, inf where one has no direction."""
    n = len(group.bad)
    moved, sizes = np.zeros(n), [np.zeros(n), np.zeros(n)]
    sides: list[list[Floats]] = [[], []]
    for place, (_, *pair) in enumerate(group.pairs):
        moved = np.maximum(moved, group.apart(place))
        for side, column in enumerate(pair):
            values = column.values.astype(np.float64)
            values[column.null if column.null is not None else np.isnan(values)] = 0.0
            sides[side].append(values)
            sizes[side] = np.maximum(sizes[side], np.abs(values))
    dot, norms = np.zeros(n), [np.zeros(n), np.zeros(n)]
    endless = np.isinf(sizes[0]) | np.isinf(sizes[1])
    exponents = [_exponent(size) for size in sizes]
    with np.errstate(under="ignore", invalid="ignore", divide="ignore"):
        for b, c in zip(*sides, strict=True):
            b = np.ldexp(np.where(endless, 0.0, b), -exponents[0])
            c = np.ldexp(np.where(endless, 0.0, c), -exponents[1])
            dot = dot + b * c
            norms[0] = norms[0] + b * b
            norms[1] = norms[1] + c * c
        distance = np.clip(1.0 - dot / (np.sqrt(norms[0]) * np.sqrt(norms[1])), 0.0, 2.0)
    return np.where(moved == 0, 0.0, np.where(np.isnan(distance), np.inf, distance))


def _exponent(size: Floats) -> Any:
    """(n,) the power of two next to each size: scaling by it is exact."""
    return np.frexp(np.where(np.isfinite(size), size, 0.0))[1]


def _limits(rule: Any, kind: str, *names: str) -> None:
    """Refuse a limit below 0, and a rule without any."""
    values = [getattr(rule, name) for name in names]
    for name, value in zip(names, values, strict=True):
        if value is not None and not 0 <= value < float("inf"):
            raise HarnessError(f"{name} is {value}", where=f"rule {kind}", hint=f"{name} is 0 or more")
    if all(value is None for value in values):
        raise HarnessError(
            f"it has no limit: neither {' nor '.join(names)}",
            where=f"rule {kind}",
            hint=f"set {names[0]} = 0.01",
        )
