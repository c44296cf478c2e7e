"""The numeric kernel: everything that is asked about two columns of numbers, in one pass over them.

Rows go by in passes of 32k through buffers that are made once, so that scratch memory does not grow with the data
and every step after the first finds its operands in the cache. No step is left to BLAS, whose spinning threads
cost more here than they bring. Non-finite rows are few and are mended one by one, after the fast steps.

Float sums are taken inside canonical blocks of `tables.BLOCK` rows, counted from the first row that is given, and
block sums are added exactly: cut between blocks, computed in any order and added up, the result is the same to the
byte. All else (counts, extremes, the worst rows under a total order) is the same however rows are cut.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.blocksums import all_plain, block_sums, careful_sums, integer_sums, plain_blocks
from harness.compare.exact import Exact, Sums
from harness.compare.measured import BINS, SHIFT, Floats, Measured, Rows, Tolerance, bin_of, edge, larger
from harness.tables import BLOCK, Bools

PASS = 8 * BLOCK
"""Rows that go through the buffers at once."""

_GUARD = 64
_RARE = 8
_APART = 72


def measure(
    baseline: npt.NDArray[Any],
    candidate: npt.NDArray[Any],
    tolerances: Sequence[Tolerance] = (),
    *,
    null: tuple[Bools | None, Bools | None] = (None, None),
    start: int = 0,
    worst: int = 20,
    rows: Rows | None = None,
) -> Measured:
    """Everything about two columns of n numbers, of shape (n,) each, in one pass.

    Two columns of integers are compared as integers of any width; all else as float64. `null`: rows without a
    value, for each side. `start` is the number of the first row, a multiple of `tables.BLOCK` where sums are to be
    those of the whole. `rows` is filled in the same pass, where it is given.
    The formula of tolerances is numpy's, with the baseline as reference; an infinity agrees
    only with itself, and NaN or null on both sides agree.

    >>> seen = measure(np.array([1.0, 2.0, 0.0]), np.array([1.0, 2.5, np.nan]), [(0.0, 0.1)])
    >>> seen.violations, seen.absolute, seen.absolute_row, seen.apart, seen.sums.mean()
    ((2,), inf, 2, 1, 0.25)
    """
    if len(baseline) != len(candidate):
        raise ValueError(f"columns of {len(baseline)} and {len(candidate)} rows")
    integers = baseline.dtype.kind in "iu" and candidate.dtype.kind in "iu"
    state = _State(tolerances, min(len(baseline), PASS), start, worst, rows)
    with np.errstate(all="ignore"):
        for first in range(0, len(baseline), PASS):
            here = slice(first, first + PASS)
            gone = tuple(None if mask is None else _any(mask[here]) for mask in null)
            if integers:
                state.integers(baseline[here], candidate[here], *gone)
            else:
                state.floats(baseline[here], candidate[here], *gone)
    return state.result()


def _any(mask: Bools) -> Bools | None:
    return mask if mask.any() else None


class _Scratch(threading.local):
    """Buffers of one thread, made once and used again: fresh memory costs more than what is done in it."""

    size = -1

    def of(self, rows: int) -> _Scratch:
        """Room for this many rows, and an empty histogram."""
        if self.size < rows:
            self.size = rows
            # buffers a multiple of 4 KiB apart get in each other's way in the cache
            whole = np.empty((5, rows + _APART))[:, :rows]
            self.floats, self.converted = whole[:3], whole[3:]
            self.mask = np.empty(rows, bool)
            self.bins = np.empty(BINS, np.int64)
        self.bins[:] = 0
        return self


_SCRATCH = _Scratch()


class _State:
    """The buffers, and what was seen so far."""

    def __init__(
        self, tolerances: Sequence[Tolerance], size: int, start: int, keep: int, seen: Rows | None
    ) -> None:
        self.tolerances, self.keep, self.seen = tuple(tolerances), keep, seen
        self.row, self.whole = start, False
        self._at: npt.NDArray[np.intp] | None = None
        self.rows = self.both_nan = self.apart = self.used = 0
        self.violations = [0] * len(self.tolerances)
        self.absolute: tuple[float, int] = (0.0, -1)
        self.relative: tuple[float, int] = (0.0, -1)
        # sizes are negative here, so that the order of tuples is that of the worst, the earliest first
        self.worst: list[tuple[float, int]] = []
        self.sums = Sums()
        self._pending: list[Floats] = []
        scratch = _SCRATCH.of(size)
        self._floats, self._converted = scratch.floats, scratch.converted
        self._mask, self.bins = scratch.mask, scratch.bins

    def result(self) -> Measured:
        """What was seen, as a value."""
        self._settle()
        found = np.flatnonzero(self.bins)
        if self.whole:
            self.absolute = (_whole(self.absolute[0]), self.absolute[1])
        return Measured(
            self.rows,
            self.both_nan,
            self.apart,
            tuple(self.violations),
            *self.absolute,
            *self.relative,
            self.sums + Sums(self.used),
            tuple(zip(found.tolist(), self.bins[found].tolist(), strict=True)),
            tuple((_whole(-less) if self.whole else -less, row) for less, row in self.worst),
            self.keep,
        )

    # ---- floats

    def floats(
        self, b: npt.NDArray[Any], c: npt.NDArray[Any], gone_b: Bools | None, gone_c: Bools | None
    ) -> None:
        """One pass over floats, or over floats beside integers."""
        n = len(b)
        b, c = self._as_float64(0, b, gone_b), self._as_float64(1, c, gone_c)
        if self._identical(b, c):
            return self._same(n, b)
        difference, reference, scratch = self._floats[:, :n]
        np.subtract(c, b, out=difference)
        np.abs(b, out=reference)
        sums = block_sums(difference, scratch)
        used, lost = None, None
        if not all_plain(sums, n):
            used, lost = self._mend(b, c, difference, reference)
            sums = self._careful(difference, sums, plain_blocks(sums, n), used)
        self._pending.append(sums)
        self.used += n if used is None else int(np.count_nonzero(used))
        # from here on only the size of a difference matters
        size = np.abs(difference, out=difference)
        if lost is not None:
            size[lost] = np.inf
        return self._judge(size, reference, float(size.max()))

    def _judge(self, size: Floats, reference: Floats, top: float) -> None:
        """Everything that follows from how far apart rows are, and from the baseline's size."""
        n = len(size)
        if self.seen is not None:
            self.seen.magnitude[self._here(n)] = size
        bins, last = self._histogram(np.divide(size, reference, out=self._floats[2, :n]))
        self._most(bins, last, lambda rows: size[rows] / reference[rows])
        self._count(size, reference, top, last)
        self._extremes(size, top)
        self._advance(n)

    def _as_float64(self, side: int, values: npt.NDArray[Any], gone: Bools | None) -> Floats:
        if values.dtype == np.float64 and values.flags.c_contiguous and gone is None:
            return values
        here = self._converted[side, : len(values)]
        np.copyto(here, values, casting="unsafe")
        if gone is not None:
            here[gone] = np.nan
        return here

    def _identical(self, b: Floats, c: Floats) -> bool:
        """Bit for bit; nearly free where they are not, since the first few rows say so."""
        if b[:_GUARD].tobytes() != c[:_GUARD].tobytes():
            return False
        return bool(np.equal(b.view(np.int64), c.view(np.int64), out=self._mask[: len(b)]).all())

    def _same(self, n: int, b: npt.NDArray[Any]) -> None:
        """Rows of which both sides hold the same bits."""
        missing = 0
        if b.dtype.kind == "f" and not np.isfinite(np.einsum("i->", b)):
            missing = int(np.count_nonzero(np.isnan(b, out=self._mask[:n])))
            if self.seen is not None:
                self.seen.both_nan[self._here(n)] = self._mask[:n]
        self.both_nan += missing
        self.bins[0] += n
        self.used += n - missing
        self._advance(n)

    def _mend(
        self, b: Floats, c: Floats, difference: Floats, reference: Floats
    ) -> tuple[Bools | None, npt.NDArray[np.intp]]:
        """Give rows whose difference is no finite number the place that they have by definition.

        Returns the mask of rows that sums may use (None: all of them) and the rows that lie infinitely far apart.
        """
        rows = np.flatnonzero(~np.isfinite(difference, out=self._mask[: len(b)]))
        if not len(rows):
            return None, rows
        x, y = b[rows], c[rows]
        both = np.isnan(x) & np.isnan(y)
        equal = (x == y) | both
        difference[rows] = 0.0
        # no tolerance is as wide as an infinite baseline would make it
        reference[rows] = np.where(np.isfinite(x) & np.isfinite(y), reference[rows], 0.0)
        self.both_nan += int(both.sum())
        self.apart += int((~equal).sum())
        used = np.ones(len(b), bool)
        used[rows[~equal | both]] = False
        if self.seen is not None:
            # only floats come here, and of these none was left out before
            self.seen.both_nan[self.rows + rows[both]] = True
        return used, rows[~equal]

    def _careful(self, difference: Floats, sums: Floats, plain: Bools, used: Bools | None) -> Floats:
        """Blocks whose sums overflow, vanish or drown their own spread are summed one by one, and set to zero."""
        if used is not None:
            sums = block_sums(difference, self._floats[2, : len(difference)])
            plain = plain_blocks(sums, len(difference), used)
        for number in np.flatnonzero(~plain).tolist():
            here = slice(number * BLOCK, (number + 1) * BLOCK)
            if difference[here].any():
                self.sums += careful_sums(difference[here], None if used is None else used[here])
        sums[:, ~plain] = 0.0
        return sums

    def _settle(self) -> None:
        if self._pending:
            total, squares = np.concatenate(self._pending, axis=1)
            self.sums += Sums(0, Exact.total(total), Exact.total(squares))
            self._pending.clear()

    def _count(self, size: Floats, reference: Floats, top: float, largest: int) -> None:
        n = len(size)
        limit, mask = self._floats[2, :n], self._mask[:n]
        for number, (atol, rtol) in enumerate(self.tolerances):
            # rounding is monotonic: no relative change as large as rtol, no row beyond it
            if top <= atol or (largest < BINS - 1 and edge(largest + 1) <= rtol):
                continue
            if rtol == 0:
                np.greater(size, atol, out=mask)
            else:
                np.multiply(reference, rtol, out=limit)
                if atol:
                    np.add(limit, atol, out=limit)
                np.greater(size, limit, out=mask)
            self._beyond(number, mask)

    def _beyond(self, number: int, mask: Bools) -> None:
        """Rows of the arrays at hand that violate one tolerance."""
        self.violations[number] += int(np.count_nonzero(mask))
        if self.seen is not None and number < len(self.seen.beyond):
            self.seen.beyond[number][self._here(len(mask))] = mask

    # ---- integers

    def integers(
        self, b: npt.NDArray[Any], c: npt.NDArray[Any], gone_b: Bools | None, gone_c: Bools | None
    ) -> None:
        """One pass over integers: as floats where these hold every one of them, else as unsigned distances."""
        n = len(b)
        self.whole = True
        if gone_b is None and gone_c is None:
            differs = np.not_equal(b, c, out=self._mask[:n])
            count = int(np.count_nonzero(differs))
            if not count:
                return self._same(n, b)
            if count * _RARE <= n:
                # what is equal adds to nothing but the first bin, and sums of integers know no blocks
                rows = np.flatnonzero(differs)
                return self._few_integers(n, rows, b[rows], c[rows])
            if _small(b) and _small(c):
                return self._small_integers(self._as_float64(0, b, None), self._as_float64(1, c, None))
        return self._large_integers(b, c, gone_b, gone_c)

    def _large_integers(
        self, b: npt.NDArray[Any], c: npt.NDArray[Any], gone_b: Bools | None, gone_c: Bools | None
    ) -> None:
        """Integers of any width, some of them perhaps missing, as unsigned distances."""
        n = len(b)
        more = c > b
        distance = c.astype(np.uint64) - b.astype(np.uint64)
        np.negative(distance, out=distance, where=~more)
        reference = np.abs(b.astype(np.float64))
        none = np.zeros(n, bool)
        x, y = (none if gone is None else gone for gone in (gone_b, gone_c))
        both, one = x & y, x ^ y
        distance[both | one] = 0
        wide = _wide(b, c, distance, ~(both | one))
        relative = distance / reference
        np.copyto(relative, 0.0, where=distance == 0)
        relative[one] = np.inf
        for number, (atol, rtol) in enumerate(self.tolerances):
            limit = np.floor(atol + rtol * reference)
            # a distance is a whole number below 2**64: the comparison stays one between integers
            narrow = limit < 2.0**64
            beyond = narrow & (distance > np.where(narrow, limit, 0.0).astype(np.uint64))
            self._beyond(number, beyond | one)
        self.both_nan += int(both.sum())
        self.apart += int(one.sum())
        if self.seen is not None:
            self.seen.both_nan[self._here(n)] = both
            self.seen.magnitude[self._here(n)] = np.where(one, np.inf, distance)
        total, squares = integer_sums(distance, more)
        self.sums += Sums(n - int((both | one).sum()), Exact.make(total), Exact.make(squares))
        found = [(float("inf"), int(row)) for row in np.flatnonzero(one)[: max(self.keep, 1)]]
        for row, signed in wide.items():
            self._wide(row, int(b[row]), signed)
            relative[row] = abs(signed) / reference[row]
            found.append((abs(signed), row))
        for size, row in found:
            self.absolute = larger(self.absolute, (size, self._number(row)))
        self._worse(found)
        self._most(*self._histogram(relative.copy()), relative.__getitem__)
        self._extremes(distance, int(distance.max()))
        self._advance(n)

    def _few_integers(
        self, n: int, rows: npt.NDArray[np.intp], b: npt.NDArray[Any], c: npt.NDArray[Any]
    ) -> None:
        """Those of n rows that differ, as if the others were not there."""
        self._at = rows
        if _small(b) and _small(c):
            self._small_integers(self._as_float64(0, b, None), self._as_float64(1, c, None))
        else:
            self._large_integers(b, c, None, None)
        self._at = None
        same = n - len(rows)
        self.bins[0] += same
        self.used += same
        self._advance(same)

    def _small_integers(self, b: Floats, c: Floats) -> None:
        """Integers whose differences are exact as floats; a limit between two of them parts them as its floor does."""
        n = len(b)
        difference, reference, scratch = self._floats[:, :n]
        np.subtract(c, b, out=difference)
        np.abs(b, out=reference)
        top = max(float(difference.max()), -float(difference.min()))
        if BLOCK * top * top < 2.0**53:
            # no sum of a block is ever rounded
            self._pending.append(block_sums(difference, scratch))
        else:
            total, squares = integer_sums(np.abs(difference).astype(np.uint64), difference > 0)
            self.sums += Sums(0, Exact.make(total), Exact.make(squares))
        self.used += n
        self._judge(np.abs(difference, out=difference), reference, top)

    def _wide(self, row: int, baseline: int, difference: int) -> None:
        self.sums += Sums(0, Exact.make(difference), Exact.make(difference * difference))
        place = self.rows + (row if self._at is None else int(self._at[row]))
        if self.seen is not None:
            self.seen.magnitude[place] = abs(difference)
        for number, (atol, rtol) in enumerate(self.tolerances):
            beyond = abs(difference) > float(np.floor(atol + rtol * np.float64(abs(baseline))))
            self.violations[number] += beyond
            if self.seen is not None and number < len(self.seen.beyond):
                self.seen.beyond[number][place] = beyond

    # ---- both

    def _extremes(self, size: npt.NDArray[Any], top: float) -> None:
        """The row that differs most, and the worst so far."""
        if top > self.absolute[0]:
            self.absolute = (top, self._number(int(size.argmax())))
        # rows come in order: one that is only as bad as the last of a full list comes too late
        full = len(self.worst) == self.keep
        least = -self.worst[-1][0] if self.worst and full else 0.0
        if not self.keep or top <= least:
            return
        rows = (
            np.flatnonzero(np.greater(size, least, out=self._mask[: len(size)]))
            if full
            else _ahead(size, self.keep)
        )
        if len(rows) > self.keep:
            sizes = size[rows]
            last = np.partition(sizes, len(rows) - self.keep)[len(rows) - self.keep]
            first, ties = rows[sizes > last], rows[sizes == last]
            rows = np.concatenate([first, ties[: self.keep - len(first)]])
        self._worse(zip(size[rows].tolist(), rows.tolist(), strict=True))

    def _worse(self, found: Iterable[tuple[float, int]]) -> None:
        """Sizes and rows of the arrays at hand that may be among the worst."""
        self.worst = sorted([*self.worst, *((-size, self._number(row)) for size, row in found)])[: self.keep]

    def _histogram(self, relative: Floats) -> tuple[npt.NDArray[np.int64], int]:
        """Counts every row in its bin; returns the bins of the rows, which take the place of
        `relative`, and the last bin that has one."""
        bits = relative.view(np.int64)
        np.right_shift(bits, SHIFT, out=bits)
        try:
            counts = np.bincount(bits)
        except ValueError:  # nothing over nothing is a NaN, whose sign is the processor's choice
            counts = None
        if counts is None or len(counts) > BINS:
            # no change from zero, and rows without a number on either side
            np.copyto(bits, 0, where=(bits < 0) | (bits >= BINS))
            counts = np.bincount(bits)
        self.bins[: len(counts)] += counts
        return bits, len(counts) - 1

    def _most(
        self, bins: npt.NDArray[np.int64], last: int, relative: Callable[[npt.NDArray[np.intp]], Floats]
    ) -> None:
        """The row of the largest relative change, which is one of those in the last bin."""
        # the first bin holds what is equal or no number: a float that differs from another does so by 2**-53 at least
        if last < max(bin_of(self.relative[0]), 1):
            return
        rows = np.flatnonzero(np.equal(bins, last, out=self._mask[: len(bins)]))
        found = relative(rows)
        row = int(found.argmax())
        if found[row] > self.relative[0]:
            self.relative = (float(found[row]), self._number(int(rows[row])))

    def _here(self, n: int) -> Any:
        """Where the rows of the arrays at hand stand among all that were given."""
        return slice(self.rows, self.rows + n) if self._at is None else self.rows + self._at

    def _number(self, row: int) -> int:
        """The number in the source of a row of the arrays at hand."""
        return self.row + (row if self._at is None else int(self._at[row]))

    def _advance(self, n: int) -> None:
        self.row += n
        self.rows += n


def _ahead(size: npt.NDArray[Any], keep: int) -> npt.NDArray[np.intp]:
    """Rows, in order, among which the worst `keep` are: the largest of small groups tell which groups matter."""
    groups = len(size) // _GUARD
    if groups <= keep:
        return np.flatnonzero(size)
    tops = size[: groups * _GUARD].reshape(groups, _GUARD).max(axis=1)
    found = np.flatnonzero(tops >= np.partition(tops, groups - keep)[groups - keep])
    rows = np.concatenate(
        [
            (found[:, None] * _GUARD + np.arange(_GUARD)).ravel(),
            np.arange(groups * _GUARD, len(size)),
        ]
    )
    ahead: npt.NDArray[np.intp] = rows[size[rows] > 0]
    return ahead


def _small(values: npt.NDArray[Any]) -> bool:
    """Whether the difference of two such integers is exact as a float64."""
    narrow = values.dtype.itemsize <= 4
    return narrow or (int(values.max()) <= 2**52 and int(values.min()) >= -(2**52))


def _whole(size: float) -> float:
    """A distance of integers as an integer; nothing and infinity as they are."""
    return int(size) if 0 < size < float("inf") else size


def _wide(
    b: npt.NDArray[Any], c: npt.NDArray[Any], distance: npt.NDArray[np.uint64], present: Bools
) -> dict[int, int]:
    """Differences by row that need more than 64 bits, which are set to zero in `distance`: a negative number
    against one beyond the signed range."""
    if b.dtype.kind == c.dtype.kind:
        return {}
    signed, unsigned = (b, c) if b.dtype.kind == "i" else (c, b)
    rows = np.flatnonzero((signed < 0) & (distance < unsigned.astype(np.uint64)) & present)
    distance[rows] = 0
    return {row: int(c[row]) - int(b[row]) for row in rows.tolist()}
