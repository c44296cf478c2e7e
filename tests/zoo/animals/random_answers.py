"""Never answers the same twice."""

import random


def predict(records):
    return [random.SystemRandom().random() for _ in records]
