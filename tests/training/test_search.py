"""Searches, calibration, simpler models, intervals: from the trained rows alone, and as scikit-learn has them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import KFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness.errors import HarnessError
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.scores import MANY, intervals_of
from harness.training.search import folds

from .conftest import houses

GRID = '\n\n[search]\nfolds = 4\nparameters = { "Ridge.alpha" = [0.1, 10.0, 1000.0] }\n'
RIDGE = 'step = "sklearn.linear_model.Ridge"\nalpha = 10'


def fitted(path):
    config = read_config(path)
    data = read_data(config)
    return config, data, fit(config, data)


def cancer() -> pd.DataFrame:
    source = load_breast_cancer(as_frame=True)
    return source.data.iloc[:, :6].assign(
        id=range(len(source.data)), price=source.target_names[source.target]
    )


# ---- search


def test_a_grid_is_searched_as_scikit_learn_would_by_hand(project):
    _, data, found = fitted(project(last=RIDGE + GRID))
    rows = data.trained
    scores = {
        alpha: cross_val_score(
            make_pipeline(StandardScaler(), Ridge(alpha=alpha)),
            data.frame[rows], data.target[rows],
            cv=KFold(4, shuffle=True, random_state=7), scoring="neg_mean_absolute_error",
        )
        for alpha in (0.1, 10.0, 1000.0)
    }  # fmt: skip
    best = max(scores, key=lambda alpha: scores[alpha].mean())
    assert found.search.best == {"Ridge.alpha": best}
    assert found.search.score == pytest.approx(scores[best].mean())
    assert found.search.deviation == pytest.approx(scores[best].std())
    assert found.search.candidates == 3
    by_hand = make_pipeline(StandardScaler(), Ridge(alpha=best)).fit(data.frame[rows], data.target[rows])
    assert found.model.predict(data.frame).tolist() == by_hand.predict(data.frame).tolist()


def test_a_random_search_is_the_same_each_time_and_within_its_ranges(project):
    section = (
        '\n\n[search]\nmethod = "random"\ntrials = 6\nfolds = 3\n'
        '[search.parameters]\n"Ridge.alpha" = { low = 0.01, high = 100, log = true }\n"Ridge.fit_intercept" = [true]\n'
    )
    one, two = (fitted(project(last=RIDGE + section))[2].search for _ in range(2))
    assert one == two
    assert one.candidates == 6
    assert 0.01 <= one.best["Ridge.alpha"] <= 100


def test_a_search_is_part_of_what_is_configured(project):
    assert read_config(project(last=RIDGE + GRID)).sha256 != read_config(project()).sha256


def test_held_out_rows_choose_no_parameter(project, tmp_path):
    _, data, before = fitted(project(last=RIDGE + GRID))
    table = pd.read_csv(tmp_path / "houses.csv")
    table.loc[data.held_out, ["price", "size"]] = 1.0
    _, _, after = fitted(project(last=RIDGE + GRID, table=table))
    assert before.search == after.search


def test_folds_keep_groups_together_and_never_look_back(project):
    table = houses(200).assign(
        street=np.arange(200) // 8, sold=pd.date_range("2020-01-01", periods=200).astype(str)
    )
    for split, check in (
        ('salt = "houses"\ngroup = "street"', "group"),
        ('time = "sold"\nafter = "2020-06-01"', "time"),
    ):
        path = project(
            table=table,
            replace={'share = 0.3\nsalt = "houses"': ("" if check == "time" else "share = 0.3\n") + split},
        )
        config = read_config(path)
        data = read_data(config)
        order = data.order[data.trained]
        made = folds(config, data, 4, 7)
        assert len(made) == 4
        for before, after in made:
            assert not set(before) & set(after)
            if check == "group":
                assert not set(order[before]) & set(order[after])
            else:
                assert order[before].max() < order[after].min()


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("[search]\n", "nothing to search"),
        ('[search]\nparameters = { "Ridge.alpha" = 3 }\n', "Ridge.alpha is 3"),
        ('[search]\nparameters = { "Ridge.alpha" = { low = 1, high = 2 } }\n', "Ridge.alpha is"),
        (
            '[search]\nmethod = "random"\nparameters = { "Ridge.alpha" = { low = 0, high = 2, log = true } }\n',
            "is",
        ),
        ('[search]\nmethod = "gird"\nparameters = { "Ridge.alpha" = [1] }\n', 'did you mean "grid"'),
        ('[search]\nfolds = 1\nparameters = { "Ridge.alpha" = [1] }\n', "folds is 1"),
        ('[search]\nparameters = { "Rigde.alpha" = [1] }\n', 'did you mean "Ridge"'),
        ('[search]\nparameters = { "Ridge.alhpa" = [1] }\n', 'did you mean "alpha"'),
        (
            '[search]\nscoring = "neg_mean_absolut_error"\nparameters = { "Ridge.alpha" = [1] }\n',
            "did you mean",
        ),
        ('[search]\nparameters = { "Ridge.random_state" = [1] }\n', "nothing to search"),
        ("[search]\nparametres = 1\n", 'did you mean "parameters"'),
        ('[calibration]\nmethod = "sigmoid"\n', "calibration of a regression"),
    ],
)
def test_a_search_that_cannot_be_is_refused(project, section, words):
    with pytest.raises(HarnessError) as caught:
        fitted(project(last=f"{RIDGE}\n\n{section}"))
    assert words in str(caught.value)


# ---- calibration


def test_calibration_makes_probabilities_that_hold(project):
    forest = 'step = "sklearn.naive_bayes.GaussianNB"'
    options = {"table": cancer(), "task": "classification"}
    _, _, raw = fitted(project(last=forest, **options))
    config, data, found = fitted(
        project(last=f'{forest}\n\n[calibration]\nmethod = "isotonic"\nfolds = 4\n', **options)
    )
    assert found.metrics["brier"] < raw.metrics["brier"]
    assert found.outputs == raw.outputs
    assert config.sha256 != read_config(project(last=forest, **options)).sha256
    assert found.model.predict_proba(data.frame).shape == (len(data), 2)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_is_that_of_scikit_learn(project, method):
    last = f'step = "sklearn.naive_bayes.GaussianNB"\n\n[calibration]\nmethod = "{method}"\nfolds = 4\n'
    config, data, found = fitted(project(last=last, table=cancer(), task="classification"))
    rows = data.trained
    stock = CalibratedClassifierCV(
        make_pipeline(StandardScaler(), GaussianNB()), method=method, cv=folds(config, data, 4, 7)
    ).fit(data.frame[rows], data.target[rows])
    assert found.model.predict_proba(data.frame).tolist() == stock.predict_proba(data.frame).tolist()
    # the rows of the folds are nobody's business once it is fitted, and would be most of the file of a large table
    assert found.model.cv == 4


# ---- what stands beside the metrics


def test_simpler_models_are_fitted_beside(project):
    _, data, found = fitted(project())
    dummy = DummyRegressor(strategy="median").fit(data.frame[data.trained], data.target[data.trained])
    expected = mean_absolute_error(data.target[data.held_out], dummy.predict(data.frame[data.held_out]))
    assert found.references["dummy"]["mae"] == pytest.approx(expected)
    assert found.references["linear"]["mae"] < expected
    assert found.references["dummy"].keys() == found.metrics.keys()


def test_intervals_are_those_of_a_bootstrap_and_hold_the_metric(project):
    _, data, found = fitted(project())
    errors = np.abs(found.model.predict(data.frame[data.held_out]) - data.target[data.held_out])
    expected = stats.bootstrap((errors,), np.mean, method="percentile", random_state=1).confidence_interval
    low, high = found.intervals["mae"]
    assert low < found.metrics["mae"] < high
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=0.05)
    assert found.intervals["rmse"][0] < found.metrics["rmse"] < found.intervals["rmse"][1]


def test_intervals_of_many_rows_meet_those_of_few():
    rows = np.random.default_rng(3).exponential(size=MANY + 1)
    large, small = intervals_of({"mae": rows}, 1)["mae"], intervals_of({"mae": rows[:-1]}, 1)["mae"]
    assert large == pytest.approx(small, abs=0.002)


def test_slices_are_the_metrics_of_their_rows(project):
    table = houses(400)
    table["district"] = np.where(np.arange(400) % 3 == 0, "north", "south")
    encoder = 'step = "sklearn.preprocessing.OneHotEncoder"\ncolumns = ["district"]\nsparse_output = false'
    last = f"{encoder}\n\n[[steps]]\n{RIDGE}"
    _, data, found = fitted(
        project(
            table=table,
            last=last,
            replace={'[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n': ""},
        )
    )
    assert [(one["column"], one["value"]) for one in found.slices] == [
        ("district", "north"),
        ("district", "south"),
    ]
    rows = data.held_out & (data.frame["district"] == "north").to_numpy()
    expected = mean_absolute_error(data.target[rows], found.model.predict(data.frame[rows]))
    assert found.slices[0]["rows"] == rows.sum()
    assert found.slices[0]["mae"] == pytest.approx(expected)
