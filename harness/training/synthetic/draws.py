"""Random draws by counter: a value is a function of seed, name and row, and of no value before it.

Only what IEEE 754 and 64-bit integers define exactly is used (no exp, log, power or sum, whose last bits differ
between versions of numpy), so that the same row has the same bits everywhere.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def bits(seed: int, name: str, rows: Rows) -> npt.NDArray[np.uint64]:
    """64 random bits for each row number, of shape (n,): the output function of SplitMix64 (Steele, Lea and
    Flood, 2014) on a hash of seed and name plus the row times its increment."""
    start = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big")
    with np.errstate(over="ignore"):
        mixed = np.uint64(start) + (rows + np.uint64(1)) * np.uint64(_GOLDEN)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
    return mixed ^ (mixed >> np.uint64(31))


def uniform(seed: int, name: str, rows: Rows) -> Floats:
    """A number from 0 to below 1 for each row, one of 2**53. Shape (n,)."""
    return (bits(seed, name, rows) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def bell(seed: int, name: str, rows: Rows) -> Floats:
    """A nearly normal number (mean 0, standard deviation 1, at most 6 away) for each row: twelve uniform ones added in
    a fixed order, less six (Irwin and Hall, 1927). Shape (n,)."""
    total = np.zeros(len(rows))
    for place in range(12):
        total += uniform(seed, f"{name}:{place}", rows)
    return total - 6.0


def choice(seed: int, name: str, rows: Rows, weights: Any) -> npt.NDArray[np.int64]:
    """A place in `weights` for each row, as often as its weight says. `weights` has shape (k,) for all rows or (n, k),
    whole numbers in either case, so that the edges are exact."""
    edges = np.cumsum(np.asarray(weights, dtype=np.int64), axis=-1)
    drawn = uniform(seed, name, rows)[:, None] * edges[..., -1:]
    places: npt.NDArray[np.int64] = (drawn >= edges).sum(axis=1)
    return places
