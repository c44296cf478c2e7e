"""Forks, and both processes return an answer."""

import os


def predict(records):
    os.fork()
    return [2 * record["x"] + 1 for record in records]
