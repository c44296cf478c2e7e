"""Rankings: the order in which scores put the outputs of a row, or in which a list names its items.

Scores that tie share their place; NaN or null on both sides is left out. Signs of differences and counts are
whole numbers, so that a row gives the same answer in any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.rules.groups import NUMBERS, is_missing, is_number
from harness.compare.rules.protocol import Difference, Floats, missing
from harness.compare.rules.values import Exact, identical
from harness.errors import HarnessError
from harness.tables import Bools, Column

LISTS = ("items", "scores")

FEW = 64
"""Items up to which every pair of them is looked at."""

AT_ONCE = 2**18
"""Scores that are sorted at once, so that memory does not grow with the rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What both sides score m items of n rows with: `b` and `c` of shape (n, m), the larger the better.

    `gone` (n, m): neither side has a score. `no_b`, `no_c` (n, m): that side does not name the item at all, which
    ranks it behind all that it names.
    """

    b: npt.NDArray[Any]
    c: npt.NDArray[Any]
    gone: Bools
    no_b: Bools
    no_c: Bools

    def take(self, rows: slice) -> Scores:
        """The same for these rows only."""
        return Scores(*(getattr(self, part.name)[rows] for part in fields(self)))


Judged = tuple[Bools, Floats]
"""Which rows violate, and how far apart they are."""

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""(n,) each, of pairs of items: those ordered alike less those ordered otherwise, those that the baseline puts in an
order, those that the candidate does."""


@dataclass(frozen=True, slots=True)
class SameTopK:
    """The same `k` best: classes by their scores, or the first of a list; with `ordered`, in the same order.

    >>> old = {"a": Column.of([0.5, 0.5]), "b": Column.of([0.3, 0.3]), "c": Column.of([0.2, 0.2])}
    >>> new = {"a": Column.of([0.4, 0.2]), "b": Column.of([0.3, 0.3]), "c": Column.of([0.3, 0.5])}
    >>> SameTopK(k=1).judge_together(old, new).violates.tolist()
    [False, True]
    """

    k: int = 1
    ordered: bool = False
    lists: str = "items"
    equal_nan: bool = True

    def __post_init__(self) -> None:
        if self.k < 1:
            raise HarnessError(f"k is {self.k}", where="rule same_top_k", hint="k is 1 or more")
        _check_lists(self.lists, "same_top_k")

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """One output alone: a list of items or scores, or a table of scores."""
        return self.judge_together({"": baseline}, {"": candidate})

    def judge_together(self, baseline: Mapping[str, Column], candidate: Mapping[str, Column]) -> Difference:
        """Rows whose best differ; the magnitude counts the items that left, or moved where order counts."""
        return _judge(baseline, candidate, self.lists, self.equal_nan, self._differ, "same_top_k", self._sees)

    def _sees(self, outputs: int) -> bool:
        return outputs > self.k or (self.ordered and outputs > 1)

    def _differ(self, scores: Scores) -> Judged:
        best_b, best_c = best(scores, self.k)
        left = np.maximum((best_b & ~best_c).sum(axis=1), (best_c & ~best_b).sum(axis=1))
        if self.ordered:
            other = places(scores.b, scores.gone) != places(scores.c, scores.gone)
            left = np.maximum(left, (other & best_b & best_c).sum(axis=1))
        return left > 0, left.astype(np.float64)

    def says(self) -> str:
        """In words."""
        return f"the same {self.k} best" + (" in the same order" if self.ordered else "")


@dataclass(frozen=True, slots=True)
class SameRanking:
    """Kendall's tau-b of both orders at least `min_tau`; of the `k` best a share of `min_overlap` in both.

    Source of the formula: Kendall, The treatment of ties in ranking problems, 1945, as `scipy.stats.kendalltau`.

    >>> old, new = Column.of([["x", "y", "z"], ["x", "y", "z"]]), Column.of([["x", "y", "z"], ["z", "y", "x"]])
    >>> SameRanking(min_tau=0.5).judge(old, new).violates.tolist()
    [False, True]
    """

    min_tau: float = 1.0
    k: int = 0
    min_overlap: float = 1.0
    lists: str = "items"
    equal_nan: bool = True

    def __post_init__(self) -> None:
        for name, least in (("min_tau", -1), ("min_overlap", 0)):
            value = getattr(self, name)
            if not least <= value <= 1:
                raise HarnessError(
                    f"{name} is {value}", where="rule same_ranking", hint=f"{name} is from {least} to 1"
                )
        if self.k < 0:
            raise HarnessError(f"k is {self.k}", where="rule same_ranking", hint="k is 1 or more")
        _check_lists(self.lists, "same_ranking")

    def judge(self, baseline: Column, candidate: Column) -> Difference:
        """One output alone: a list of items or scores, or a table of scores."""
        return self.judge_together({"": baseline}, {"": candidate})

    def judge_together(self, baseline: Mapping[str, Column], candidate: Mapping[str, Column]) -> Difference:
        """Rows whose orders differ by more; the magnitude is 1 - tau, or 1 - overlap where that is larger."""
        return _judge(
            baseline, candidate, self.lists, self.equal_nan, self._differ, "same_ranking", self._sees
        )

    def _sees(self, outputs: int) -> bool:
        return outputs > max(1, self.k)

    def _differ(self, scores: Scores) -> Judged:
        tau = kendall(scores)
        # a longer list is no ranking of the same things, though what both name may stand in one order
        longer = scores.no_b.sum(axis=1) != scores.no_c.sum(axis=1)
        bad = ~(tau >= self.min_tau) | longer
        magnitude = np.where(np.isnan(tau) | longer, np.inf, 1.0 - tau)
        if self.k:
            overlap = top_overlap(scores, self.k)
            bad |= overlap < self.min_overlap
            magnitude = np.maximum(magnitude, 1.0 - overlap)
        return bad, magnitude

    def says(self) -> str:
        """In words."""
        words = f"ranked alike: Kendall's tau >= {self.min_tau:g}"
        return words + (f", {self.min_overlap:g} of the {self.k} best the same" if self.k else "")


def kendall(scores: Scores) -> Floats:
    """(n,) tau-b of each row: 1 where neither side has an order, NaN where one side alone has none."""
    n, m = scores.b.shape
    agree, pairs_b, pairs_c = (np.zeros(n, np.int64) for _ in range(3))
    count = pair_by_pair if m <= FEW else by_sorting
    step = max(1, AT_ONCE // max(m, 1))
    for first in range(0, n, step):
        here = slice(first, first + step)
        agree[here], pairs_b[here], pairs_c[here] = count(scores.take(here))
    # the root of a square is exact, and so is tau for equal orders
    root = np.where(pairs_b == pairs_c, pairs_b, np.sqrt(pairs_b.astype(float) * pairs_c.astype(float)))
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = agree / root
    return np.where((pairs_b == 0) & (pairs_c == 0), 1.0, tau)


def pair_by_pair(scores: Scores) -> Pairs:
    """Every pair of items looked at: m**2 / 2 of them in each row, which for few items is the fastest."""
    n, m = scores.b.shape
    agree, pairs_b, pairs_c = (np.zeros(n, np.int64) for _ in range(3))
    for i in range(m - 1):
        kept = ~(scores.gone[:, i : i + 1] | scores.gone[:, i + 1 :])
        b = _sign(scores.b, i) * kept
        c = _sign(scores.c, i) * kept
        agree += (b * c).sum(axis=1, dtype=np.int64)
        pairs_b += (b != 0).sum(axis=1)
        pairs_c += (c != 0).sum(axis=1)
    return agree, pairs_b, pairs_c


def by_sorting(scores: Scores) -> Pairs:
    """The same in m log m: with the items in b's order, a pair that disagrees is an inversion of c's.

    Source: Knight, A computer method for calculating Kendall's tau with ungrouped data, 1966.
    """
    m = scores.b.shape[1]
    b, c = ranks(scores.b, scores.gone), ranks(scores.c, scores.gone)
    # ties of b stand in c's order, and those of c in b's: none of them is an inversion
    joint = np.sort(b * (m + 1) + c, axis=1)
    places_c = np.argsort(np.argsort(joint % (m + 1), axis=1, kind="stable"), axis=1)
    apart = inversions(places_c)
    kept = m - scores.gone.sum(axis=1)
    whole = kept * (kept - 1) // 2
    tied_b, tied_c, tied = (_tied(np.sort(one, axis=1), kept) for one in (b, c, joint))
    return whole - tied_b - tied_c + tied - 2 * apart, whole - tied_b, whole - tied_c


def inversions(orders: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n,) pairs of a larger number before a smaller one, in rows that each hold 0 ... m-1 once.

    From the highest bit on, numbers that agree in all higher bits stand together in their first order, and a pair
    of them is inverted where a 1 stands before a 0.

    >>> inversions(np.array([[0, 1, 2], [2, 1, 0]])).tolist()
    [0, 3]
    """
    n, m = orders.shape
    bits = max(m - 1, 0).bit_length()
    width = 1 << bits
    # what is added is in order behind all others
    rest = np.broadcast_to(np.arange(m, width), (n, width - m))
    now = np.concatenate([orders, rest], axis=1)
    found = np.zeros(n, np.int64)
    for bit in range(bits - 1, -1, -1):
        now = now.reshape(n, -1, 2 << bit)
        high = (now >> bit & 1).astype(bool)
        found += np.where(high, 0, np.cumsum(high, axis=2)).sum(axis=(1, 2))
        # each group holds as many of either
        halves = [now[mask].reshape(n, -1, 1 << bit) for mask in (~high, high)]
        now = np.concatenate(halves, axis=2)
    return found


def ranks(scores: npt.NDArray[Any], absent: Bools) -> npt.NDArray[np.int64]:
    """(n, m) the place of each score among the different ones of its row, the smallest 0; m where it is absent."""
    n, m = scores.shape
    order = np.argsort(scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    steps = np.zeros((n, m), np.int64)
    np.cumsum(ordered[:, :-1] < ordered[:, 1:], axis=1, out=steps[:, 1:])
    found = np.empty((n, m), np.int64)
    np.put_along_axis(found, order, steps, axis=1)
    found[absent] = m
    return found


def _tied(ordered: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n,) pairs of equal numbers among the first `kept` (n,) of each row, which is sorted."""
    n, m = ordered.shape
    place = np.arange(m)
    first = np.zeros((n, m), np.int64)
    first[:, 1:] = np.where(ordered[:, 1:] != ordered[:, :-1], place[1:], 0)
    before = place - np.maximum.accumulate(first, axis=1)
    return np.asarray(np.where(place < kept[:, None], before, 0).sum(axis=1))


def best(scores: Scores, k: int) -> tuple[Bools, Bools]:
    """Both sides' k best, each (n, m)."""
    return top(scores.b, scores.gone | scores.no_b, k), top(scores.c, scores.gone | scores.no_c, k)


def top(scores: npt.NDArray[Any], absent: Bools, k: int) -> Bools:
    """(n, m) the items that fewer than k others of the row beat: ties at the last place are all in."""
    m = scores.shape[1]
    if scores.dtype == object:
        return ~absent & (places(scores, absent) < k)
    if k >= m:
        return ~absent
    least = -np.inf if scores.dtype.kind == "f" else np.iinfo(scores.dtype).min
    last = np.partition(np.where(absent, least, scores), m - k, axis=1)[:, m - k]
    return np.asarray(~absent & (scores >= last[:, None]))


def places(scores: npt.NDArray[Any], absent: Bools) -> npt.NDArray[np.int64]:
    """(n, m) how many items of the row have a larger score."""
    n, m = scores.shape
    # a present item's rank is below m; those at or below it are the items that are not above it
    rank = ranks(scores, absent)
    ordered = np.sort(rank, axis=1)
    step = (m + 1) * np.arange(n)[:, None]
    up_to = np.searchsorted((ordered + step).ravel(), (np.minimum(rank, m - 1) + step).ravel(), side="right")
    present = (m - absent.sum(axis=1))[:, None]
    return np.asarray(present - (up_to.reshape(n, m) - m * np.arange(n)[:, None]))


def top_overlap(scores: Scores, k: int) -> Floats:
    """(n,) the share of the k best that is in both; 1 where there are none."""
    b, c = best(scores, k)
    size = np.maximum(b.sum(axis=1), c.sum(axis=1))
    return np.where(size == 0, 1.0, (b & c).sum(axis=1) / np.maximum(size, 1))


def _sign(scores: npt.NDArray[Any], i: int) -> npt.NDArray[np.int8]:
    one, rest = scores[:, i : i + 1], scores[:, i + 1 :]
    return (one > rest).astype(np.int8) - (one < rest).astype(np.int8)


def _judge(
    baseline: Mapping[str, Column],
    candidate: Mapping[str, Column],
    lists: str,
    equal_nan: bool,
    differ: Callable[[Scores], Judged],
    kind: str,
    sees: Callable[[int], bool],
) -> Difference:
    names = sorted(baseline)
    n = len(baseline[names[0]])
    violates, magnitude, both = np.zeros(n, bool), np.zeros(n), np.zeros(n, bool)
    scored = []
    for name in names:
        b, c = baseline[name], candidate[name]
        gone_b, gone_c = missing(b), missing(c)
        _add(violates, magnitude, np.arange(n), (gone_b ^ gone_c, np.where(gone_b ^ gone_c, np.inf, 0.0)))
        both |= gone_b & gone_c
        if {b.kind, c.kind} <= set(NUMBERS):
            scored.append(name)
        elif (b.kind, c.kind) == ("json", "json"):
            for row in np.flatnonzero(~(gone_b | gone_c)):
                seen = _nested(b.values[row], c.values[row], lists, equal_nan)
                if isinstance(seen, Scores):
                    _add(violates, magnitude, np.array([row]), differ(seen))
                    both[row] |= bool(seen.gone.any())
                elif not seen:
                    violates[row], magnitude[row] = True, np.inf
        else:
            other = Exact().judge(b, c)
            _add(violates, magnitude, np.arange(n), (other.violates, other.magnitude))
    if scored:
        if not sees(len(scored)):
            raise HarnessError(
                f"{len(scored)} output{'s' * (len(scored) > 1)} of numbers cannot be ranked by {kind}",
                hint="bind it to more outputs, such as probability_*, or to one that holds a list",
            )
        _add(violates, magnitude, np.arange(n), differ(_columns(baseline, candidate, scored)))
    refused = both & (not equal_nan)
    return Difference(violates | refused, magnitude, both)


def _add(violates: Bools, magnitude: Floats, rows: npt.NDArray[np.intp], judged: Judged) -> None:
    violates[rows] |= judged[0]
    magnitude[rows] = np.maximum(magnitude[rows], judged[1])


def _columns(baseline: Mapping[str, Column], candidate: Mapping[str, Column], names: list[str]) -> Scores:
    gone = np.stack([missing(baseline[name]) | missing(candidate[name]) for name in names], axis=1)
    nobody = np.zeros(gone.shape, bool)
    sides = []
    for columns in (baseline, candidate):
        # what is gone is masked, and NaN has no place to be compared
        arrays = [np.where(gone[:, i], 0, columns[name].values) for i, name in enumerate(names)]
        kinds = {array.dtype.kind for array in arrays}
        # a signed and an unsigned integer, or a large one and a float, meet in no type of numpy's
        mixed = len(kinds) > 1 and kinds & {"i", "u"}
        sides.append(np.stack([array.astype(object) if mixed else array for array in arrays], axis=1))
    return Scores(sides[0], sides[1], gone, nobody, nobody)


def _nested(b: Any, c: Any, lists: str, equal_nan: bool) -> Scores | bool:
    """The scores of two nested values; where they are no rankings, whether they are equal."""
    tables = isinstance(b, dict) and isinstance(c, dict)
    if not tables and not (isinstance(b, list | tuple) and isinstance(c, list | tuple)):
        return identical(b, c, equal_nan)
    if tables or lists == "scores":
        old, new = (dict(x) if tables else dict(enumerate(x)) for x in (b, c))
        fit = all(is_missing(x) or is_number(x) for x in (*old.values(), *new.values()))
        if not fit or (not tables and len(old) != len(new)):
            return identical(b, c, equal_nan)
        old, new = ({key: None if is_missing(x) else x for key, x in side.items()} for side in (old, new))
        if any((old[key] is None) != (new[key] is None) for key in old.keys() & new.keys()):
            return False
    else:
        placed = _placed(b), _placed(c)
        if placed[0] is None or placed[1] is None:
            return identical(b, c, equal_nan)
        old, new = placed[0], placed[1]
    return _union(old, new)


def _placed(items: Any) -> dict[Any, Any] | None:
    """Each item's score, the first the largest; None for what is no ranking: an item named twice, a nested one."""
    keys = [
        (type(item).__name__, item)
        for item in items
        if isinstance(item, str | int | float) and not is_missing(item)
    ]
    if len(keys) != len(items) or len(set(keys)) != len(keys):
        return None
    return {key: -place for place, key in enumerate(keys)}


def _union(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Scores:
    keys = [*old, *(key for key in new if key not in old)]
    sides, absent = [], []
    for side in (old, new):
        known = [value for value in side.values() if value is not None]
        # unnamed is behind the last: as objects, since beside 2**63 a float is no place to stand
        scores = np.array([side.get(key) for key in keys], object)
        no = np.array([key not in side for key in keys], bool)
        scores[[value is None for value in scores]] = 0
        if known:
            scores[no] = _BEHIND
        sides.append(scores[None, :])
        absent.append(no[None, :])
    gone = np.array([old.get(key, 0) is None or new.get(key, 0) is None for key in keys], bool)[None, :]
    return Scores(sides[0], sides[1], gone, absent[0], absent[1])


class _Behind:
    """Smaller than every number, and no larger than itself."""

    def __lt__(self, other: object) -> bool:
        return other is not self

    def __gt__(self, other: object) -> bool:
        return False


_BEHIND = _Behind()


def _check_lists(value: str, kind: str) -> None:
    if value not in LISTS:
        raise HarnessError(
            f'lists is "{value}"', where=f"rule {kind}", hint='lists = "items" or lists = "scores"'
        )
