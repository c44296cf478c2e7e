"""Prints to stdout in every way there is: print, file descriptor 1, a child process."""

import os
import subprocess
import sys


def predict(records):
    print("print", len(records))  # noqa: T201
    sys.stdout.write("write\n")
    sys.__stdout__.write("dunder\n")
    sys.stdout.flush()
    os.write(1, b"descriptor\n")
    subprocess.run(["sh", "-c", "echo child; echo child too >&2"], check=True)
    os.system("echo system")
    return [2 * record["x"] + 1 for record in records]
