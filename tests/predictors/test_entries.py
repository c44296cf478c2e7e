"""What an entry may name: a function, or an object with methods. Asked through real workers."""

from __future__ import annotations

import pytest

from harness.errors import Exit, HarnessError
from harness.predictors.isolated import IsolatedPredictor
from harness.settings import Profile

from .conftest import XS, batch_of

SOURCE = '''
class Model:
    classes_ = ["no", "yes"]

    def predict(self, records):
        return ["yes" if record["x"] > 3 else "no" for record in records]

    def predict_proba(self, records):
        return [[1 - record["x"] / 100, record["x"] / 100] for record in records]

    def decision_function(self, records):
        return [record["x"] - 3 for record in records]


class Labels:
    def predict(self, records):
        return [record["x"] for record in records]


class Chances:
    def predict_proba(self, records):
        return [[0.25, 0.75] for record in records]


class Callable(Labels):
    """As a model of Keras is: it can be called, and that is not what it predicts."""

    def __call__(self, records):
        return [0.0 for record in records]


class Uncertain(Model):
    classes_ = ["no", "yes", "perhaps"]


class Unfitted(Model):
    @property
    def classes_(self):
        raise ValueError("this model is not fitted yet")


class Several:
    """Two outputs, as scikit-learn's trees have them: classes and probabilities are lists of lists."""

    classes_ = [["a", "b"], ["u", "v"]]

    def predict(self, records):
        return [["a", "v"] for record in records]

    def predict_proba(self, records):
        import numpy

        return [numpy.array([[0.9, 0.1]] * len(records)), numpy.array([[0.2, 0.8]] * len(records))]


MODEL, LABELS, CHANCES, CALLABLE, UNCERTAIN, UNFITTED, SEVERAL = (
    Model(), Labels(), Chances(), Callable(), Uncertain(), Unfitted(), Several()
)
NOTHING = 7


def function(records):
    return [2 * record["x"] for record in records]


function.predict = "not meant"
'''


@pytest.fixture
def asked(zoo, tmp_path):
    """Ask an entry of the module above, by a method or by none."""
    opened = []

    def ask(entry, method="", **profile):
        wishes = Profile(timeout=20, entry=f"zoo_good.model:{entry}", method=method, **profile)
        lock = zoo.science_lock if entry == "SEVERAL" else ""
        version = zoo.version(tmp_path, source=SOURCE, pass_as="records", lock=lock, profile=wishes)
        opened.append(IsolatedPredictor(version, "candidate", lambda line: None))
        outcome = opened[-1].predict(batch_of(XS))
        return {name: list(column.values) for name, column in outcome.columns.items()}, outcome.faults

    yield ask
    for predictor in opened:
        predictor.close()


def test_an_object_gives_labels_and_probabilities(asked):
    columns, faults = asked("MODEL")
    assert not faults
    assert list(columns) == ["prediction", "probability_no", "probability_yes"]
    assert columns["prediction"] == ["yes" if x > 3 else "no" for x in XS]
    assert columns["probability_yes"] == [x / 100 for x in XS]


@pytest.mark.parametrize(
    ("entry", "method", "expected"),
    [
        ("LABELS", "", {"prediction": list(XS)}),
        ("CALLABLE", "", {"prediction": list(XS)}),
        ("CHANCES", "", {"prediction[0]": [0.25] * len(XS), "prediction[1]": [0.75] * len(XS)}),
        ("MODEL", "predict", {"prediction": ["yes" if x > 3 else "no" for x in XS]}),
        ("MODEL", "decision_function", {"prediction": [x - 3 for x in XS]}),
        (
            "MODEL",
            "predict_proba",
            {"probability_no": [1 - x / 100 for x in XS], "probability_yes": [x / 100 for x in XS]},
        ),
        ("MODEL.predict", "", {"prediction": ["yes" if x > 3 else "no" for x in XS]}),
        ("function", "", {"prediction": [2 * x for x in XS]}),
        (
            "SEVERAL",
            "",
            {
                "prediction[0]": ["a"] * len(XS),
                "prediction[1]": ["v"] * len(XS),
                "probability[0]_a": [0.9] * len(XS),
                "probability[0]_b": [0.1] * len(XS),
                "probability[1]_u": [0.2] * len(XS),
                "probability[1]_v": [0.8] * len(XS),
            },
        ),
    ],
)
def test_the_profile_says_which_method_is_asked(asked, entry, method, expected):
    columns, faults = asked(entry, method)
    assert not faults
    assert columns == expected


@pytest.mark.parametrize(
    ("entry", "method", "words"),
    [
        ("Model", "", "Model is a class: name an object of it"),
        ("NOTHING", "", "NOTHING is not callable, and has neither predict nor predict_proba"),
        (
            "MODEL",
            "predict_probs",
            "MODEL has no method predict_probs; it has predict, predict_proba, decision_function",
        ),
        ("UNFITTED", "", "UNFITTED cannot be asked: ValueError: this model is not fitted yet"),
        ("function", "predict_proba", "function has no method predict_proba; it has none that is known"),
    ],
)
def test_what_cannot_be_asked_is_told_before_any_case(asked, entry, method, words):
    with pytest.raises(HarnessError, match="E08") as caught:
        asked(entry, method)
    assert words in str(caught.value)
    assert caught.value.exit == Exit.INCONCLUSIVE


def test_probabilities_of_other_classes_than_there_are_is_a_fault_of_every_case(asked):
    columns, faults = asked("UNCERTAIN")
    assert not columns
    assert {(fault.error, fault.message) for fault in faults} == {
        ("Unreadable", "2 probabilities of each row, and 3 classes")
    }
    assert len(faults) == len(XS)


def test_the_method_belongs_to_the_identity(zoo, tmp_path):
    def digest(**profile):
        return zoo.version(tmp_path, source=SOURCE, profile=Profile(**profile)).digest

    assert len({digest(), digest(method="predict"), digest(method="predict_proba")}) == 3
