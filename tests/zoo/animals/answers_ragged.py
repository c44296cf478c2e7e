"""Gives a list for each row, of lengths that differ."""


def predict(records):
    return [[record["x"]] * (1 + row % 3) for row, record in enumerate(records)]
