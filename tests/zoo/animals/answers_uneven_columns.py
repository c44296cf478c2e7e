"""Gives a dict of columns of unequal length."""


def predict(records):
    return {"prediction": [2 * record["x"] + 1 for record in records], "row": [0]}
