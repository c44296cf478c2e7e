"""Changes directory, the environment and the umask."""

import os


def predict(records):
    os.chdir("/")
    os.environ.clear()
    os.umask(0o777)
    return [2 * record["x"] + 1 for record in records]
