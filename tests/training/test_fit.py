"""The fit: the same seed gives the same model, another seed shows the noise, and steps that do not fit are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from harness.errors import HarnessError
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.scores import moved

FOREST = 'step = "sklearn.ensemble.RandomForestRegressor"\nn_estimators = 10'


def fitted(path):
    config = read_config(path)
    data = read_data(config)
    return data, fit(config, data)


def test_metrics_are_those_of_the_held_out_rows(project):
    data, found = fitted(project())
    truth, answers = data.target[data.held_out], found.model.predict(data.frame[data.held_out])
    assert found.metrics["mae"] == pytest.approx(mean_absolute_error(truth, answers))
    assert found.metrics["rmse"] == pytest.approx(root_mean_squared_error(truth, answers))
    assert found.metrics["r2"] == pytest.approx(r2_score(truth, answers))


def test_held_out_rows_are_never_trained_on(project, tmp_path):
    path = project()
    data, before = fitted(path)
    table = pd.read_csv(tmp_path / "houses.csv")
    table.loc[data.held_out, "price"] = 0.0
    _, after = fitted(project(table=table))
    assert before.model[-1].coef_.tolist() == after.model[-1].coef_.tolist()


def test_noise_is_what_another_seed_moves(project):
    assert fitted(project())[1].training_noise == 0.0
    _, one = fitted(project(last=FOREST))
    _, two = fitted(project(last=FOREST))
    assert 0 < one.training_noise <= 1
    assert one.training_noise == two.training_noise
    assert one.model[-1].random_state == 7


def test_moved_counts_rows_with_any_changed_answer():
    before = {"prediction": np.array(["a", "b", "b"]), "probability_a": np.array([0.5, 0.5, 0.5])}
    after = {"prediction": np.array(["a", "a", "b"]), "probability_a": np.array([0.504, 0.5, 0.6])}
    assert moved(before, after) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("load", "labels"), [(load_iris, 3), (load_breast_cancer, 2)])
def test_classifiers_answer_labels_and_probabilities(project, load, labels):
    source = load(as_frame=True)
    table = source.data.assign(id=range(len(source.data)), price=source.target_names[source.target])
    path = project(
        table=table,
        task="classification",
        last='step = "sklearn.linear_model.LogisticRegression"\nmax_iter = 500',
    )
    data, found = fitted(path)
    truth, unseen = data.target[data.held_out], data.frame[data.held_out]
    chances = found.model.predict_proba(unseen)
    assert found.outputs.names == ("prediction", *(f"probability_{x}" for x in sorted(source.target_names)))
    assert found.outputs["prediction"].categories == tuple(sorted(source.target_names))
    assert len(found.model.classes_) == labels
    assert found.metrics["accuracy"] == pytest.approx(accuracy_score(truth, found.model.predict(unseen)))
    if labels == 2:
        expected = brier_score_loss(truth, chances[:, 1], pos_label=found.model.classes_[1])
        assert found.metrics["brier"] == pytest.approx(expected)


def test_a_step_can_be_limited_to_columns(project):
    random = np.random.default_rng(1)
    size, area = random.uniform(1, 9, 90), random.choice(["north", "south"], 90)
    table = pd.DataFrame(
        {"id": range(90), "size": size, "area": area, "price": size + 100.0 * (area == "north")}
    )
    encode = 'step = "sklearn.preprocessing.OneHotEncoder"\nsparse_output = false\ncolumns = ["area"]'
    path = project(
        table=table,
        last='step = "sklearn.linear_model.LinearRegression"',
        replace={'step = "sklearn.preprocessing.StandardScaler"': encode},
    )
    assert fitted(path)[1].metrics["r2"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("last", "message", "hint"),
    [
        ('step = "sklearn.linear_model.Rigde"', "has no step Rigde", 'did you mean "Ridge"?'),
        ('step = "sklearn.linearmodel.Ridge"', "cannot import sklearn.linearmodel", "mend the name"),
        ('step = "sklearn.base.clone"', "has no step clone", ""),
        ('step = "sklearn.linear_model.Ridge"\nalhpa = 1', 'Ridge takes no "alhpa"', 'did you mean "alpha"?'),
        (
            'step = "sklearn.linear_model.Ridge"\nalpha = -1',
            "refuses the data: The 'alpha' parameter",
            "mend",
        ),
        ('step = "sklearn.preprocessing.MinMaxScaler"', "does not predict", "one model at the end"),
        ('step = "sklearn.linear_model.Ridge"\ncolumns = ["size"]', "takes no columns", "features"),
    ],
)
def test_steps_that_do_not_fit_are_named(project, last, message, hint):
    with pytest.raises(HarnessError) as caught:
        fitted(project(last=last))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "[[steps]]" in caught.value.where


def test_text_that_no_step_prepares_is_an_error_of_ours(project, tmp_path):
    path = project()
    table = pd.read_csv(tmp_path / "houses.csv")
    table["area"] = np.where(table.index % 2, "north", "south")
    with pytest.raises(HarnessError, match="refuses the data"):
        fitted(project(table=table))
    assert path.exists()


def test_a_regressor_cannot_answer_labels(project):
    table = pd.DataFrame({"id": range(50), "size": range(50), "price": [0, 1] * 25})
    with pytest.raises(HarnessError, match="Ridge is no classifier"):
        fitted(project(table=table, task="classification"))
