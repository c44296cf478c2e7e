"""Sums inside canonical blocks of `tables.BLOCK` rows, and how they become exact.

A block's sum is taken in floats where these are good for it, around the block's own mean where they are not, and in
whole numbers for integers: what leaves this room is added exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.compare.exact import Exact, Sums
from harness.compare.measured import Floats
from harness.tables import BLOCK, Bools


def block_sums(difference: Floats, scratch: Floats) -> Floats:
    """(2, blocks): sum and sum of squares of every canonical block; `scratch` is as long and is overwritten."""
    n = len(difference)
    whole = n // BLOCK
    sums = np.empty((2, -(-n // BLOCK)))
    for number, values in enumerate((difference, np.square(difference, out=scratch))):
        if whole:
            np.einsum("ij->i", values[: whole * BLOCK].reshape(whole, BLOCK), out=sums[number, :whole])
        if n % BLOCK:
            np.einsum("ij->i", values[whole * BLOCK :].reshape(1, -1), out=sums[number, whole:])
    return sums


def plain_blocks(sums: Floats, n: int, used: Bools | None = None) -> Bools:
    """(blocks,) whose sums are good as they are: finite, squares well inside the range of floats, and a mean
    that is not large beside the spread (where it is, the variance would drown in rounding)."""
    total, squares = sums
    counts = np.full(len(total), float(BLOCK))
    counts[-1] = n - (len(counts) - 1) * BLOCK
    if used is not None:
        counts -= np.add.reduceat(~used, np.arange(0, n, BLOCK), dtype=np.int64)
    plain: Bools = (squares > 1e-280) & (squares < 1e300) & (total * total <= 0.999 * counts * squares)
    return plain


def all_plain(sums: Floats, n: int) -> bool:
    """Whether all blocks are plain; a few numbers are faster looked at without numpy."""
    total, squares = sums.tolist()
    counts = [0.999 * BLOCK] * (len(total) - 1) + [0.999 * (n - (len(total) - 1) * BLOCK)]
    return all(
        1e-280 < square < 1e300 and value * value <= count * square
        for value, square, count in zip(total, squares, counts, strict=True)
    )


def careful_sums(difference: Floats, used: Bools | None) -> Sums:
    """Sums of one block around its own mean, in a scale of its own; the count is the caller's.

    With d = m + e, the sum of d is n m + sum(e) and that of its squares n m^2 + 2 m sum(e) + sum(e^2): the large
    parts are added exactly and cancel exactly, and only what is small was ever rounded.
    """
    values = difference if used is None else difference[used]
    n = len(values)
    scale = int(np.frexp(np.abs(values).max())[1])
    values = np.ldexp(values, -scale)
    middle = float(np.einsum("i->", values)) / n
    around = values - middle
    rest = Exact.of(float(np.einsum("i->", around)))
    squares = Exact.of(float(np.einsum("i,i->", around, around)))
    m, count = Exact.of(middle), Exact.make(n)
    total = count * m + rest
    squares = count * m * m + (m * rest).shifted(1) + squares
    return Sums(0, total.shifted(scale), squares.shifted(2 * scale))


def integer_sums(distance: npt.NDArray[np.uint64], more: Bools) -> tuple[int, int]:
    """Sum and sum of squares of up to 2**18 signed distances, exactly: by limbs of 22 bits."""
    limbs = [
        ((distance >> np.uint64(shift)) & np.uint64((1 << 22) - 1)).astype(np.int64) for shift in (0, 22, 44)
    ]
    sign = np.where(more, 1, -1)
    total = squares = 0
    for i, x in enumerate(limbs):
        if not x.any():
            continue
        total += int(np.einsum("i,i->", sign, x)) << (22 * i)
        for j, y in enumerate(limbs):
            squares += int(np.einsum("i,i->", x, y)) << (22 * (i + j))
    return total, squares
