"""Takes a hundredth of a second for each row."""

import time


def predict(records):
    time.sleep(0.01 * len(records))
    return [2 * record["x"] + 1 for record in records]
