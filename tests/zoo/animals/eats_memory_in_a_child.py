"""A child of the model holds ever more memory, where x is 13."""

import os
import time


def predict(records):
    if any(record["x"] == 13 for record in records):
        child = os.fork()
        if child == 0:
            eaten = []
            for _ in range(200):
                eaten.append(bytearray(b"x") * (16 * 2**20))
                time.sleep(0.01)
            os._exit(0)
        os.waitpid(child, 0)
    return [2 * record["x"] + 1 for record in records]
