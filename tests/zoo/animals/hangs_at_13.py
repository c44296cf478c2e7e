"""Never answers, where x is 13, and listens to no signal that can be ignored."""

import signal
import time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)


def predict(records):
    if any(record["x"] == 13 for record in records):
        time.sleep(3600)
    return [2 * record["x"] + 1 for record in records]
