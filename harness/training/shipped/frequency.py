"""A category as how often it stood in the trained rows: one number for any number of levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class FrequencyEncoder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Each value becomes its share of the trained rows; one that was not there 0. A gap has a share of its own."""

    def fit(self, X: Any, y: Any = None) -> Any:
        """Count the values of each column of X, shape (n, columns)."""
        frame = self._read(X, True)
        self.shares_ = [frame.iloc[:, place].value_counts(normalize=False) for place in range(frame.shape[1])]
        self.shares_ = [{level: count / len(frame) for level, count in one.items()} for one in self.shares_]
        self.missing_ = frame.isna().mean().to_numpy(dtype=np.float64)
        return self

    def transform(self, X: Any) -> Any:
        """X as shares, float64."""
        check_is_fitted(self)
        frame = self._read(X, False)
        cells = np.zeros(frame.shape)
        for place, shares in enumerate(self.shares_):
            codes, levels = pd.factorize(frame.iloc[:, place])
            known = np.array([*(shares.get(level, 0.0) for level in levels), self.missing_[place]])
            # factorize calls a gap -1, which is the last of these
            cells[:, place] = known[codes]
        return pd.DataFrame(cells, index=X.index, columns=X.columns) if hasattr(X, "columns") else cells

    def _read(self, X: Any, reset: bool) -> Any:
        if hasattr(X, "columns"):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return pd.DataFrame(validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan"))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
