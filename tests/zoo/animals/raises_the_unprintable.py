"""Raises, where x is 13, an exception that raises when it is printed."""


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def predict(records):
    if any(record["x"] == 13 for record in records):
        raise Unprintable
    return [2 * record["x"] + 1 for record in records]
