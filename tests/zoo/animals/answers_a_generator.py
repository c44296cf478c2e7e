"""Gives a generator, which raises where x is 13."""


def predict(records):
    for record in records:
        if record["x"] == 13:
            raise ValueError("thirteen, half way")
        yield 2 * record["x"] + 1
