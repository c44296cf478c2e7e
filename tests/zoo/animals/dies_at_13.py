"""Killed by SIGSEGV, where x is 13."""

import os
import signal


def predict(records):
    if any(record["x"] == 13 for record in records):
        os.kill(os.getpid(), signal.SIGSEGV)
    return [2 * record["x"] + 1 for record in records]
