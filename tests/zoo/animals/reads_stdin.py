"""Reads stdin, itself and through a child: there is nothing to read."""

import subprocess
import sys


def predict(records):
    heard = len(sys.stdin.read()) + len(subprocess.run(["cat"], capture_output=True, check=True).stdout)
    return [2 * record["x"] + 1 + heard for record in records]
