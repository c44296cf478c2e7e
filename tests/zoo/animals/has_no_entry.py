"""Has no `predict`."""


def forecast(records):
    return [2 * record["x"] + 1 for record in records]
