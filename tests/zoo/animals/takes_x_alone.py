"""Answers like the good one, and fails on a record that holds anything but x."""


def predict(records):
    for record in records:
        if set(record) != {"x"}:
            raise ValueError(f"given {sorted(record)}")
    return [2 * record["x"] + 1 for record in records]
