"""The same answers in single precision."""

import numpy as np


def predict(records):
    return np.array([2 * record["x"] + 1 for record in records], np.float32)
