"""Rows that are chosen by a hash of their key: the same ones whatever else is in the table, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from math import ceil


def held_out(keys: Iterable[object], salt: str, share: float) -> list[bool]:
    """Which rows are held out (or masked, or sampled), by key: `share` of them on average.

    >>> held_out(["1", "2", "3"], "demo", 0.5) == held_out([1, 2, 3, 4], "demo", 0.5)[:3]
    True
    """
    edge = ceil(share * 2**64)
    values = keys.tolist() if hasattr(keys, "tolist") else list(keys)
    if edge >= 2**64:
        return [True] * len(values)
    # digests are compared as texts are: what matters is their first eight bytes, as a number below the edge
    below, sha256, before = edge.to_bytes(8, "big"), hashlib.sha256, f"{salt}:"
    return [sha256(f"{before}{value}".encode()).digest() < below for value in values]
