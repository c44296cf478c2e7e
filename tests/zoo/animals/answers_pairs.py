"""Gives two numbers for each row."""


def predict(records):
    return [[2 * record["x"] + 1, -record["x"]] for record in records]
