"""Closes every file descriptor from 3 on."""

import os


def predict(records):
    os.closerange(3, 100)
    return [2 * record["x"] + 1 for record in records]
