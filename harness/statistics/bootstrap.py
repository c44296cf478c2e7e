"""A paired Poisson bootstrap whose weights are a hash of case, seed and replicate.

Each replicate gives every case a weight drawn from Poisson(1), independently of the others (Chamandy et al.,
"Estimating uncertainty for massive data streams", 2012): so a case has the same weight on whichever machine and
in whatever order it is judged, and both versions are weighted alike, which is what makes the bootstrap paired.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, factorial

import numpy as np
import numpy.typing as npt

REPLICATES = 2000
_CHUNK = 1_000_000  # weights held at once: 8 MB

_CDF = np.cumsum([exp(-1) / factorial(k) for k in range(12)])


def weights(
    rows: npt.NDArray[np.int64], seed: int, replicates: int = REPLICATES
) -> Iterator[npt.NDArray[np.float64]]:
    """Weights in chunks of shape (r, n), r replicates at a time; `rows` (n,) are the cases' places in the source.

    >>> rows = np.arange(5)
    >>> whole = np.vstack(list(weights(rows, seed=1, replicates=4)))
    >>> part = np.vstack(list(weights(rows[3:], seed=1, replicates=4)))
    >>> bool((whole[:, 3:] == part).all())
    True
    """
    cases = _mix(rows.astype(np.uint64) ^ _mix(np.full(1, seed, np.uint64)))
    step = max(1, _CHUNK // max(1, len(rows)))
    for first in range(0, replicates, step):
        numbers = np.arange(first, min(first + step, replicates), dtype=np.uint64)
        bits = _mix(cases[None, :] ^ _mix(numbers + np.uint64(1))[:, None])
        uniform = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
        yield np.searchsorted(_CDF, uniform, side="right").astype(np.float64)


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64's finaliser: every input bit moves every output bit."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
