"""Datetimes, and NaT where x is 13."""

import pandas as pd


def predict(frame):
    return pd.to_datetime(frame["x"].where(frame["x"] != 13), unit="D", origin="2020-01-01")
