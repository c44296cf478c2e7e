"""Gives one string, which is as long as the batch."""


def predict(records):
    return "x" * len(records)
