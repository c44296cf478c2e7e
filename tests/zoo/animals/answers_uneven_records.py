"""Gives records that lack an entry where x is 13."""


def predict(records):
    return [{"prediction": 1.0} | ({} if record["x"] == 13 else {"more": record["x"]}) for record in records]
