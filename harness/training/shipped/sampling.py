"""Gaps are filled with values drawn from those that were trained on, the same for the same row always.

The draw is a function of seed, column and what stands in the row, so that a row alone gets what it gets in any batch,
and a version answers the same question alike. Rows that are equal in every column get equal values.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

_GOLDEN, _FIRST, _SECOND = (
    np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
)  # fmt: skip


class RandomSampleImputer(TransformerMixin, BaseEstimator):
    """Fill gaps with draws from the column's trained values.

    `variables` are the columns to fill (None: all), `indicators` adds a column `NAME_missing` of 0 and 1 for each of
    them that had gaps, seen before anything is filled. `random_state` is a whole number: without one the draws could
    not be repeated, so None is refused. `most` bounds the values that are kept of a column; of more, evenly spaced
    ones in sorted order are.
    """

    def __init__(
        self, variables: Any = None, indicators: bool = False, random_state: int = 0, most: int = 10_000
    ) -> None:
        self.variables = variables
        self.indicators = indicators
        self.random_state = random_state
        self.most = most

    def fit(self, X: Any, y: Any = None) -> Any:
        """Keep the values of each column of X, shape (n, columns)."""
        if isinstance(self.random_state, bool) or not isinstance(self.random_state, (int, np.integer)):
            raise ValueError(
                f"RandomSampleImputer needs a whole number as random_state, but it is {self.random_state!r}"
            )
        frame = self._read(X, True)
        names = list(frame.columns)
        wanted = names if self.variables is None else list(self.variables)
        unknown = [name for name in wanted if name not in names]
        if unknown:
            raise ValueError(f"RandomSampleImputer has no column {unknown[0]!r}; it is given {names}")
        self.filled_ = wanted
        self.values_ = {}
        for name in wanted:
            present = frame[name].dropna()
            if not len(present):
                raise ValueError(f"RandomSampleImputer finds no value in column {name!r}")
            kept = np.sort(
                present.to_numpy() if present.dtype != object else present.astype(str).to_numpy(object)
            )
            places = np.linspace(0, len(kept) - 1, min(len(kept), self.most)).astype(np.int64)
            self.values_[name] = kept[places]
        self.gaps_ = [name for name in wanted if self.indicators and frame[name].isna().any()]
        return self

    def transform(self, X: Any) -> Any:
        """X without gaps in the columns that are filled; indicators stand after all columns."""
        check_is_fitted(self)
        frame = self._read(X, False)
        gone = {name: frame[name].isna().to_numpy() for name in self.filled_}
        made = frame.copy()
        if any(one.any() for one in gone.values()):
            rows = np.flatnonzero(np.logical_or.reduce(list(gone.values())))
            contents = _contents(frame.iloc[rows], int(self.random_state))
            for name, gaps in gone.items():
                if gaps.any():
                    drawn = _mixed(contents ^ _of_text(f"column {list(frame.columns).index(name)}"))
                    values = self.values_[name]
                    chosen = values[(drawn % np.uint64(len(values))).astype(np.int64)]
                    column = made[name].to_numpy().copy()
                    if column.dtype != values.dtype:
                        column = column.astype(
                            object if values.dtype == object else np.result_type(column, values)
                        )
                    here = gaps[rows]
                    column[rows[here]] = chosen[here]
                    made[name] = column
        for name in self.gaps_:
            made[f"{name}_missing"] = gone[name].astype(np.float64)
        return made if hasattr(X, "columns") else made.to_numpy()

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """The names of what transform gives."""
        check_is_fitted(self)
        default = [f"x{place}" for place in range(self.n_features_in_)]
        known = list(getattr(self, "feature_names_in_", default))
        names = known if input_features is None else list(input_features)
        if len(names) != len(known) or (hasattr(self, "feature_names_in_") and names != known):
            raise ValueError("input_features is not equal to feature_names_in_")
        columns = known if hasattr(self, "feature_names_in_") else list(range(self.n_features_in_))
        return np.asarray(
            [*names, *(f"{names[columns.index(one)]}_missing" for one in self.gaps_)], dtype=object
        )

    def _read(self, X: Any, reset: bool) -> Any:
        if hasattr(X, "columns"):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return pd.DataFrame(validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan"))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def _contents(frame: pd.DataFrame, seed: int) -> Any:
    """64 bits for each row, of what stands in it: numbers by value whatever their type, texts by their characters."""
    mixed = np.full(len(frame), _of_text(f"seed {seed}"), dtype=np.uint64)
    for place in range(frame.shape[1]):
        mixed = _mixed(mixed ^ _cells(frame.iloc[:, place]))
    return mixed


def _cells(column: Any) -> Any:
    gone = column.isna().to_numpy()
    kind = column.dtype
    if getattr(kind, "kind", "O") == "M":
        cells = column.to_numpy().astype("datetime64[ns]").astype(np.int64).view(np.uint64)
    elif pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        # -0.0 and 0.0 are one value
        cells = (column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0).view(np.uint64)
    else:
        codes, levels = pd.factorize(column.astype(object))
        known = np.array([_of_cell(level) for level in levels] or [np.uint64(0)], dtype=np.uint64)
        cells = known[codes]
    return np.where(gone, _GOLDEN, cells)


def _of_cell(value: Any) -> np.uint64:
    """A number in a column of objects counts as the same number in a column of numbers."""
    if isinstance(value, (int, float, np.number)):
        return (np.float64(value) + 0.0).view(np.uint64)
    return _of_text(str(value))


def _of_text(text: str) -> np.uint64:
    return np.uint64(
        int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    )


def _mixed(bits: Any) -> Any:
    """The output function of SplitMix64 (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        mixed = bits + _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
