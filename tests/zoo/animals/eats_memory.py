"""Holds ever more memory, where x is 13."""

import time


def predict(records):
    eaten = []
    if any(record["x"] == 13 for record in records):
        for _ in range(200):
            eaten.append(bytearray(b"x") * (16 * 2**20))
            time.sleep(0.01)
    return [2 * record["x"] + 1 for record in records]
