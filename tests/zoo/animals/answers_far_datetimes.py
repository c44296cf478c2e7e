"""Datetimes that no count of nanoseconds reaches."""

import datetime


def predict(records):
    return [datetime.datetime(9999, 12, 31) for _ in records]
