"""Gives the answers in reverse, with the index that says so."""

import pandas as pd


def predict(frame):
    return pd.DataFrame({"prediction": 2 * frame["x"] + 1}, index=frame.index).iloc[::-1]
