"""Which cases of a batch a rule judges: the one place where `where`, `replaces` and precedence become masks.

A case leaves a rule for another output by output: a rule that replaces another for the price alone takes no case
away from it for the label, since somebody has to judge that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.compare.outputs import means
from harness.compare.where import Where
from harness.tables import Bools, Column


@dataclass(frozen=True, slots=True)
class Leaving:
    """Cases that leave a rule: those of the rule named `to`, for the outputs that this one judges."""

    to: str
    output: str
    where: Where | None

    def takes(self, output: str) -> bool:
        """Whether cases leave for this output."""
        return means(self.output, output)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases of which outputs: those of `output` (a glob) where `where` holds, without those that leave."""

    output: str = "*"
    where: Where | None = None
    leaves: tuple[Leaving, ...] = ()

    def judges(self, output: str) -> bool:
        """Whether any case of this output can be judged."""
        gone = any(one.where is None and one.takes(output) for one in self.leaves)
        return means(self.output, output) and not gone


class Masks:
    """The cases of one batch; each condition is evaluated once, however many rules share it."""

    def __init__(self, columns: Mapping[str, Column], n: int) -> None:
        self.columns, self.n = columns, n
        self._known: dict[str, Bools] = {}

    def where(self, condition: Where | None) -> Bools:
        """(n,) where the condition holds; all where there is none. Not to be written to."""
        text = condition.text if condition is not None else ""
        if text not in self._known:
            self._known[text] = np.ones(self.n, bool) if condition is None else condition.mask(self.columns)
        return self._known[text]

    def judged(self, selection: Selection, output: str) -> Bools:
        """(n,) the cases whose `output` is judged. Not to be written to."""
        mask = self.where(selection.where)
        for one in selection.leaves:
            if one.takes(output):
                mask = mask & ~self.where(one.where)
        return mask
