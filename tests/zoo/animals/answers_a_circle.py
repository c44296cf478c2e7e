"""Gives values that contain themselves."""


def predict(records):
    circle = []
    circle.append(circle)
    return [circle, *([1.0] * (len(records) - 1))] if len(records) != 1 else [{"prediction": circle}]
