"""What a configuration makes of columns: what numpy, scipy and feature-engine make, learned from trained rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from feature_engine import creation, imputation, transformation
from feature_engine.datetime import DatetimeFeatures, DatetimeSubtraction
from scipy import stats

from harness.training.config import read_config
from harness.training.data import Data, read_data
from harness.training.fit import fit

SCALER = {'[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n': ""}
TREE = 'step = "sklearn.ensemble.HistGradientBoostingRegressor"\nmax_iter = 2'
CODES = (
    '[[steps]]\nstep = "sklearn.preprocessing.OrdinalEncoder"\ncolumns = ["town"]\n'
    'categories = [["east", "none", "north", "south"]]\nencoded_missing_value = -1\n\n'
)
TOWNS = {"east": 0.0, "none": 1.0, "north": 2.0, "south": 3.0}


def table(rows: int = 300) -> pd.DataFrame:
    """Texts and skewed numbers with gaps, and moments."""
    random = np.random.default_rng(3)
    made = pd.DataFrame(
        {
            "id": range(rows),
            "area": random.lognormal(4, 0.7, rows).round(2),
            "depth": (random.normal(size=rows) * 3).round(2),
            "rooms": random.integers(0, 6, rows),
            "town": random.choice(["north", "south", "east"], rows, p=[0.3, 0.45, 0.25]),
            "shift": random.gamma(2.0, 3.0, rows) - 4.0,
            "listed": pd.Timestamp("2019-12-28T21:30:00")
            + pd.to_timedelta(random.integers(0, 9_000, rows) * 17, "min"),
        }
    )
    made["sold"] = made["listed"] + pd.to_timedelta(random.integers(0, 90 * 24, rows), "h")
    made["price"] = made["area"] * 1000 + random.normal(size=rows)
    for column, step in (("area", 7), ("town", 6), ("depth", 11)):
        made[column] = made[column].mask(np.arange(rows) % step == 3)
    return made


def prepared(
    project, steps: str, features: tuple[str, ...], more: str = "", *, kinds: str = "", names: Any = ()
) -> tuple[Data, pd.DataFrame, pd.DataFrame]:
    """The data, the rows that were trained on, and what the steps make of all rows. scikit-learn's columns have no
    names: they are those of the features, or `names`."""
    named = ", ".join(f'"{name}"' for name in features)
    moments = ", ".join(f'{name} = "datetime"' for name in features if name in ("listed", "sold"))
    path = project(
        table=table(),
        last=f"{TREE}{more}",
        replace={
            **SCALER,
            "[[steps]]": f"{steps}[[steps]]",
            'target = "price"': f'target = "price"\nfeatures = [{named}]\nkinds = {{ {kinds or moments} }}',
        },
    )
    config = read_config(path)
    data = read_data(config)
    made = fit(config, data).model[:-1].transform(data.frame)
    known = made.columns if hasattr(made, "columns") else names or features
    return data, data.frame[data.trained], pd.DataFrame(np.asarray(made), columns=list(known))


# ---- gaps


def imputer(strategy: str, more: str = "") -> str:
    return f'[[steps]]\nstep = "sklearn.impute.SimpleImputer"\nstrategy = "{strategy}"\ncolumns = ["town"]\n{more}\n'


def test_the_mode_is_that_of_the_trained_rows(project):
    data, trained, made = prepared(project, imputer("most_frequent") + CODES, ("town",))
    counted = trained["town"].value_counts()
    assert counted.iloc[0] > counted.iloc[1]
    expected = data.frame["town"].fillna(counted.index[0]).map(TOWNS)
    assert made["town"].tolist() == expected.tolist()
    stock = imputation.CategoricalImputer(imputation_method="frequent", variables=["town"]).fit(trained)
    assert stock.transform(data.frame)["town"].map(TOWNS).tolist() == expected.tolist()


def test_a_constant_is_what_the_configuration_says(project):
    data, trained, made = prepared(project, imputer("constant", 'fill_value = "none"\n') + CODES, ("town",))
    stock = imputation.CategoricalImputer(fill_value="none", variables=["town"]).fit(trained)
    assert made["town"].tolist() == stock.transform(data.frame)["town"].map(TOWNS).tolist()
    assert 1.0 in made["town"].tolist()


@pytest.mark.parametrize("by", ["sklearn", "feature_engine"])
def test_the_median_is_that_of_the_trained_rows_and_the_indicator_sees_the_gap(project, by):
    steps = {
        "sklearn": '[[steps]]\nstep = "sklearn.impute.SimpleImputer"\nstrategy = "median"\nadd_indicator = true\n\n',
        "feature_engine": (
            '[[steps]]\nstep = "feature_engine.imputation.AddMissingIndicator"\n\n'
            '[[steps]]\nstep = "feature_engine.imputation.MeanMedianImputer"\nvariables = ["area", "depth"]\n\n'
        ),
    }[by]
    names = ["area", "depth", "area_na", "depth_na"]
    data, trained, made = prepared(project, steps, ("area", "depth"), names=names)
    expected = data.frame.fillna(trained.median()).assign(
        area_na=data.frame["area"].isna().astype(float), depth_na=data.frame["depth"].isna().astype(float)
    )
    assert made[names].to_numpy().tolist() == expected[names].to_numpy().tolist()
    assert trained["area"].median() != data.frame["area"].median()


# ---- distribution


@pytest.mark.parametrize("by", ["sklearn", "feature_engine"])
def test_yeo_johnson_is_that_of_scipy_on_the_trained_rows(project, by):
    step = {
        "sklearn": '[[steps]]\nstep = "sklearn.preprocessing.PowerTransformer"\nstandardize = false\n\n',
        "feature_engine": '[[steps]]\nstep = "feature_engine.transformation.YeoJohnsonTransformer"\n\n',
    }[by]
    data, trained, made = prepared(project, step, ("rooms", "shift"), kinds='rooms = "float"')
    for name in ("rooms", "shift"):
        _, power = stats.yeojohnson(trained[name].to_numpy())
        expected = stats.yeojohnson(data.frame[name].to_numpy(), lmbda=power)
        assert made[name].tolist() == pytest.approx(expected.tolist(), rel=1e-3)
        stock = transformation.YeoJohnsonTransformer(variables=[name]).fit(trained)
        assert made[name].tolist() == pytest.approx(stock.transform(data.frame)[name].tolist(), rel=1e-3)


def test_a_logarithm_is_that_of_numpy(project):
    step = (
        '[[steps]]\nstep = "sklearn.preprocessing.FunctionTransformer"\nfunc = { function = "numpy.log" }\n'
        'feature_names_out = "one-to-one"\n\n'
    )
    data, _, made = prepared(project, step, ("area",))
    assert made["area"].tolist() == pytest.approx(np.log(data.frame["area"]).tolist(), rel=1e-15, nan_ok=True)
    whole = data.frame.dropna()
    stock = transformation.LogTransformer(variables=["area"]).fit(whole).transform(whole)["area"]
    assert made["area"].dropna().tolist() == pytest.approx(stock.tolist(), rel=1e-15)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("StandardScaler", lambda x, t: (x - t.mean()) / t.std(ddof=0)),
        ("MinMaxScaler", lambda x, t: (x - t.min()) / (t.max() - t.min())),
        ("RobustScaler", lambda x, t: (x - t.median()) / (t.quantile(0.75) - t.quantile(0.25))),
        ("MaxAbsScaler", lambda x, t: x / t.abs().max()),
    ],
)
def test_scales_are_those_of_the_trained_rows(project, step, expected):
    steps = f'[[steps]]\nstep = "sklearn.preprocessing.{step}"\n\n'
    data, trained, made = prepared(project, steps, ("area", "depth"))
    for name in ("area", "depth"):
        by_hand = expected(data.frame[name], trained[name])
        assert made[name].tolist() == pytest.approx(by_hand.tolist(), rel=1e-9, abs=1e-12, nan_ok=True)


# ---- dates and ratios


# feature-engine's own calls of pandas: the oracle's matter
@pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed")
def test_parts_of_dates_are_those_of_feature_engine(project):
    parts = ("year", "quarter", "month", "week", "day_of_week", "day_of_year", "weekend", "hour", "minute")
    named = ", ".join(f'"{part}"' for part in parts)
    data, _, made = prepared(
        project, "", ("listed", "rooms"), f"\n\n[recipes.calendar]\nlisted = [{named}]\n"
    )
    theirs = DatetimeFeatures(variables=["listed"], features_to_extract=list(parts), drop_original=True)
    expected = theirs.fit_transform(data.frame)
    assert set(made.columns) == set(expected.columns)
    for name in expected.columns:
        assert made[name].tolist() == expected[name].astype(float).tolist(), name
    assert made["listed_week"].nunique() > 10


@pytest.mark.parametrize(
    ("unit", "theirs"), [("days", "D"), ("hours", "h"), ("minutes", "m"), ("weeks", "W")]
)
def test_time_that_passed_is_that_of_feature_engine(project, unit, theirs):
    recipe = f'\n\n[recipes.elapsed]\nage = {{ of = "sold", since = "listed", unit = "{unit}" }}\n'
    data, _, made = prepared(project, "", ("listed", "sold"), recipe)
    stock = DatetimeSubtraction(
        variables=["sold"], reference=["listed"], new_variables_names=["age"], output_unit=theirs
    )
    expected = stock.fit_transform(data.frame)["age"]
    assert made["age"].tolist() == pytest.approx(expected.tolist(), rel=1e-12)


def test_a_ratio_is_that_of_feature_engine_and_a_gap_where_theirs_is_an_error(project):
    recipe = '\n\n[recipes.ratios]\nroom_size = { of = "area", by = "rooms" }\n'
    data, _, made = prepared(project, "", ("area", "rooms"), recipe)
    some = ((data.frame["rooms"] != 0) & data.frame["area"].notna()).to_numpy()
    stock = creation.RelativeFeatures(variables=["area"], reference=["rooms"], func=["div"])
    expected = stock.fit_transform(data.frame[some])["area_div_rooms"]
    assert made["room_size"][some].tolist() == pytest.approx(expected.tolist(), rel=1e-15)
    assert made["room_size"][~some].isna().all()
    assert (~some).sum() > 10
