"""Bytes."""


def predict(records):
    return [bytes([row % 256, 0, 255]) for row in range(len(records))]
