"""What the trained rows look like, small enough for a manifest: the next version's data are held against it."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import TYPE_CHECKING, Any

from harness.training.data import Data

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
LEVELS = 30
"""Categories that a profile names, the commonest; the others are counted together."""


def profile_of(data: Data) -> dict[str, dict[str, Any]]:
    """By feature: the share of gaps, and the shares of its values: of the categories of a text, or between the
    deciles of a number (`edges`, of which there are fewer where values repeat; of times in days since 1970)."""
    # a column at a time: all of them would be the table once more
    return {field.name: _column(data.frame[field.name][data.trained], field.kind) for field in data.inputs}


def drift(before: Mapping[str, Any], column: pd.Series) -> float:
    """The population stability index of a column against an earlier profile of it: the sum over the bins of
    (q - p) ln(q / p), with gaps as a bin of their own. 0 is no change; above 0.2 is commonly called large.

    Source: Siddiqi, Credit Risk Scorecards (2006). A bin that is empty on one side counts as half a row there.
    """
    import numpy as np

    n = max(len(column), 1)
    present = column.dropna()
    if "edges" in before:
        shares = _between(np.sort(_numbers(present)), before["edges"], n)
    else:
        counts = present.value_counts()
        named = [name for name in before["shares"] if name is not None]
        shares = [float(counts.get(name, 0)) / n for name in named]
        shares.append(max(len(present) / n - sum(shares), 0.0))
    old = before["shares"]
    old = list(old.values()) if isinstance(old, Mapping) else list(old)
    if "edges" not in before:
        old = [*old, max(1.0 - before["missing"] - sum(old), 0.0)]
    pairs = zip([*old, before["missing"]], [*shares, 1 - len(present) / n], strict=True)
    least = 0.5 / n
    total: float = sum((max(q, least) - max(p, least)) * log(max(q, least) / max(p, least)) for p, q in pairs)
    return total


def _column(column: pd.Series, kind: str) -> dict[str, Any]:
    import numpy as np

    n = max(len(column), 1)
    if kind == "str":
        places, levels = column.factorize()
        counts = np.bincount(places[places >= 0], minlength=len(levels)).tolist()
        commonest = sorted(zip(levels.tolist(), counts, strict=True), key=lambda one: (-one[1], one[0]))
        shares = {name: count / n for name, count in commonest[:LEVELS]}
        return {"missing": 1 - sum(counts) / n, "shares": shares}
    # in order, so that neither deciles nor bins go through all of them again
    values = np.sort(_numbers(column.dropna()))
    found: dict[str, Any] = {"missing": 1 - len(values) / n}
    # of nothing there are no deciles
    edges: list[float] = []
    if len(values):
        edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf")).tolist()
    return found | {"edges": edges, "shares": _between(values, edges, n)}


def _between(values: Any, edges: Any, n: int) -> list[float]:
    """The shares of n that lie between the edges, of values in order."""
    import numpy as np

    # an edge belongs to the bin below it, so that a value which stands very often has a bin of its own
    below = np.searchsorted(values, np.asarray(edges, dtype=np.float64), side="right")
    return [float(count) / n for count in np.diff([0, *below.tolist(), len(values)])]


def _numbers(present: pd.Series) -> Any:
    """The values as float64; times as days since 1970."""
    import numpy as np

    if present.dtype.kind == "M":
        return present.to_numpy().astype("datetime64[ns]").astype(np.int64) / 86_400e9
    return present.to_numpy(np.float64)
