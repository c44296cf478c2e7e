"""Of columns that tell the same, the first stays."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class CorrelationFilter(SelectorMixin, BaseEstimator):
    """Leave out a column whose correlation (Pearson's) with one that stays is above `threshold`, in either direction.

    Columns are looked at in their order, so that the choice is the same for any order of the rows. A constant column
    is correlated with none; `VarianceThreshold` takes it out.
    """

    def __init__(self, threshold: float = 0.95) -> None:
        self.threshold = threshold

    def fit(self, X: Any, y: Any = None) -> Any:
        """Find the columns of X, shape (n, columns) of numbers without gaps, that stay."""
        if not 0 < self.threshold <= 1:
            raise ValueError(
                f"CorrelationFilter needs a threshold above 0 and at most 1, not {self.threshold!r}"
            )
        cells = validate_data(self, X, dtype=np.float64)
        centred = cells - cells.mean(axis=0)
        lengths = np.sqrt((centred**2).sum(axis=0))
        # what is left of a constant column is rounding
        varied = lengths > 1e-12 * np.maximum(np.abs(cells).max(axis=0), 1e-300) * np.sqrt(len(cells))
        scaled = np.where(varied, centred / np.where(varied, lengths, 1.0), 0.0)
        self.support_ = np.zeros(cells.shape[1], dtype=bool)
        for place in range(cells.shape[1]):
            others = scaled[:, self.support_].T @ scaled[:, place]
            self.support_[place] = not (np.abs(others) > self.threshold).any()
        return self

    def _get_support_mask(self) -> Any:
        check_is_fitted(self)
        return self.support_
