"""Raises, where x is 13, with a message of megabytes, control characters and markup."""


def predict(records):
    if any(record["x"] == 13 for record in records):
        raise ValueError("\x1b[31m<script>alert(1)</script>\ud800::error::" + "long " * 10**6)
    return [2 * record["x"] + 1 for record in records]
