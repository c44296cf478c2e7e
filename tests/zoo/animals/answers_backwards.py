"""Gives the answers in reverse and says nothing about it."""


def predict(records):
    return [2 * record["x"] + 1 for record in reversed(records)]
