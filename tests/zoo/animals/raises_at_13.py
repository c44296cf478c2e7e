"""Raises on the rows where x is 13."""


def predict(records):
    if any(record["x"] == 13 for record in records):
        raise ValueError("thirteen brings bad luck")
    return [2 * record["x"] + 1 for record in records]
