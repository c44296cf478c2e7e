"""Recurses without end where x is 13."""


def down(depth):
    return down(depth + 1) + 1


def predict(records):
    return [down(0) if record["x"] == 13 else 2 * record["x"] + 1 for record in records]
