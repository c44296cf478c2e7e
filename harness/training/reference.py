"""Simpler models, fitted beside every candidate on the same rows: whether the effort pays is known, not believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.training.config import Config
from harness.training.data import Data
from harness.training.pipeline import derived
from harness.training.scores import answers_of, metrics_of

if TYPE_CHECKING:
    import pandas as pd

MOST = 50_000
"""Rows that they are fitted on, evenly spread: what more would change is below what anybody decides by. As many are
answered at once."""


def references(config: Config, data: Data) -> dict[str, Mapping[str, float]]:
    """The metrics on held-out rows of two simpler models: `dummy`, which looks at no feature, and `linear`, ridge or
    logistic regression on scaled numbers and the twenty commonest categories of each text."""
    from sklearn.compose import make_column_transformer
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    regression = config.task == "regression"
    kinds = {field.name: field.kind for field in data.inputs}
    whole = data.frame
    if config.recipes is not None or "datetime" in kinds.values():
        # they are given the same columns: what is compared is the model
        whole = derived(config, data.dropped).fit(whole).transform(whole)
    texts = [name for name in whole.columns if kinds.get(name) == "str"]
    numbers = [name for name in whole.columns if kinds.get(name) != "str"]
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), texts),
    )
    linear = Ridge() if regression else LogisticRegression(max_iter=1000)
    models = {
        "dummy": DummyRegressor(strategy="median") if regression else DummyClassifier(strategy="prior"),
        "linear": make_pipeline(prepared, linear),
    }
    rows = data.trained.nonzero()[0]
    rows = rows[:: -(-len(rows) // MOST)]
    frame, labels = whole.iloc[rows], data.target[rows]
    unseen = data.held_out.nonzero()[0]
    truth = data.target[unseen]
    found: dict[str, Mapping[str, float]] = {}
    for name, model in models.items():
        model.fit(frame, labels)
        found[name] = metrics_of(model, _answers(model, whole, unseen, config), truth, config)
    return found


def _answers(model: Any, frame: pd.DataFrame, rows: Any, config: Config) -> dict[str, Any]:
    """The answers to these rows, a part at a time, since what a row becomes on its way is wide."""
    import numpy as np

    parts = [
        answers_of(model, frame.iloc[rows[first : first + MOST]], config)
        for first in range(0, len(rows), MOST)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
