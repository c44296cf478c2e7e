"""Writes garbage to every file descriptor from 3 on."""

import contextlib
import os


def predict(records):
    for number in range(3, 30):
        with contextlib.suppress(OSError):
            os.write(number, b"<html>garbage</html> " * 10)
    return [2 * record["x"] + 1 for record in records]
