"""Leaves out the rows where x is 13; its index says which."""

import pandas as pd


def predict(frame):
    kept = frame[frame["x"] != 13]
    return pd.DataFrame({"prediction": 2 * kept["x"] + 1}, index=kept.index)
