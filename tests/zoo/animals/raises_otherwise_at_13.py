"""Raises on the same rows as `raises_at_13`, with another class."""


def predict(records):
    if any(record["x"] == 13 for record in records):
        raise KeyError("thirteen")
    return [2 * record["x"] + 1 for record in records]
