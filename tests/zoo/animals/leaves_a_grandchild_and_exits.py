"""Leaves a grandchild in a session of its own, which holds the pipes open, and ends with code 0."""

import os
import pathlib
import time

PLACE = "/nowhere"


def predict(records):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with pathlib.Path(PLACE, "pids").open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(3600)
        os._exit(0)
    while not pathlib.Path(PLACE, "pids").is_file():
        time.sleep(0.01)
    os._exit(0)
