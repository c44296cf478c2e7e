"""Labels as an array of numpy's fixed-width text."""

import numpy as np


def predict(records):
    return np.array(["high" if record["x"] > 3 else "low" for record in records])
