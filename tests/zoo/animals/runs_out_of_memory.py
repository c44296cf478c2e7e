"""Raises MemoryError, where x is 13."""


def predict(records):
    if any(record["x"] == 13 for record in records):
        raise MemoryError
    return [2 * record["x"] + 1 for record in records]
