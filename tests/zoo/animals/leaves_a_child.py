"""Leaves a child that outlives every prediction; its process id lies in PLACE."""

import pathlib
import subprocess

PLACE = "/nowhere"


def predict(records):
    child = subprocess.Popen(["sleep", "3600"])
    with pathlib.Path(PLACE, "pids").open("a") as file:
        file.write(f"{child.pid}\n")
    child.returncode = 0  # it is not ours any more
    return [2 * record["x"] + 1 for record in records]
