"""Answers with how often it was asked."""

ASKED = []


def predict(records):
    ASKED.append(len(records))
    return [len(ASKED) for _ in records]
