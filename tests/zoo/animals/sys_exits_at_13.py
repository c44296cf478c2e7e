"""Calls sys.exit(0), where x is 13."""

import sys


def predict(records):
    if any(record["x"] == 13 for record in records):
        sys.exit(0)
    return [2 * record["x"] + 1 for record in records]
