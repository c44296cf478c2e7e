"""Which trained values lie far from the others of their column: reported, never repaired in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.training.data import Data

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def outliers_of(data: Data) -> list[dict[str, Any]]:
    """For each column of numbers that has them, the target of a regression last: Tukey's fences (1.5 times the distance
    between the quartiles beyond them), how many trained rows lie outside, and how many beyond twice that reach.

    A column whose quartiles are equal has no fences. Source: Tukey, Exploratory Data Analysis (1977).
    """
    columns = [
        (field.name, data.frame[field.name].to_numpy()[data.trained])
        for field in data.inputs
        if field.kind in ("float", "int")
    ]
    if data.target_kind == "float":
        columns.append(("target", data.target[data.trained]))
    found = (of_column(name, values) for name, values in columns)
    return [one for one in found if one is not None]


def of_column(name: str, values: Floats) -> dict[str, Any] | None:
    """The same of one column; None where it has no outliers."""
    import numpy as np

    # in order: quartiles and what lies beyond the fences are then found without going through all of them
    present = np.sort(values[~np.isnan(values)])
    if not len(present):
        return None
    first, last = np.quantile(present, (0.25, 0.75), method="inverted_cdf")
    reach = last - first
    outside = int(((present < first - 1.5 * reach) | (present > last + 1.5 * reach)).sum()) if reach else 0
    if not outside:
        return None
    return {
        "column": name,
        # to six digits: more would say nothing to anybody
        "low": float(f"{first - 1.5 * reach:.6g}"),
        "high": float(f"{last + 1.5 * reach:.6g}"),
        "outside": outside,
        "far": int(((present < first - 3 * reach) | (present > last + 3 * reach)).sum()),
        "rows": len(present),
    }
