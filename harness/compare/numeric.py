"""One output of numbers in one batch, seen in one pass: how far it moved, and what each tolerance finds in it.

However many rules ask for a tolerance, the columns are read once: by the kernel, with everything else that a run
wants to know of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from harness.compare.measured import Rows, Tolerance
from harness.compare.movement import moved
from harness.compare.rules.protocol import Difference
from harness.compare.rules.values import difference
from harness.tables import Bools, Column


class Numeric:
    """Both columns (n,) of an output, looked at where both versions `answered` (n,); `moved` is how far it moved there.

    `tolerances` are those that `difference` can be asked for; `place` gives row number and key of a position.
    """

    def __init__(
        self,
        baseline: Column,
        candidate: Column,
        answered: Bools,
        tolerances: Sequence[Tolerance],
        place: Callable[[int], tuple[int, str]],
    ) -> None:
        chosen = np.flatnonzero(answered)
        self._number = {tolerance: number for number, tolerance in enumerate(dict.fromkeys(tolerances))}
        self._seen = Rows(len(chosen), len(self._number))
        self.moved = moved(
            baseline.take(chosen),
            candidate.take(chosen),
            lambda row: place(int(chosen[row])),
            tuple(self._number),
            self._seen if self._number else None,
        )
        # where each row of the batch stands among those that were looked at
        self._stands = None if len(chosen) == len(answered) else np.cumsum(answered) - 1

    def difference(self, tolerance: Tolerance, rows: npt.NDArray[np.int64], equal_nan: bool) -> Difference:
        """What a rule of this tolerance sees in these rows of the batch, which both versions answered."""
        at = rows if self._stands is None else self._stands[rows]
        return difference(self._seen, self._number[tolerance], equal_nan, at)
