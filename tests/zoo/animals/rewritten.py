"""The same model in other words: the same answers, another artifact."""


def predict(records):
    return [1 + record["x"] + record["x"] for record in records]
