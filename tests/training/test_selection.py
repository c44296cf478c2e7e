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
        ('estimator = { stpe = "sklearn.linear_model.Lasso" }', 'did you mean "step"'),
        ('estimator = { functoin = "numpy.log1p" }', 'did you mean "function"'),
    ],
)
def test_a_step_inside_a_step_is_held_to_the_same_rules(project, inner, words):
    last = f'step = "sklearn.feature_selection.SelectFromModel"\n{inner}\n\n[[steps]]\n{RIDGE}'
    with pytest.raises(HarnessError) as caught:
        fitted(project(last=last))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            'step = "sklearn.preprocessing.StandardScaler"\ncolumns = ["siez"]',
            '[[steps]] 2\n  next: did you mean "size"',
        ),
        (
            'step = "shipped.RandomSampleImputer"\nvariables = ["romos"]',
            '[[steps]] 2\n  next: did you mean "rooms"',
        ),
        ('step = "sklearn.preprocessing.StandardScaler"\ncolumsn = ["size"]', 'did you mean "columns"'),
    ],
)
def test_a_column_that_a_later_step_misspells_is_guessed(project, step, words):
    named = 'step = "feature_engine.imputation.MeanMedianImputer"'
    path = project(
        last=f"{step}\n\n[[steps]]\n{RIDGE}",
        replace={'step = "sklearn.preprocessing.StandardScaler"\n\n': f"{named}\n\n"},
    )
    with pytest.raises(HarnessError) as caught:
        fitted(path)
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


# ---- every kind of selection

UNIVARIATE = (
    'step = "sklearn.feature_selection.SelectKBest"\nk = 2\n'
    'score_func = {{ function = "sklearn.feature_selection.{}" }}'
)
LINEAR = 'estimator = { step = "sklearn.linear_model.Ridge" }'
KINDS = {
    "filter: univariate": UNIVARIATE.format("f_regression"),
    "filter: mutual information": UNIVARIATE.format("mutual_info_regression"),
    "filter: false discoveries": (
        'step = "sklearn.feature_selection.SelectFdr"\nalpha = 0.01\n'
        'score_func = { function = "sklearn.feature_selection.f_regression" }'
    ),
    "wrapper: sequential": (
        f'step = "sklearn.feature_selection.SequentialFeatureSelector"\nn_features_to_select = 2\ncv = 3\n{LINEAR}'
    ),
    "wrapper: RFE": f'step = "sklearn.feature_selection.RFE"\nn_features_to_select = 2\n{LINEAR}',
    "embedded: Lasso": (
        'step = "sklearn.feature_selection.SelectFromModel"\n'
        'estimator = { step = "sklearn.linear_model.Lasso", alpha = 2000.0 }'
    ),
    "embedded: trees": (
        'step = "sklearn.feature_selection.SelectFromModel"\nmax_features = 2\nthreshold = 0.0\n'
        'estimator = { step = "sklearn.ensemble.ExtraTreesRegressor", n_estimators = 20 }'
    ),
}


def driving() -> pd.DataFrame:
    """`size` and `rooms` decide the price, as much as one another; `dust`, `smell` and `luck` do not."""
    made = table()
    return made.assign(price=1000 * made["size"] + 30_000 * made["rooms"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_selection_finds_what_decides_and_says_what_that_pays(project, kind):
    last = f"{KINDS[kind]}\n\n[[steps]]\n{RIDGE}\n\n[selection]\nresamples = 4\n"
    _, found = fitted(project(table=driving(), last=last))
    chosen = found.selection.found
    assert chosen.kept == ("size", "rooms")
    assert found.data.inputs.names == ("size", "rooms")
    assert {chosen.stability[name] for name in chosen.kept} == {1.0}
    assert chosen.request_bytes[1] < chosen.request_bytes[0]
    said = found.evaluation()["selection"]
    assert said["metrics_before"].keys() == found.metrics.keys()
    assert found.metrics["mae"] == pytest.approx(said["metrics_before"]["mae"], rel=0.2)
    assert all(seconds > 0 for seconds in found.selection.seconds)


@pytest.mark.parametrize(
    ("step", "dropped"),
    [
        ('step = "sklearn.feature_selection.VarianceThreshold"', ("flat",)),
        ('step = "shipped.CorrelationFilter"\nthreshold = 0.98', ("copy",)),
        ('step = "feature_engine.selection.DropConstantFeatures"', ("flat",)),
        ('step = "feature_engine.selection.DropCorrelatedFeatures"\nthreshold = 0.98', ("size",)),
    ],
)
def test_filters_that_look_at_no_target_drop_constant_and_copied_columns(project, step, dropped):
    made = houses().assign(flat=1.0)
    made["copy"] = made["size"] * 2 + np.random.default_rng(2).normal(size=len(made))
    scaler = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'
    last = f"{step}\n\n[[steps]]\n{RIDGE}\n\n[selection]\nresamples = 3\n"
    _, found = fitted(project(table=made, last=last, replace={scaler: ""}))
    left = {"size", "rooms", "flat", "copy"} - set(dropped)
    # a linear model gives a constant no weight, so that the filter alone is asked
    assert set(found.model[:-1].get_feature_names_out()) <= left
    assert set(dropped) <= set(found.selection.found.dropped)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('{ function = "os.system" }', "from sklearn or numpy"),
        ('{ function = "sklearn.feature_selection.f_regresion" }', 'did you mean "f_regression"'),
        ('{ function = "numpy.nothing.at_all" }', "there is no function"),
        ('{ function = "sklearn.linear_model.Ridge" }', "there is no function"),
        ('{ function = "numpy.log1p", more = 1 }', "a function is"),
        ("{ function = 3 }", "a function is"),
    ],
)
def test_a_function_that_is_none_is_named(project, value, words):
    last = f'step = "sklearn.feature_selection.SelectKBest"\nscore_func = {value}\n\n[[steps]]\n{RIDGE}'
    with pytest.raises(HarnessError) as caught:
        fitted(project(last=last))
    assert words in str(caught.value)


def test_a_function_is_a_parameter_that_is_packed(project, tmp_path):
    logged = 'step = "sklearn.preprocessing.FunctionTransformer"\nfunc = { function = "numpy.log1p" }\n\n[[steps]]\n'
    scaler = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'
    path = project(last=logged + RIDGE, replace={scaler: ""})
    _, found = fitted(path)
    assert found.model[0].transform(pd.DataFrame({"size": [1.0], "rooms": [0.0]})).to_numpy().tolist() == [
        [np.log1p(1.0), 0.0]
    ]
    train(read_config(path), tmp_path / "dist", commit="", dirty=False)


def test_what_selection_pays_is_printed(project, tmp_path, capsys):
    train(
        read_config(project(table=table(), last=f"{SELECT}\n\n[selection]\n")),
        tmp_path / "d",
        commit="",
        dirty=False,
    )
    said = capsys.readouterr().err
    assert "a request of one row" in said
    assert "a fit " in said
    assert "mae " in said.split("a fit ")[1]


HALF = 'step = "sklearn.feature_selection.SelectPercentile"\npercentile = 40\n' + UNIVARIATE.partition(
    "k = 2\n"
)[2].format("f_regression")


def test_what_was_chosen_of_all_features_is_not_chosen_from_again(project):
    """Two of five are 40%; 40% of the two that are left would be one."""
    encoder = 'step = "sklearn.preprocessing.OneHotEncoder"\nsparse_output = false\ncolumns = ["town"]\n\n[[steps]]\n'
    made = driving().assign(town=np.where(np.arange(120) % 2 == 0, "a", "b"))
    made["price"] += 40_000 * (made["town"] == "b")
    scaler = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'
    middle = 'step = "sklearn.preprocessing.StandardScaler"\n\n[[steps]]\n'
    last = f"{encoder}{middle}{HALF.replace('40', '50')}\n\n[[steps]]\n{RIDGE}"
    _, before = fitted(project(table=made, last=last, replace={scaler: ""}))
    _, after = fitted(project(table=made, last=f"{last}\n\n[selection]\n", replace={scaler: ""}))
    assert after.data.inputs.names == ("size", "rooms", "town")
    frame = before.data.frame
    assert after.model.predict(after.data.frame).tolist() == pytest.approx(
        before.model.predict(frame).tolist()
    )
    assert len(after.model[-1].coef_) == len(before.model[-1].coef_)


def test_what_was_searched_stays_found(project):
    last = f"{KINDS['filter: univariate']}\n\n[[steps]]\n{RIDGE}"
    search = '\n[search]\nparameters = { "SelectKBest.k" = [1, 2], "Ridge.alpha" = [0.1, 30.0] }\nfolds = 3\n'
    _, before = fitted(project(table=driving(), last=f"{last}\n{search}"))
    _, found = fitted(project(table=driving(), last=f"{last}\n\n[selection]\n{search}"))
    assert found.data.inputs.names == ("size", "rooms")
    assert found.search == before.search
    assert found.search.best["SelectKBest.k"] == 2
    frame = before.data.frame
    expected = before.model.predict(frame).tolist()
    assert found.model.predict(frame[["size", "rooms"]]).tolist() == pytest.approx(expected, rel=1e-12)


SCALER = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'


def test_a_search_of_a_step_that_has_nothing_left_to_do(project):
    """Its variables are all dropped, so that no parameter of it is there any more."""
    made = table().assign(town=np.where(np.arange(120) % 2 == 0, "a", "b"))
    made["price"] = 1000 * made["size"] + 30_000 * made["rooms"]
    encoders = (
        'step = "feature_engine.encoding.RareLabelEncoder"\nvariables = ["town"]\nn_categories = 1\n\n[[steps]]\n'
        'step = "feature_engine.encoding.OrdinalEncoder"\nvariables = "town"\nencoding_method = "arbitrary"\n\n'
        "[[steps]]\n"
    )
    section = (
        "\n[search]\nfolds = 3\n[search.parameters]\n"
        '"RareLabelEncoder.tol" = [0.01, 0.6]\n"SelectKBest.k" = [2]\n"Ridge.alpha" = [0.1, 1.0]\n'
    )
    last = f"{encoders}{KINDS['filter: univariate']}\n\n[[steps]]\n{RIDGE}\n\n[selection]\n{section}"
    _, found = fitted(project(table=made, last=last, replace={SCALER: ""}))
    assert found.selection.found.stay == ""
    assert found.data.inputs.names == ("size", "rooms")
    assert found.search.best.keys() == {"RareLabelEncoder.tol", "SelectKBest.k", "Ridge.alpha"}
    assert found.model[-1].alpha == found.search.best["Ridge.alpha"] == 0.1
    assert found.model.steps[0][1] == "passthrough"


def test_a_step_that_selects_among_some_columns_keeps_its_choice(project):
    """Half of four is two, and half of those two would be one."""
    half = HALF.replace("40", "50") + '\ncolumns = ["rooms", "dust", "smell", "luck"]'
    made = driving()
    made["price"] += 40_000 * made["luck"]
    last = f"{half}\n\n[[steps]]\n{RIDGE}"
    _, before = fitted(project(table=made, last=last, replace={SCALER: ""}))
    _, after = fitted(project(table=made, last=f"{last}\n\n[selection]\n", replace={SCALER: ""}))
    assert set(after.data.inputs.names) == {"size", "rooms", "luck"}
    expected = before.model.predict(before.data.frame).tolist()
    assert after.model.predict(after.data.frame).tolist() == pytest.approx(expected, rel=1e-9)
    assert needed(after.model, after.data.frame) == after.data.inputs.names


def flats() -> pd.DataFrame:
    made = table()
    told = (
        made["size"] / 60
        + made["rooms"] / 2
        + made["dust"] / 3
        + np.random.default_rng(8).normal(0, 2.5, 120)
    )
    return made.assign(price=np.where(told > told.median(), "dear", "cheap"))


LOGISTIC = 'step = "sklearn.linear_model.LogisticRegression"'
CALIBRATION = '\n\n[calibration]\nmethod = "sigmoid"\nfolds = 4\n'


def test_under_calibration_each_fold_keeps_its_own_choice(project):
    """Folds choose differently; 40% of all five features are two, 40% of those that any fold needs would be one."""
    last = f"{HALF.replace('f_regression', 'f_classif')}\n\n[[steps]]\n{LOGISTIC}{CALIBRATION}"
    options = {"table": flats(), "task": "classification"}
    _, before = fitted(project(last=last, **options))
    chosen = {tuple(one.estimator[1].get_support().tolist()) for one in before.model.calibrated_classifiers_}
    assert len(chosen) > 1
    _, after = fitted(project(last=f"{last}\n[selection]\n", **options))
    assert 2 < len(after.data.inputs.names) < 5
    expected = before.model.predict_proba(before.data.frame)
    assert np.allclose(after.model.predict_proba(after.data.frame), expected, rtol=1e-9)
    assert needed(after.model, after.data.frame) == after.data.inputs.names


# feature-engine's own call of pandas
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop is deprecated")
def test_a_frame_stays_a_frame_for_the_steps_that_name_columns(project):
    made = houses().assign(flat=1.0, town=np.where(np.arange(120) % 2 == 0, "a", "b"))
    made["price"] += 9_000 * (made["town"] == "b")
    last = (
        'step = "feature_engine.selection.DropConstantFeatures"\n\n[[steps]]\n'
        'step = "feature_engine.encoding.OneHotEncoder"\nvariables = ["town"]\n\n[[steps]]\n' + RIDGE
    )
    _, before = fitted(project(table=made, last=last, replace={SCALER: ""}))
    _, found = fitted(project(table=made, last=f"{last}\n\n[selection]\n", replace={SCALER: ""}))
    assert found.selection.found.stay == ""
    assert found.data.inputs.names == ("size", "rooms", "town")
    expected = before.model.predict(before.data.frame).tolist()
    assert found.model.predict(found.data.frame).tolist() == pytest.approx(expected, rel=1e-9)


CUBES = '{ function = "numpy.cbrt" }'
ON_ONE_LINE = HALF.replace("\n", ", ")
NAMING = (
    'step = "sklearn.compose.ColumnTransformer"\nremainder = "passthrough"\n'
    'transformers = [["scaled", { step = "sklearn.preprocessing.StandardScaler" }, ["size", "dust"]]]'
)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (
            f'step = "sklearn.preprocessing.FunctionTransformer"\nfunc = {CUBES}\n\n[[steps]]\n{HALF}',
            "SelectPercentile chooses from has no names",
        ),
        (
            f'step = "sklearn.pipeline.FeatureUnion"\ntransformer_list = [["best", {{ {ON_ONE_LINE} }}]]',
            "SelectPercentile selects inside of FeatureUnion",
        ),
        (
            f"{NAMING}\n\n[[steps]]\n{HALF}",
            "the pipeline cannot be fitted without them",
        ),
    ],
)
def test_what_cannot_be_left_out_stays_and_that_is_said(project, tmp_path, capsys, steps, words):
    last = f"{steps}\n\n[[steps]]\n{RIDGE}"
    _, before = fitted(project(table=driving(), last=last, replace={SCALER: ""}))
    path = project(table=driving(), last=f"{last}\n\n[selection]\n", replace={SCALER: ""})
    _, found = fitted(path)
    assert found.data.inputs.names == before.data.inputs.names
    assert found.selection.found.dropped
    frame = before.data.frame
    assert found.model.predict(frame).tolist() == before.model.predict(frame).tolist()
    assert words in found.evaluation()["selection"]["stay"]
    made = train(read_config(path), tmp_path / "dist", commit="", dirty=False)
    assert words in capsys.readouterr().err
    with zipfile.ZipFile(made["wheel"]) as archive:
        assert words in archive.read("house_prices-1.2.0.dist-info/model_card.md").decode()


def test_the_noise_of_training_has_that_of_the_choice(project):
    """Another training is given all features and chooses among them with its own seed."""
    random = np.random.default_rng(4)
    made = houses().assign(**{f"dust{place}": random.normal(size=120) for place in range(8)})
    made["price"] = 1000 * made["size"] + random.normal(0, 60_000, 120)
    by_trees = (
        'step = "sklearn.feature_selection.SelectFromModel"\nmax_features = 3\nthreshold = 0.0\n'
        'estimator = { step = "sklearn.ensemble.ExtraTreesRegressor", n_estimators = 2, max_depth = 2 }'
    )
    last = f"{by_trees}\n\n[[steps]]\n{RIDGE}"
    _, all_of_them = fitted(project(table=made, last=last))
    _, found = fitted(project(table=made, last=f"{last}\n\n[selection]\n"))
    assert len(found.data.inputs.names) == 3
    assert found.training_noise == pytest.approx(all_of_them.training_noise, abs=0.05)
    assert found.training_noise > 0
