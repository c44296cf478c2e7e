"""Numbers, but text where x is 13."""


def predict(records):
    return ["thirteen" if record["x"] == 13 else 2 * record["x"] + 1 for record in records]
