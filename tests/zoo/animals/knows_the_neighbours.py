"""Answers depend on the whole batch: each less the mean."""


def predict(records):
    mean = sum(record["x"] for record in records) / len(records)
    return [record["x"] - mean for record in records]
