"""The same answers in the byte order of other machines."""

import numpy as np


def predict(records):
    return np.array([2 * record["x"] + 1 for record in records], ">f8")
