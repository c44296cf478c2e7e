"""Answers the rows where x is 13 twice."""


def predict(records):
    return [2 * record["x"] + 1 for record in records for _ in range(2 if record["x"] == 13 else 1)]
