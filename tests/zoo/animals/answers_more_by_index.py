"""Adds an answer to a row that nobody asked."""

import pandas as pd


def predict(frame):
    answers = (2 * frame["x"] + 1).tolist()
    return pd.Series([*answers, 0.0], index=[*frame.index, 10**6])
