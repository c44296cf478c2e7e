"""The same text: what a reader would call so, after normalising, and within a number of edits.

An edit is an inserted, a deleted or a replaced character (Levenshtein's distance), counted on Unicode code points.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from harness.compare.rules.protocol import Difference, finish
from harness.compare.rules.values import Exact, identical
from harness.errors import HarnessError, did_you_mean
from harness.tables import Column

FORMS = ("NFC", "NFD", "NFKC", "NFKD", "none")


@dataclass(frozen=True, slots=True)
class SameText:
    """Equal texts, but for what is ignored; or at most so many edits, or edits for each character, apart.

    >>> rule = SameText(ignore_case=True, max_edits=1)
    >>> rule.judge(Column.of(["Yes", "Yes"]), Column.of(["yes.", "no"])).violates.tolist()
    [False, True]
    """

    ignore_case: bool = False
    ignore_space: bool = False
    unicode: str = "NFC"
    max_edits: int | None = None
    max_edit_share: float | None = None
    equal_nan: bool = True

    def __post_init__(self) -> None:
        if self.unicode not in FORMS:
            raise HarnessError(
                f'unicode is "{self.unicode}"', where="rule same_text", hint=did_you_mean(self.unicode, FORMS)
            )
        if self.max_edits is not None and self.max_edits < 0:
            raise HarnessError(
                f"max_edits is {self.max_edits}", where="rule same_text", hint="max_edits is 0 or more"
            )
        if self.max_edit_share is not None and not 0 <= self.max_edit_share < 1:
            raise HarnessError(
                f"max_edit_share is {self.max_edit_share}",
                where="rule same_text",
                hint="a share of the longer text: at least 0 and below 1",
            )

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """Rows whose texts differ by more; the magnitude is the number of edits, inf for what is no text."""
        if baseline.kind != candidate.kind or baseline.kind not in ("str", "json"):
            return Exact(self.equal_nan).judge(baseline, candidate)
        n = len(baseline)
        bad, magnitude = np.zeros(n, bool), np.zeros(n)
        for row, (b, c) in enumerate(zip(baseline.values, candidate.values, strict=True)):
            if isinstance(b, str) and isinstance(c, str):
                if b != c:
                    b, c = self.normal(b), self.normal(c)
                    magnitude[row] = edits = edit_distance(b, c)
                    bad[row] = not self._allows(edits, max(len(b), len(c)))
            else:
                bad[row] = not identical(b, c, self.equal_nan)
                magnitude[row] = np.inf if bad[row] else 0.0
        return finish(baseline, candidate, bad, magnitude, self.equal_nan)

    def normal(self, text: str) -> str:
        """The text as it is compared.

        >>> SameText(ignore_case=True, ignore_space=True).normal("  Straße\\n 12 ")
        'strasse 12'
        """
        # folding can undo the normal form, so it is taken again
        if self.ignore_case:
            text = self._formed(text).casefold()
        text = self._formed(text)
        return " ".join(text.split()) if self.ignore_space else text

    def _formed(self, text: str) -> str:
        return text if self.unicode == "none" else unicodedata.normalize(self.unicode, text)  # type: ignore[arg-type]  # one of FORMS

    def _allows(self, edits: int, length: int) -> bool:
        if self.max_edits is None and self.max_edit_share is None:
            return edits == 0
        within = self.max_edits is None or edits <= self.max_edits
        # divided and not multiplied: 0.29 * 100 is 28.999999999999996
        return within and (self.max_edit_share is None or edits == 0 or edits / length <= self.max_edit_share)

    def says(self) -> str:
        """In words."""
        ignored = [word for word, on in (("case", self.ignore_case), ("space", self.ignore_space)) if on]
        words = "the same text" + (f" but for {' and '.join(ignored)}" if ignored else "")
        if self.max_edits is not None:
            words += f", at most {self.max_edits} edits"
        if self.max_edit_share is not None:
            words += f", edits for at most {self.max_edit_share:g} of the characters"
        return words


def edit_distance(b: str, c: str) -> int:
    """Levenshtein's distance, in time len(b) * len(c) / 64: a column of the table is the bits of one integer.

    Source: Hyyrö, A bit-vector algorithm for computing Levenshtein and Damerau edit distances, 2003.

    >>> edit_distance("kitten", "sitting")
    3
    """
    start, end = 0, min(len(b), len(c))
    while start < end and b[start] == c[start]:
        start += 1
    b, c = b[start:], c[start:]
    while b and c and b[-1] == c[-1]:
        b, c = b[:-1], c[:-1]
    if not b or not c:
        return len(b) + len(c)
    if len(b) < len(c):
        b, c = c, b
    places: dict[str, int] = {}
    for place, letter in enumerate(b):
        places[letter] = places.get(letter, 0) | 1 << place
    every, last = (1 << len(b)) - 1, 1 << len(b) - 1
    up, down, distance = every, 0, len(b)
    for letter in c:
        match = places.get(letter, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        rise = down | (every & ~(diagonal | up))
        fall = up & diagonal
        distance += 1 if rise & last else -1 if fall & last else 0
        rise, fall = rise << 1 | 1, fall << 1
        up = every & (fall | ~(diagonal | rise))
        down = rise & diagonal & every
    return distance
