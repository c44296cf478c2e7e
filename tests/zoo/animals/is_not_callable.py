"""`predict` is a number."""

predict = 42
