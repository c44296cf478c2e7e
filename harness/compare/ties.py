"""Ties of the baseline: labels between which its own probabilities do not choose.

Other libraries round otherwise, and where the two best classes are equally probable the label is what rounding
makes of it. Under an upgrade such a label may become the other one of the tie, and nothing else; it is counted.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.compare.rules import Same, missing
from harness.tables import Bools, Column

PROBABILITY = "probability_"
LABELS = ("str", "int", "bool")


def excused(
    rule: Same, output: str, old: Column, new: Column, baseline: Mapping[str, Column], suspects: Bools
) -> Bools:
    """(n,) which of the `suspects` (n,) are ties. `old`, `new`: the labels; `baseline`: all its outputs, (n,) too.

    A tie: the baseline's probabilities of its own label and of the candidate's are both equal to the largest one,
    within the rule's rounding. Without columns `probability_LABEL` nothing is excused.

    >>> rule = Same(rtol=1e-5, atol=1e-8, rtol32=1e-4, atol32=1e-6, ties=True)
    >>> chances = {"probability_a": Column.of([0.5, 0.9]), "probability_b": Column.of([0.5, 0.1])}
    >>> both = Column.of(["a", "a"]), Column.of(["b", "b"])
    >>> excused(rule, "label", *both, chances, np.array([True, True])).tolist()
    [True, False]
    """
    found = np.zeros(len(old), bool)
    chances = {
        name.removeprefix(PROBABILITY): column
        for name, column in baseline.items()
        if name.startswith(PROBABILITY) and column.kind == "float"
    }
    labels = old.kind == new.kind and old.kind in LABELS and not output.startswith(PROBABILITY)
    if not (rule.ties and labels and chances and suspects.any()):
        return found
    rows = np.flatnonzero(suspects & ~missing(old) & ~missing(new))
    matrix = np.column_stack([column.values[rows].astype(np.float64) for column in chances.values()])
    absent = np.column_stack([missing(column)[rows] for column in chances.values()])
    place = {label: position for position, label in enumerate(chances)}
    narrow = min(column.values.dtype.itemsize for column in chances.values()) < 8
    atol, rtol = (rule.atol32, rule.rtol32) if narrow else (rule.atol, rule.rtol)
    for at, row in enumerate(rows):
        pair = [place.get(str(side.item(int(row)))) for side in (old, new)]
        if None in pair or absent[at].any():
            continue
        best = matrix[at].max()
        found[row] = all(best - matrix[at, position] <= atol + rtol * abs(best) for position in pair)
    return found
