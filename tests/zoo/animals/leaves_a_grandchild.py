"""Leaves a grandchild in a session of its own, whose parent is gone; its process id lies in PLACE."""

import os
import pathlib
import time

PLACE = "/nowhere"


def predict(records):
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            with pathlib.Path(PLACE, "pids").open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(3600)
        os._exit(0)
    os.waitpid(child, 0)
    while not pathlib.Path(PLACE, "pids").is_file():
        time.sleep(0.01)
    return [2 * record["x"] + 1 for record in records]
