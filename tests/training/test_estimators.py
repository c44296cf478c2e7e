"""Every regressor and classifier of scikit-learn, by its name: it trains, packages and answers, or is refused for a
reason that one can act on. None is left out: a new one of scikit-learn has to be put into one of the two."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import all_estimators

from harness.errors import HarnessError
from harness.training.__main__ import train
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.modelfile import model_file

from .packages import manifest_in, opened

SCALER = "sklearn.preprocessing.StandardScaler"
TREE = '{ step = "sklearn.tree.DecisionTreeClassifier", max_depth = 2 }'
RIDGE = '{ step = "sklearn.linear_model.Ridge" }'

GIVEN = {
    # what has to be said for them to have a meaning
    "CCA": "n_components = 1",
    "PLSCanonical": "n_components = 1",
    "MLPRegressor": "max_iter = 20",
    "MLPClassifier": "max_iter = 20",
    "StackingRegressor": f'estimators = [["a", {RIDGE}], ["b", {RIDGE}]]\ncv = 2',
    "VotingRegressor": f'estimators = [["a", {RIDGE}], ["b", {RIDGE}]]',
    "StackingClassifier": f'estimators = [["a", {TREE}], ["b", {TREE}]]\ncv = 2',
    "VotingClassifier": f'estimators = [["a", {TREE}], ["b", {TREE}]]',
    "FixedThresholdClassifier": f'estimator = {TREE}\npos_label = "low"',
    "TunedThresholdClassifierCV": f'estimator = {TREE}\nscoring = "accuracy"\ncv = 2',
    "OneVsOneClassifier": f"estimator = {TREE}",
    "OneVsRestClassifier": f"estimator = {TREE}",
    "OutputCodeClassifier": f"estimator = {TREE}",
    "SelfTrainingClassifier": f"estimator = {TREE}",
}
"""Parameters of those that do not stand alone, or would take long."""

REFUSED = {
    # several targets at once: there is one
    "MultiOutputRegressor": 'MultiOutputRegressor needs "estimator"',
    "RegressorChain": 'RegressorChain needs "estimator"',
    "MultiOutputClassifier": 'MultiOutputClassifier needs "estimator"',
    "ClassifierChain": 'ClassifierChain needs "estimator"',
    "MultiTaskElasticNet": "For mono-task outputs, use ElasticNet",
    "MultiTaskElasticNetCV": "For mono-task outputs, use ElasticNetCV",
    "MultiTaskLasso": "For mono-task outputs, use ElasticNet",
    "MultiTaskLassoCV": "For mono-task outputs, use LassoCV",
    # one feature alone: there are two here
    "IsotonicRegression": "Isotonic regression input X should be a 1d array or 2d array with 1 feature",
}
"""Why those are not trained that are not."""

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ALL = [
        (kind, name, cls)
        for kind in ("regressor", "classifier")
        for name, cls in all_estimators(type_filter=kind)
    ]


def public(cls: type) -> str:
    """The name under which the documentation has a class: the shortest module that exports it."""
    parts = cls.__module__.split(".")
    for length in range(2, len(parts) + 1):
        module = ".".join(parts[:length])
        if getattr(importlib.import_module(module), cls.__name__, None) is cls:
            return f"{module}.{cls.__name__}"
    raise AssertionError(cls)


def table(task: str) -> pd.DataFrame:
    random = np.random.default_rng(3)
    made = pd.DataFrame(
        {"id": range(90), "size": random.uniform(1, 9, 90).round(2), "rooms": random.integers(1, 5, 90)}
    )
    noise = random.normal(0, 0.5, 90)
    if task == "regression":
        return made.assign(price=(3 * made["size"] + made["rooms"] + noise).abs().round(3))
    return made.assign(price=np.where(made["size"] + noise > 5, "high", "low"))


def configured(project, task: str, last: str, tmp_path: Path, skops: bool = True):
    path = project(
        last=last, task=task, table=table(task), replace={SCALER: "sklearn.preprocessing.MinMaxScaler"}
    )
    if skops:
        with (tmp_path / "house.lock").open("a") as lock:
            lock.write(f"skops=={importlib.metadata.version('skops')}\n")
    return read_config(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "name", "cls"), ALL, ids=[name for _, name, _ in ALL])
def test_every_estimator_is_trained_and_packaged_or_refused_for_a_reason(project, tmp_path, kind, name, cls):
    task = "regression" if kind == "regressor" else "classification"
    config = configured(project, task, f'step = "{public(cls)}"\n{GIVEN.get(name, "")}', tmp_path)
    if name in REFUSED:
        with pytest.raises(HarnessError) as refused:
            train(config, tmp_path / "dist", commit="", dirty=False)
        assert REFUSED[name] in refused.value.message
        assert refused.value.hint
        assert str(config.path) in refused.value.where
        assert not (tmp_path / "dist").exists()
        return
    wheel = train(config, tmp_path / "dist", commit="", dirty=False)["wheel"]
    said = manifest_in(wheel)["model"]
    # the whole of scikit-learn is kept without pickle
    assert (said["format"], said.get("why")) == ("skops", None)
    data = read_data(config)
    model = fit(config, data).model
    asked = table(task)
    answers = opened(wheel, tmp_path).predict(asked)
    assert "error" not in answers
    wanted = np.asarray(model.predict(data.frame)).reshape(-1)
    assert answers["prediction"].tolist() == wanted.tolist()
    if hasattr(model, "predict_proba"):
        chances = answers[[f"probability_{label}" for label in model.classes_]].to_numpy()
        np.testing.assert_array_equal(chances, model.predict_proba(data.frame))
    # and kept with joblib it is the same too: model_file raises where it is not
    plain = configured(project, task, f'step = "{public(cls)}"\n{GIVEN.get(name, "")}', tmp_path, skops=False)
    assert model_file(plain, model, data.frame).format == "joblib"


def test_no_estimator_is_named_that_is_not_there():
    names = {name for _, name, _ in ALL}
    assert set(GIVEN) <= names
    assert set(REFUSED) <= names
    assert len(names) > 90
