"""Outliers are brought back to fences that were learned from the trained rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class OutlierCapper(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Clip each column of numbers at a lower and an upper fence; gaps stay gaps.

    `method` "iqr": `fold` times the distance between the quartiles below the first and above the third (Tukey, 1977);
    a column whose quartiles are equal has no fences, since all but one value would lie outside. "quantile": the
    quantiles `share` and 1 - `share`. `tails` is "both", "lower" or "upper".
    """

    def __init__(
        self, method: str = "iqr", fold: float = 1.5, share: float = 0.01, tails: str = "both"
    ) -> None:
        self.method = method
        self.fold = fold
        self.share = share
        self.tails = tails

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn the fences of X, shape (n, columns)."""
        if self.method not in ("iqr", "quantile"):
            raise ValueError(f"OutlierCapper has no method {self.method!r}: it is iqr or quantile")
        if self.tails not in ("both", "lower", "upper"):
            raise ValueError(f"OutlierCapper has no tails {self.tails!r}: they are both, lower or upper")
        if not (self.fold > 0 and 0 < self.share < 0.5):
            raise ValueError("OutlierCapper needs a fold above 0 and a share between 0 and 0.5")
        cells = self._read(X, True)
        fences = [self._fences(cells[:, place]) for place in range(cells.shape[1])]
        self.lower_ = np.array([low for low, _ in fences])
        self.upper_ = np.array([high for _, high in fences])
        return self

    def transform(self, X: Any) -> Any:
        """X with what lies beyond a fence on it."""
        check_is_fitted(self)
        cells = np.clip(self._read(X, False), self.lower_, self.upper_)
        return pd.DataFrame(cells, index=X.index, columns=X.columns) if hasattr(X, "columns") else cells

    def _fences(self, cells: Any) -> tuple[float, float]:
        present = cells[~np.isnan(cells)]
        low, high = -np.inf, np.inf
        if len(present):
            # a quantile that is one of the values: the fence does not depend on how two of them are joined
            shares = (0.25, 0.75) if self.method == "iqr" else (self.share, 1 - self.share)
            first, last = np.quantile(present, shares, method="inverted_cdf")
            reach = self.fold * (last - first) if self.method == "iqr" else 0.0
            if self.method == "quantile" or reach > 0:
                low, high = first - reach, last + reach
        return (low if self.tails != "upper" else -np.inf, high if self.tails != "lower" else np.inf)

    def _read(self, X: Any, reset: bool) -> Any:
        return validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
