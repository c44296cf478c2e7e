"""The last bits differ: a harmless refactor."""


def predict(records):
    return [(2 * record["x"] + 1) * (1 + 2**-50) for record in records]
