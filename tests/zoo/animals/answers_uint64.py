"""Unsigned integers beyond what a signed one holds."""

import numpy as np


def predict(records):
    return np.array([2**64 - 1 if record["x"] == 13 else 2**53 + 1 for record in records], np.uint64)
