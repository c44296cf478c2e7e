"""Small integers at their edge: -128 and 127."""

import numpy as np


def predict(records):
    return np.array([-128 if record["x"] == 13 else 127 for record in records], np.int8)
