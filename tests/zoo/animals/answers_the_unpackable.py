"""Gives integers beyond every float, beside floats."""


def predict(records):
    return [10**400 if record["x"] == 13 else 2.0 * record["x"] + 1 for record in records]
