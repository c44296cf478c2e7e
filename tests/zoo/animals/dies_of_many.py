"""Killed by SIGSEGV whenever it is asked more than one row: no single case does it."""

import os
import signal


def predict(records):
    if len(records) > 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return [2 * record["x"] + 1 for record in records]
