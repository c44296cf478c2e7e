"""Gives a nested value for each row."""


def predict(records):
    return [
        {"prediction": {"value": 2 * record["x"] + 1, "because": ["x", None, 10**30]}} for record in records
    ]
