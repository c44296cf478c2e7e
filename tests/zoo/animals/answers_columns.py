"""Gives a dict of columns."""


def predict(records):
    return {"prediction": [2 * record["x"] + 1 for record in records], "row": list(range(len(records)))}
