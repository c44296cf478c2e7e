"""The same model, given and answering with a frame that carries the index it was given."""

import pandas as pd


def predict(frame):
    return pd.DataFrame({"prediction": 2 * frame["x"] + 1}, index=frame.index)
