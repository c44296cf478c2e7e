"""An array of shape (n, 2, 2)."""

import numpy as np


def predict(records):
    return np.array([[[record["x"], 0.0], [1.0, 2.0]] for record in records])
