"""Gives its answers two levels down, beside what is no answer."""


def predict(records):
    return {
        "result": {"scores": [2 * record["x"] + 1 for record in records]},
        "model": "wrapped",
        "took": 0.1,
    }
