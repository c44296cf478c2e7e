"""Leaves a grandchild in a session and an environment of its own; its process id lies in PLACE."""

import os
import pathlib
import subprocess

PLACE = "/nowhere"


def predict(records):
    child = os.fork()
    if child == 0:
        stranger = subprocess.Popen(["sleep", "3600"], env={}, start_new_session=True)
        with pathlib.Path(PLACE, "pids").open("a") as file:
            file.write(f"{stranger.pid}\n")
        os._exit(0)
    os.waitpid(child, 0)
    return [2 * record["x"] + 1 for record in records]
