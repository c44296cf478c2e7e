"""A pandas categorical."""

import pandas as pd


def predict(frame):
    return pd.Series(["high" if x > 3 else "low" for x in frame["x"]], index=frame.index, dtype="category")
