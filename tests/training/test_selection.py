"""Steps inside steps, and what becomes of features that a model does not need."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import Lasso

from harness.errors import HarnessError
from harness.training.__main__ import train
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.selection import needed
from harness.versions import wheel as wheels

from .conftest import houses

RIDGE = 'step = "sklearn.linear_model.Ridge"\nalpha = 10'
SELECT = (
    'step = "sklearn.feature_selection.SelectFromModel"\n'
    'estimator = { step = "sklearn.linear_model.Lasso", alpha = 2000.0 }\n\n[[steps]]\n' + RIDGE
)


def table() -> pd.DataFrame:
    noise = np.random.default_rng(1).normal(size=(120, 3))
    return houses().assign(dust=noise[:, 0], smell=noise[:, 1], luck=noise[:, 2])


def fitted(path):
    config = read_config(path)
    return config, fit(config, read_data(config))


def test_a_step_inside_a_step_is_made_and_seeded(project):
    _, found = fitted(project(table=table(), last=SELECT))
    selector = found.model.steps[1][1]
    assert isinstance(selector, SelectFromModel)
    assert isinstance(selector.estimator, Lasso)
    assert selector.estimator.random_state == 7
    assert selector.get_support().tolist() == [True, True, False, False, False]


def test_a_list_in_a_list_is_a_tuple(project):
    stack = (
        'step = "sklearn.ensemble.StackingRegressor"\n'
        'estimators = [["ridge", { step = "sklearn.linear_model.Ridge" }], '
        '["tree", { step = "sklearn.tree.DecisionTreeRegressor", max_depth = 2 }]]'
    )
    _, found = fitted(project(last=stack))
    assert [name for name, _ in found.model.steps[-1][1].estimators] == ["ridge", "tree"]


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ('estimator = { step = "harness.training.Ridge" }', "may not be a step"),
        ('estimator = { step = "sklearn.linear_model.Rigde" }', 'did you mean "Ridge"'),
        ('estimator = { step = "sklearn.linear_model.Lasso", alhpa = 1 }', 'did you mean "alpha"'),
        ('estimator = { step = "sklearn.linear_model.Lasso", random_state = 1 }', "set for one step"),
        ("estimator = 2026-01-01", "use text, numbers"),
    ],
)
def test_a_step_inside_a_step_is_held_to_the_same_rules(project, inner, words):
    last = f'step = "sklearn.feature_selection.SelectFromModel"\n{inner}\n\n[[steps]]\n{RIDGE}'
    with pytest.raises(HarnessError) as caught:
        fitted(project(last=last))
    assert words in str(caught.value)


def test_features_that_change_no_answer_are_found(project):
    config, found = fitted(project(table=table(), last=SELECT))
    assert needed(found.model, found.data.frame) == ("size", "rooms")
    _, whole = fitted(project(table=table()))
    assert needed(whole.model, whole.data.frame) == ("size", "rooms", "dust", "smell", "luck")
    assert config.selection is None


def test_what_is_not_needed_leaves_the_inputs_and_changes_no_answer(project):
    _, before = fitted(project(table=table(), last=SELECT))
    config, after = fitted(project(table=table(), last=f"{SELECT}\n\n[selection]\nresamples = 8\n"))
    assert after.data.inputs.names == ("size", "rooms")
    frame = before.data.frame
    assert after.model.predict(frame[["size", "rooms"]]).tolist() == before.model.predict(frame).tolist()
    assert after.metrics == before.metrics == after.selection.metrics
    chosen = after.selection.found
    assert chosen.dropped == ("dust", "smell", "luck")
    assert chosen.stability["size"] == 1.0
    assert max(chosen.stability[name] for name in chosen.dropped) < 1.0
    assert chosen.request_bytes[1] < chosen.request_bytes[0]
    assert config.sha256 != read_config(project(table=table(), last=SELECT)).sha256


def test_columns_of_a_step_that_are_dropped_are_no_longer_named(project):
    made = table().assign(town="one")
    encoder = 'step = "sklearn.preprocessing.OrdinalEncoder"\ncolumns = ["town"]\n\n[[steps]]\n'
    scaler = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'
    _, found = fitted(project(table=made, last=f"{encoder}{SELECT}\n\n[selection]\n", replace={scaler: ""}))
    assert "town" not in found.data.inputs.names


def test_the_package_takes_what_is_needed_and_says_so(project, tmp_path):
    path = project(table=table(), last=f"{SELECT}\n\n[selection]\n")
    made = train(read_config(path), tmp_path / "dist", commit="", dirty=False)
    with zipfile.ZipFile(made["wheel"]) as archive:
        code = archive.read("house_prices/predict.py").decode()
    assert "dust" not in code

    manifest, _ = wheels.read(Path(made["wheel"]))
    assert manifest.inputs.names == ("size", "rooms")
    assert manifest.evaluation["selection"]["dropped"] == ["dust", "smell", "luck"]
    assert manifest.data["profile"].keys() == {"size", "rooms"}
    again = train(read_config(path), tmp_path / "again", commit="", dirty=False)
    assert again["sha256"] == made["sha256"]


def test_replicas_are_other_seeds(project):
    forest = 'step = "sklearn.ensemble.RandomForestRegressor"\nn_estimators = 3'
    _, found = fitted(project(last=forest, replace={"seed = 7": "seed = 7\nreplicas = 5"}))
    assert len(found.replicas) == 5
    assert len(set(found.replicas)) > 1
    assert found.training_noise == pytest.approx(sum(found.replicas) / 5)
