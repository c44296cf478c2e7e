"""Prints to stdout while it is imported."""

print("loading weights …")  # noqa: T201


def predict(records):
    return [2 * record["x"] + 1 for record in records]
