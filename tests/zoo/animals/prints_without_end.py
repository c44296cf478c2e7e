"""Prints megabytes without a line break."""

import os


def predict(records):
    for _ in range(64):
        os.write(1, b"x" * 2**17)
    os.write(1, b"the end")
    return [2 * record["x"] + 1 for record in records]
