"""pandas' nullable integers, with NA where x is 13."""

import pandas as pd


def predict(frame):
    return pd.Series(frame["x"].where(frame["x"] != 13), dtype="Int64")
