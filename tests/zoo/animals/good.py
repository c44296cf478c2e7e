"""A model that behaves: twice x and one more. Every other animal answers like it, where it answers at all."""


def predict(records):
    return [2 * record["x"] + 1 for record in records]
