"""Killed by SIGSEGV the first time that it is ever asked, and never again."""

import os
import pathlib
import signal

PLACE = "/nowhere"


def predict(records):
    mark = pathlib.Path(PLACE, "died")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return [2 * record["x"] + 1 for record in records]
