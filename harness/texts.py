"""Text in columns as buffers, or as codes of a few words, in place of one Python object for each row.

`worker.Texts` is how text travels: offsets and one blob. It stays what it is from Arrow and from the wire until
somebody asks for the texts themselves; equality, taking rows and joining parts never do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import worker

Texts = worker.Texts
Bools = npt.NDArray[np.bool_]
Marks = npt.NDArray[np.int64]

CHUNK = 2**14
"""Rows whose texts are compared at once."""

FEW_RUNS = 16
"""Rows for each run of equally long ones, at least, where runs are put together."""

FEW_ROWS = 16
"""Rows for each piece that lies together, at least, where a subset is copied piece by piece."""

FAR = 64
"""Bytes of a text up to which it is compared eight at a time."""

_WORD = 8


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Row k holds `words[codes[k]]`; the words are few and all different.

    >>> Codes(np.array([1, 0, 1]), texts(["a", "b"])).tolist()
    ['b', 'a', 'b']
    """

    codes: npt.NDArray[np.integer[Any]]
    words: Texts

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> Any:
        return self.words[int(self.codes[row])]

    def tolist(self) -> list[Any]:
        """The texts themselves."""
        return list(objects(self))


def texts(values: Sequence[str] | Sequence[bytes]) -> Texts:
    """Plain values as buffers."""
    text = not values or isinstance(values[0], str)
    raw = [v.encode("utf-8", "surrogatepass") if isinstance(v, str) else bytes(v) for v in values]
    marks = np.zeros(len(raw) + 1, np.int64)
    np.cumsum([len(one) for one in raw], out=marks[1:])
    return Texts(text, marks, np.frombuffer(b"".join(raw), np.uint8))


def empty(rows: int, text: bool = True) -> Texts:
    """So many empty texts."""
    return Texts(text, np.zeros(rows + 1, np.int64), np.zeros(0, np.uint8))


def objects(held: Texts | Codes) -> npt.NDArray[Any]:
    """(n,) one Python object for each row."""
    values = held.words if isinstance(held, Codes) else held
    found = np.empty(len(values), object)
    found[:] = values.tolist()
    return found[held.codes] if isinstance(held, Codes) else found


def buffers(held: Texts | Codes, null: Bools | None = None) -> Texts:
    """The same as buffers; of codes, a row that is null is an empty text."""
    if isinstance(held, Texts):
        return held
    lengths = np.diff(held.words.marks)[held.codes]
    if null is not None:
        lengths[null] = 0
    return _gathered(held.words, held.words.marks[held.codes], lengths)


def take(held: Texts | Codes, rows: Any) -> Texts | Codes:
    """The same for these rows: a slice, a mask or an index array."""
    if isinstance(held, Codes):
        return Codes(held.codes[rows], held.words)
    if isinstance(rows, slice) and rows.step in (None, 1):
        first, last, _ = rows.indices(len(held))
        return Texts(held.text, held.marks[first : max(first, last) + 1], held.blob)
    return _gathered(held, held.marks[:-1][rows], np.diff(held.marks)[rows])


def narrow(held: npt.NDArray[Any] | Texts | Codes) -> npt.NDArray[Any] | Texts | Codes:
    """The same, codes in as few bytes as will do."""
    if not isinstance(held, Codes):
        return held
    size = np.min_scalar_type(max(0, len(held.words) - 1))
    return held if size.itemsize >= held.codes.itemsize else Codes(held.codes.astype(size), held.words)


def every_row(rows: Any, n: int) -> bool:
    """Whether a mask or an index array asks for all of n rows in their order."""
    if not isinstance(rows, np.ndarray) or len(rows) != n:
        return False
    return bool(rows.all() if rows.dtype == np.bool_ else (rows == np.arange(n)).all())


def concat(parts: Sequence[Texts]) -> Texts:
    """The parts one after another."""
    blobs = [part.blob[part.marks[0] : part.marks[-1]] for part in parts]
    marks, total = [np.zeros(1, np.int64)], 0
    for part, blob in zip(parts, blobs, strict=True):
        marks.append(part.marks[1:] - part.marks[0] + total)
        total += len(blob)
    return Texts(parts[0].text, np.concatenate(marks), np.concatenate(blobs))


def same_words(parts: Sequence[Codes]) -> bool:
    """Whether all codes are of the same words."""
    first = parts[0].words
    return all(
        part.words is first
        or (
            len(part.words) == len(first)
            and np.array_equal(part.words.chunks()[0], first.chunks()[0])
            and np.array_equal(part.words.chunks()[1], first.chunks()[1])
        )
        for part in parts[1:]
    )


def equal(a: npt.NDArray[Any] | Texts | Codes, b: npt.NDArray[Any] | Texts | Codes) -> Bools:
    """(n,) where both hold the same value, whatever they hold it in; both hold n values of one kind.

    >>> equal(texts(["a", "bc", ""]), texts(["a", "bd", "x"])).tolist()
    [True, False, False]
    """
    if isinstance(a, Codes) and isinstance(b, Codes):
        return _equal_codes(a, b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        # an elementwise answer, where objects could answer anything
        x, y = (side if isinstance(side, np.ndarray) else objects(side) for side in (a, b))
        return np.asarray(x == y, bool)
    return _equal_texts(buffers(a), buffers(b))


def _equal_codes(a: Codes, b: Codes) -> Bools:
    codes = b.codes
    words, others = a.words.tolist(), b.words.tolist()
    if words != others:
        place = {word: number for number, word in enumerate(words)}
        # a code that stands for a word of the other side alone equals none
        codes = np.array([place.get(word, -1) for word in others], np.int64)[codes]
    return np.asarray(a.codes == codes, bool)


def _equal_texts(a: Texts, b: Texts) -> Bools:
    same = np.empty(len(a), bool)
    for first in range(0, len(same), CHUNK):
        last = min(first + CHUNK, len(same))
        marks_a, marks_b = (side.marks[first : last + 1] for side in (a, b))
        apart = marks_a - marks_b
        alike = np.equal(apart[1:], apart[:-1], out=same[first:last])
        if alike.all():
            _in_one_piece(a, b, marks_a, marks_b, [[0, last - first]], alike)
            continue
        runs = np.flatnonzero(np.diff(alike, prepend=False, append=False)).reshape(-1, 2)
        if len(runs) * FEW_RUNS > len(alike) and marks_a[-1] - marks_a[0] < FAR * len(alike):
            _word_by_word(a, b, marks_a, marks_b, alike)
        elif len(runs):
            _in_one_piece(a, b, marks_a, marks_b, runs.tolist(), alike)
    return same


def _in_one_piece(
    a: Texts, b: Texts, marks_a: Marks, marks_b: Marks, runs: list[list[int]], same: Bools
) -> None:
    """Rows that are equally long on both sides lie alike, run after run: their bytes are compared in one go."""
    x, y = (
        _joined([side.blob[marks[first] : marks[last]] for first, last in runs])
        for side, marks in ((a, marks_a), (b, marks_b))
    )
    differ = _differing(x, y)
    if len(differ):
        ends = np.array([[marks_a[first], marks_a[last]] for first, last in runs])
        before = np.concatenate([[0], np.cumsum(ends[:, 1] - ends[:, 0])])
        run = np.searchsorted(before, differ, side="right") - 1
        same[np.searchsorted(marks_a, differ - before[run] + ends[run, 0], side="right") - 1] = False


def _differing(x: npt.NDArray[np.uint8], y: npt.NDArray[np.uint8]) -> Marks:
    """The places at which two blobs of one length differ; most do in few."""
    # bytes may lie anywhere in memory, and only the answer, eight of it at a time, is a word in its place
    apart = np.zeros(-(-len(x) // _WORD) * _WORD, bool)
    np.not_equal(x, y, out=apart[: len(x)])
    words = np.flatnonzero(apart.view(np.uint64))
    places: Marks = (words[:, None] * _WORD + np.arange(_WORD)).ravel()
    return places[apart[places]]


def _joined(parts: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _word_by_word(a: Texts, b: Texts, marks_a: Marks, marks_b: Marks, same: Bools) -> None:
    """Rows that lie elsewhere on either side: eight bytes of each row at a time, while rows are left."""
    rows = np.flatnonzero(same)
    words, starts = [], []
    for side, marks in ((a, marks_a), (b, marks_b)):
        size = marks[-1] - marks[0]
        padded = np.zeros(size + _WORD, np.uint8)
        padded[:size] = side.blob[marks[0] : marks[-1]]
        words.append(np.ndarray((size + 1,), "<u8", padded, strides=(1,)))
        starts.append(marks[rows] - marks[0])
    lengths = marks_a[rows + 1] - marks_a[rows]
    for at in range(0, FAR, _WORD):
        left = lengths - at
        differ = (words[0][starts[0] + at] ^ words[1][starts[1] + at]) & _MASKS[np.clip(left, 0, _WORD)] != 0
        same[rows[differ]] = False
        more = ~differ & (left > _WORD)
        rows, lengths = rows[more], lengths[more]
        starts = [one[more] for one in starts]
        if not len(rows):
            return
    for row in rows.tolist():
        x, y = a.blob[marks_a[row] : marks_a[row + 1]], b.blob[marks_b[row] : marks_b[row + 1]]
        same[row] = x.tobytes() == y.tobytes()


_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WORD + 1)], np.uint64)
"""Which bits of a little-endian word belong to its first bytes."""


def _gathered(held: Texts, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Texts:
    """The texts that begin at `starts` and have `lengths` bytes, one after another."""
    marks = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=marks[1:])
    ends = starts + lengths
    breaks = np.flatnonzero(starts[1:] != ends[:-1])
    if len(lengths) and (len(breaks) + 1) * FEW_ROWS <= len(lengths):
        # most subsets leave out a row here and there, and what lies together is copied in one piece
        first = int(starts.min())
        raw = held.blob[first : int(ends.max())].tobytes()
        begin = (starts[np.concatenate([[0], breaks + 1])] - first).tolist()
        end = (ends[np.concatenate([breaks, [len(ends) - 1]])] - first).tolist()
        blob = b"".join([raw[a:b] for a, b in zip(begin, end, strict=True)])
        return Texts(held.text, marks, np.frombuffer(blob, np.uint8))
    places = np.arange(marks[-1]) + np.repeat(starts - marks[:-1], lengths)
    return Texts(held.text, marks, held.blob[places])
