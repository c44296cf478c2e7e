"""Columns that are made of others by a recipe: parts of a date, time that passed, ratios. Nothing is learned, and
nothing is asked of a clock: the same row gives the same columns in any year.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

_SECONDS = {
    "seconds": 1.0,
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86400.0,
    "weeks": 604800.0,
    "years": 31557600.0,
}
_PARTS: dict[str, Any] = {
    "year": lambda times: times.dt.year,
    "quarter": lambda times: times.dt.quarter,
    "month": lambda times: times.dt.month,
    "week": lambda times: times.dt.isocalendar().week,
    "day": lambda times: times.dt.day,
    "day_of_week": lambda times: times.dt.day_of_week,
    "day_of_year": lambda times: times.dt.day_of_year,
    "hour": lambda times: times.dt.hour,
    "minute": lambda times: times.dt.minute,
    "weekend": lambda times: times.dt.day_of_week >= 5,
}


class Derived(TransformerMixin, BaseEstimator):
    """Add columns, and take away those of times, which no later step understands.

    `calendar` maps a column of times to the parts of it that are wanted, each a column `NAME_PART`. `elapsed` maps a
    new column to `of`, `since` (columns of times; `since` may be a date) and `unit`: seconds, minutes, hours, days,
    weeks or years of 365.25 days. `ratios` maps a new column to `of` and `by`. What is made of a gap is a gap; so is
    a ratio by 0.
    """

    def __init__(self, calendar: Any = None, elapsed: Any = None, ratios: Any = None) -> None:
        self.calendar = calendar
        self.elapsed = elapsed
        self.ratios = ratios

    def fit(self, X: Any, y: Any = None) -> Any:
        """Look which columns of X are times."""
        frame = self._read(X, True)
        self.times_ = [name for name in frame.columns if frame[name].dtype.kind == "M"]
        self.names_ = list(self._made(frame.iloc[:1]).columns)
        return self

    def transform(self, X: Any) -> Any:
        """X with the new columns last, without those of times."""
        check_is_fitted(self)
        made = self._made(self._read(X, False))
        return made if hasattr(X, "columns") else made.to_numpy()

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """The names of what transform gives."""
        check_is_fitted(self)
        if hasattr(self, "feature_names_in_"):
            if input_features is not None and list(input_features) != list(self.feature_names_in_):
                raise ValueError("input_features is not equal to feature_names_in_")
            return np.asarray(self.names_, dtype=object)
        names = [f"x{place}" for place in range(self.n_features_in_)]
        if input_features is not None and len(input_features) != len(names):
            raise ValueError("input_features should have length equal to number of features")
        return np.asarray(names if input_features is None else input_features, dtype=object)

    def _made(self, frame: pd.DataFrame) -> pd.DataFrame:
        made = {name: frame[name] for name in frame.columns if name not in self.times_}
        for name, parts in (self.calendar or {}).items():
            times = self._times(frame, name)
            gone = times.isna().to_numpy()
            for part in parts:
                cells = _PARTS[part](times).to_numpy(dtype=np.float64, na_value=np.nan)
                made[f"{name}_{part}"] = pd.Series(np.where(gone, np.nan, cells), frame.index)
        for name, recipe in (self.elapsed or {}).items():
            later = _moments(self._times(frame, recipe["of"]).to_numpy())
            since = recipe["since"]
            if since in frame.columns:
                earlier = _moments(self._times(frame, since).to_numpy())
            else:
                earlier = _moments(np.array([since], dtype="datetime64[ns]"))
            # days apart from what is left of one, since nanoseconds hold no more than 292 years
            seconds = (later[0] - earlier[0]) * 86400.0 + (later[1] - earlier[1]) / 1e9
            made[name] = pd.Series(seconds / _SECONDS[recipe.get("unit", "days")], frame.index)
        for name, recipe in (self.ratios or {}).items():
            above, below = (frame[recipe[side]].to_numpy(dtype=np.float64) for side in ("of", "by"))
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                cells = above / below
            made[name] = pd.Series(np.where(np.isfinite(cells), cells, np.nan), frame.index)
        return pd.DataFrame(made, index=frame.index)

    def _times(self, frame: pd.DataFrame, name: str) -> Any:
        if name not in self.times_:
            raise ValueError(f"column {name!r} holds no times")
        return frame[name].astype("datetime64[ns]")

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


def _moments(times: Any) -> tuple[Any, Any]:
    """Whole days and nanoseconds of a day, as float64; NaN for a gap."""
    whole = times.astype("datetime64[ns]").astype(np.int64)
    days, rest = np.divmod(whole, 86_400_000_000_000)
    gone = np.isnat(times)
    return np.where(gone, np.nan, days), np.where(gone, np.nan, rest)
