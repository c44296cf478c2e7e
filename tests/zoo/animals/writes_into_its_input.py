"""Changes the records it was given, so that asking twice would differ."""


def predict(records):
    answers = []
    for record in records:
        record["x"] = 2 * record["x"] + 1
        answers.append(record["x"])
    if any(answer == 27 for answer in answers):
        raise ValueError("thirteen, after the input was changed")
    return answers
