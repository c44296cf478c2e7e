"""Which answers can be judged by which labels: what cannot be compared is undefined (E29), never equally wrong."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from harness.compare.ruleset import Bound, NotWorse
from harness.compare.tally import Tally
from harness.compare.verdict import SourceState
from harness.run import blocks, quality
from harness.run.blocks import Block
from harness.schema import Schema
from harness.tables import Batch, Column, Outcome

N = 400
TRUE = [int(i % 10 == 0) for i in range(N)]


def chances(ones, first="0", second="1"):
    return {f"probability_{first}": [1 - p for p in ones], f"probability_{second}": list(ones)}


@pytest.fixture
def judge(tmp_path):
    """Judges two dicts of outputs on labels, as a run does from the answers that it kept."""

    def judged(target, baseline, candidate, *, primary="", task="", categories=()):
        keys = np.arange(len(target))
        batch = Batch("rows", 0, 0, keys, {}, Column.of(target))
        sides = [
            Outcome({name: Column.of(values) for name, values in side.items()}, np.ones(len(keys), bool))
            for side in (baseline, candidate)
        ]
        blocks.keep(tmp_path / "rows", Block(batch, *sides))
        outputs = Schema.parse([{"name": "prediction", "kind": "str", "categories": list(categories)}])
        manifest = SimpleNamespace(task=task, outputs=outputs) if task else None
        version = SimpleNamespace(manifest=manifest)
        plan = SimpleNamespace(
            work=tmp_path, request=SimpleNamespace(seed=None), baseline=version, candidate=version
        )
        source = SimpleNamespace(name="rows", planned=lambda: len(keys))
        bound = Bound("not-worse", "not-worse", "rows", NotWorse(primary, None))
        return quality.judge(plan, source, bound, SourceState("rows", len(keys), Tally()))

    return judged


def undefined(judged, *words):
    assert (judged.result.status, judged.result.code) == ("INCONCLUSIVE", "E29")
    for word in words:
        assert word in judged.result.reason


def test_a_classifier_that_collapsed_to_one_class_is_worse(judge):
    good = {"prediction": TRUE, **chances([0.9 if one else 0.1 for one in TRUE])}
    collapsed = {"prediction": [0] * N, **chances([0.0] * N)}
    judged = judge(TRUE, good, collapsed)
    assert judged.result.status == "FAIL"
    assert judged.quality.candidate == pytest.approx(0.1)
    assert judge(TRUE, collapsed, good).result.status == "PASS"


@pytest.mark.parametrize("kind", [str, bool, int])
def test_classes_of_every_kind_find_their_probabilities(judge, kind):
    labels = [kind(one) for one in TRUE]
    names = [str(kind(0)), str(kind(1))]
    side = {"prediction": labels, **chances([0.9 if one else 0.1 for one in TRUE], *names)}
    judged = judge(labels, side, side)
    assert judged.result.status == "PASS"
    assert judged.quality.baseline == pytest.approx(0.01)


def test_ten_classes_and_more_stand_in_their_own_order_as_scikit_learn_wants_them():
    known = {str(k): k for k in range(12)}
    columns = {f"probability_{k}": Column.of([float(k)] * 3) for k in sorted(known)}
    found = quality._answers(columns, np.zeros(3, int), known, set(range(12)))
    assert found.classes == tuple(range(12))
    assert found.probability[0].tolist() == list(range(12))


def test_a_class_without_its_probability_is_named(judge):
    side = {"prediction": [0] * N, **chances([0.1] * N, "0", "2")}
    known = {**side, "prediction": [0, 2] * (N // 2)}
    undefined(judge(TRUE, side, known), "labelled 1", "probability_1")


def test_a_probability_of_no_class_is_named(judge):
    side = {"prediction": TRUE, **chances([0.1] * N), "probability_raw": [0.3] * N}
    undefined(judge(TRUE, side, side), "probability_raw belongs to no class")


def test_a_class_that_the_manifest_names_may_be_absent_from_the_cases(judge):
    labels = ["no", "yes"] * (N // 2)
    side = {
        "prediction": labels,
        "probability_maybe": [0.0] * N,
        "probability_no": [float(one == "no") for one in labels],
        "probability_yes": [float(one == "yes") for one in labels],
    }
    undefined(judge(labels, side, side, task="classification"), "probability_maybe")
    judged = judge(labels, side, side, task="classification", categories=["maybe", "no", "yes"])
    assert judged.result.status == "PASS"


@pytest.mark.parametrize(
    ("target", "prediction"),
    [
        (TRUE, [str(one) for one in TRUE]),
        ([str(one) for one in TRUE], TRUE),
        (TRUE, [bool(one) for one in TRUE]),
        (["on", "off"] * (N // 2), [1, 0] * (N // 2)),
        (TRUE, [[one] for one in TRUE]),
    ],
)
def test_labels_of_another_kind_than_the_predictions_cannot_be_compared(judge, target, prediction):
    undefined(judge(target, {"prediction": prediction}, {"prediction": prediction}), "cannot be compared")


def test_measurements_cannot_be_judged_as_classes(judge):
    side = {"prediction": [one + 0.25 for one in TRUE]}
    undefined(judge(TRUE, side, side, primary="accuracy"), "labels that are int", "prediction that is float")
    undefined(judge(TRUE, side, side, task="classification"), "prediction that is float")


def test_whole_floats_are_whole_numbers(judge):
    side = {"prediction": TRUE}
    judged = judge([float(one) for one in TRUE], side, side, task="classification")
    assert (judged.result.status, judged.quality.baseline) == ("PASS", 0)


def test_labels_that_are_written_otherwise_are_no_equal_error(judge):
    side = {"prediction": ["Yes" if one else "No" for one in TRUE]}
    judged = judge(["yes" if one else "no" for one in TRUE], side, side)
    undefined(judged, "equals its label on none of 400 cases", "'yes'", "'Yes'")


def test_without_manifests_answers_with_decimals_are_a_regression(judge):
    labels = list(range(100, 500))
    side = {"prediction": [one + 0.5 for one in labels]}
    judged = judge(labels, side, side)
    assert (judged.result.status, judged.quality.metric) == ("PASS", "MAE")


@pytest.mark.parametrize("target", [["abc"] * N, [b"abc"] * N, [[1]] * N])
def test_labels_that_are_no_numbers_in_a_regression(judge, target):
    side = {"prediction": [1.5] * N}
    undefined(judge(target, side, side, task="regression"), "the target holds", "not numbers")


def test_answers_of_null_are_not_scored_and_said(judge):
    labels = [float(i) for i in range(N)]

    def side(off):
        return {"prediction": [None if i >= 300 else i + off for i in range(N)]}

    judged = judge(labels, side(1.0), side(1.5), task="regression")
    assert judged.result.status == "FAIL"
    assert (judged.quality.baseline, judged.quality.cases, judged.quality.planned) == (1.0, 300, 400)
    assert "300 of 400 cases, 100 answered null" in judged.result.measured
    nothing = {"prediction": [None] * N}
    undefined(judge(labels, nothing, nothing, task="regression"), "null")


def test_classes_of_null_are_not_scored_as_one(judge):
    def side(wrong):
        found = [None if i >= 300 else one for i, one in enumerate(TRUE)]
        return {"prediction": [1 - one if i < wrong else one for i, one in enumerate(found)]}

    judged = judge([0 if i >= 300 else one for i, one in enumerate(TRUE)], side(0), side(30))
    assert (judged.result.status, judged.quality.cases) == ("FAIL", 300)
    assert judged.quality.change == pytest.approx(0.1)


def test_nan_is_an_answer_whose_loss_is_no_number(judge):
    labels = [float(i) for i in range(N)]
    side = {"prediction": [float("nan"), *labels[1:]]}
    undefined(judge(labels, side, side, task="regression"), "undefined")


def test_whatever_breaks_is_undefined_and_no_ordinary_failure(judge, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("once more")

    monkeypatch.setattr(quality, "not_worse", broken)
    undefined(judge(TRUE, {"prediction": TRUE}, {"prediction": TRUE}), "ZeroDivisionError: once more")
