"""Leaves out the rows where x is 13, and says nothing."""


def predict(records):
    return [2 * record["x"] + 1 for record in records if record["x"] != 13]
