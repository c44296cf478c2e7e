"""What linear models assume, tested against statsmodels and scipy; outliers; and how the model card shows both."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import OLS, Logit, add_constant
from statsmodels.stats.diagnostic import het_breuschpagan, linear_reset
from statsmodels.stats.stattools import jarque_bera

from harness.training import logistic, outliers, plots
from harness.training.__main__ import train
from harness.training.assumptions import checks_of
from harness.training.checked import LEVEL
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit

from .conftest import RIDGE, houses

LINEAR = 'step = "sklearn.linear_model.LinearRegression"'


def drawn(seed: int, rows: int = 200, columns: int = 3):
    random = np.random.default_rng(seed)
    design = random.normal(size=(rows, columns)) * [1.0, 1e6, 1e-6][:columns] + 5.0
    return random, design, (design - 5.0) / [1.0, 1e6, 1e-6][:columns]


def plain(design, observed):
    found = OLS(observed, add_constant(design)).fit()
    return found, checks_of(design, observed, found.resid)


def fitted(path):
    config = read_config(path)
    return fit(config, read_data(config))


# ---- the tests themselves


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), bend=st.sampled_from([0.0, 0.2, 1.0]), fan=st.sampled_from([0.0, 1.0]))
def test_every_test_is_that_of_statsmodels(seed, bend, fan):
    random, design, scaled = drawn(seed)
    noise = random.normal(size=len(design)) * (1 + fan * np.abs(scaled[:, 0]))
    observed = scaled.sum(axis=1) + bend * scaled[:, 0] ** 2 + noise
    # statsmodels takes columns of one scale better than of many
    oracle = OLS(observed, add_constant(scaled)).fit()
    normality, linearity, evenness = checks_of(design, observed, oracle.resid)
    jb, jb_p, skew, kurtosis = jarque_bera(oracle.resid)
    assert normality.statistic == pytest.approx(jb, rel=1e-4)
    assert normality.p == pytest.approx(jb_p, rel=1e-4)
    assert normality.effect == pytest.approx(max(skew, kurtosis - 3, key=abs), rel=1e-4)
    reset = linear_reset(oracle, power=3, test_type="fitted", use_f=True)
    assert linearity.statistic == pytest.approx(float(reset.fvalue), rel=1e-3)
    assert linearity.p == pytest.approx(float(reset.pvalue), rel=1e-3, abs=1e-12)
    lm, lm_p, _, _ = het_breuschpagan(oracle.resid, oracle.model.exog, robust=True)
    assert evenness.statistic == pytest.approx(lm, rel=1e-4)
    assert evenness.p == pytest.approx(lm_p, rel=1e-4)
    for one in (normality, linearity, evenness):
        assert one.rejected == (one.p < LEVEL)


def test_columns_that_repeat_each_other_count_once():
    """One-hot columns with all levels, a copy, a constant: the rank decides, not the number of columns."""
    _, design, scaled = drawn(1)
    observed = scaled.sum(axis=1) + np.random.default_rng(2).normal(size=len(design))
    wide = np.column_stack(
        [scaled, scaled[:, 0] * 2, np.ones(len(design)), scaled[:, 0] > 0, scaled[:, 0] <= 0]
    )
    few = np.column_stack([scaled, scaled[:, 0] > 0])
    residuals = OLS(observed, add_constant(few)).fit().resid
    assert checks_of(wide, observed, residuals) == checks_of(few, observed, residuals)


def test_what_holds_is_rejected_as_seldom_as_the_level_says():
    rejected = np.zeros(3)
    for seed in range(300):
        random, _, scaled = drawn(seed)
        observed = scaled.sum(axis=1) + random.normal(size=len(scaled))
        rejected += [one.rejected for one in plain(scaled, observed)[1]]
    # 1% of 300 is 3; 12 or more would be one in ten thousand
    assert (rejected < 12).all()


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (lambda x, e: x + e, ()),
        (lambda x, e: x + np.sign(e) * np.abs(e) ** 3, ("normality of the residuals",)),
        (lambda x, e: x + 0.5 * x**2 + e, ("linearity",)),
        (lambda x, e: x + e * np.exp(x / 2), ("even spread of the residuals",)),
    ],
)
def test_a_planted_violation_is_found(project, planted, found):
    random = np.random.default_rng(11)
    x, error = random.normal(size=(2, 600))
    table = pd.DataFrame(
        {"id": range(600), "x": x, "other": random.normal(size=600), "price": planted(x, error)}
    )
    tests = fitted(project(last=LINEAR, table=table)).assumptions["tests"]
    rejected = {one["assumption"] for one in tests if one["rejected"]}
    assert set(found) <= rejected
    assert bool(rejected) == bool(found)


def test_a_perfect_fit_and_too_many_columns_say_why_nothing_is_tested(project):
    table = houses().assign(price=lambda one: 3 * one["size"] + 1)
    tests = fitted(project(last=LINEAR, table=table)).assumptions["tests"]
    assert all("why" in one and "p" not in one for one in tests)
    random = np.random.default_rng(1)
    wide = checks_of(random.normal(size=(20, 30)), random.normal(size=20), random.normal(size=20))
    assert [bool(one.why) for one in wide] == [False, True, True]


TRANSFORMED = 'step = "sklearn.compose.TransformedTargetRegressor"\nregressor = {{ step = "{}" }}'


@pytest.mark.parametrize(
    ("last", "there"),
    [
        (RIDGE, True),
        ('step = "sklearn.linear_model.Lasso"', True),
        ('step = "sklearn.linear_model.HuberRegressor"', True),
        (TRANSFORMED.format("sklearn.linear_model.Ridge"), True),
        ('step = "sklearn.linear_model.PoissonRegressor"', False),
        ('step = "sklearn.tree.DecisionTreeRegressor"', False),
        (TRANSFORMED.format("sklearn.tree.DecisionTreeRegressor"), False),
    ],
)
def test_models_that_assume_it_are_held_to_it_and_no_others(project, last, there):
    found = fitted(project(last=last))
    assert (found.assumptions is not None) == there
    assert ("assumptions" in found.evaluation()) == there


def test_a_target_that_is_transformed_is_looked_at_on_the_scale_of_the_model(project):
    random = np.random.default_rng(3)
    x = random.normal(size=400)
    table = pd.DataFrame({"id": range(400), "x": x, "price": np.exp(x + random.normal(size=400))})
    plain = {one["assumption"]: one for one in fitted(project(last=LINEAR, table=table)).assumptions["tests"]}
    logged = fitted(
        project(
            table=table,
            last='step = "sklearn.compose.TransformedTargetRegressor"\n'
            'regressor = { step = "sklearn.linear_model.LinearRegression" }\n'
            'func = { function = "numpy.log" }\ninverse_func = { function = "numpy.exp" }',
        )
    ).assumptions["tests"]
    assert plain["normality of the residuals"]["rejected"]
    assert not any(one["rejected"] for one in logged)


def test_only_the_trained_rows_are_looked_at(project):
    path = project(last=LINEAR)
    config = read_config(path)
    data = read_data(config)
    before = fit(config, data)
    table = houses()
    table.loc[data.held_out, "price"] *= 1000
    # few of them, since fences reach as far as a quarter of the rows
    table.loc[np.flatnonzero(data.held_out)[:5], "size"] *= 1000
    after = fitted(project(last=LINEAR, table=table))
    assert after.assumptions == before.assumptions
    assert after.outliers == before.outliers


# ---- labels

LOGISTIC = 'step = "sklearn.linear_model.LogisticRegression"'


def chances(seed: int, bend: float, rows: int = 400):
    """Columns of several scales, and labels whose logit is linear in them but for `bend`."""
    random, design, scaled = drawn(seed, rows)
    logits = scaled.sum(axis=1) * 0.7 + bend * scaled[:, 0] ** 2
    return design, scaled, (random.uniform(size=rows) < 1 / (1 + np.exp(-logits))).astype(float)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), bend=st.sampled_from([0.0, 0.4, 1.5]))
def test_the_logit_is_fitted_and_tested_as_statsmodels_does(seed, bend):
    design, scaled, labels = chances(seed, bend)
    oracle = Logit(labels, add_constant(scaled)).fit(disp=False)
    logits, deviance, rank = logistic.fit(design, labels)
    assert deviance == pytest.approx(-2 * oracle.llf, rel=1e-8)
    assert rank == 4
    assert logits == pytest.approx(oracle.fittedvalues, abs=1e-4)
    bent = Logit(labels, add_constant(np.column_stack([scaled, scaled**2]))).fit(disp=False, maxiter=200)
    (one, *others) = logistic.checks_of_labels(design, labels, 2)
    assert one.statistic == pytest.approx(2 * (bent.llf - oracle.llf), rel=1e-4, abs=1e-6)
    assert one.p == pytest.approx(stats.chi2.sf(2 * (bent.llf - oracle.llf), 3), rel=1e-3, abs=1e-12)
    assert one.effect == pytest.approx(1 - bent.llf / oracle.llf, rel=1e-3, abs=1e-8)
    assert one.rejected == (one.p < LEVEL)
    assert all("does not assume it" in other.why for other in others)


def test_a_linear_logit_is_rejected_as_seldom_as_the_level_says_and_a_bent_one_is():
    rejected = found = 0
    for seed in range(100):
        design, _, labels = chances(seed, 0.0)
        rejected += logistic.checks_of_labels(design, labels, 2)[0].rejected
        found += logistic.checks_of_labels(*chances(seed, 1.5)[::2], 2)[0].rejected
    assert found == 100
    # 1% of 100 is one; 7 or more would be one in ten thousand
    assert rejected < 7


def labelled(labels) -> pd.DataFrame:
    return houses().assign(price=labels)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (lambda one: np.where(one["size"] > 100, "large", "small"), "tell some rows apart altogether"),
        (lambda one: np.arange(120) % 15 == 0, "too few rows of one class"),
        (lambda one: one["rooms"] % 3, "it is a test of two classes, and there are 3"),
    ],
)
def test_where_the_logit_cannot_be_tested_it_says_why(project, labels, why):
    table = labelled(labels(houses()))
    found = fitted(project(last=LOGISTIC, task="classification", table=table)).assumptions
    assert why in found["tests"][0]["why"]
    assert "normal" not in found
    assert len(found["tests"]) == 3


def test_a_classifier_that_is_no_logistic_regression_assumes_none_of_it(project):
    table = labelled(houses()["rooms"] % 2)
    tree = 'step = "sklearn.tree.DecisionTreeClassifier"'
    assert fitted(project(last=tree, task="classification", table=table)).assumptions is None


def test_the_card_of_a_classifier_says_what_applies_to_it(project, tmp_path):
    random = np.random.default_rng(6)
    x = random.normal(size=(2, 500))
    bent = random.uniform(size=500) < 1 / (1 + np.exp(-(x[0] + 1.5 * x[0] ** 2 + x[1] - 1)))
    table = pd.DataFrame({"id": range(500), "x": x[0], "other": x[1], "price": np.where(bent, "yes", "no")})
    path = project(last=LOGISTIC, task="classification", table=table)
    made = train(read_config(path), tmp_path / "dist", commit="", dirty=False)
    with zipfile.ZipFile(made["wheel"]) as archive:
        info = "house_prices-1.2.0.dist-info"
        cards = [archive.read(f"{info}/model_card.{end}").decode() for end in ("html", "md")]
    for card in cards:
        assert "linearity in the logit" in card
        assert "rejected (p " in card
        assert "not applicable: a logistic regression does not assume it: labels are 0 or 1" in card
        assert "<svg" not in card


# ---- outliers


@settings(max_examples=30, deadline=None)
@given(far=st.integers(0, 6))
def test_outliers_are_counted(far):
    values = np.concatenate([np.arange(1.0, 101.0), np.full(far, 1e6), [np.nan, np.nan]])
    found = outliers.of_column("x", values)
    if not far:
        assert found is None
        return
    first, last = np.quantile(values[:-2], (0.25, 0.75), method="inverted_cdf")
    assert found["outside"] == found["far"] == far
    assert found["rows"] == 100 + far
    assert found["high"] == pytest.approx(last + 1.5 * (last - first))
    assert found["low"] == pytest.approx(first - 1.5 * (last - first))


def test_outliers_are_reported_and_nothing_is_done_to_them(project):
    table = houses()
    table.loc[5, "size"] = 1e5
    found = fitted(project(table=table))
    (one,) = [one for one in found.outliers if one["column"] == "size"]
    assert (one["outside"], one["far"]) == (1, 1)
    assert found.data.frame["size"].max() == 1e5


# ---- the card


def test_the_card_has_the_numbers_in_both_and_the_plots_in_html(project, tmp_path):
    table = houses()
    table.loc[5, "size"] = 1e5
    path = project(table=table, last=f"{RIDGE}\n\n[selection]\n")
    made = train(read_config(path), tmp_path / "dist", commit="", dirty=False)
    with zipfile.ZipFile(made["wheel"]) as archive:
        info = "house_prices-1.2.0.dist-info"
        page = archive.read(f"{info}/model_card.html").decode()
        text = archive.read(f"{info}/model_card.md").decode()
    for card in (page, text):
        assert "What a linear model assumes" in card
        for name in ("Jarque-Bera", "RESET", "Breusch-Pagan"):
            assert name in card
        assert "Outliers" in card
        assert "What it does not need" in card
    pictures = re.findall(r"<svg.*?</svg>", page)
    assert len(pictures) == 2
    assert "<svg" not in text
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        assert root.get("role") == "img"
        assert (root.find("title").text or "").strip()
    again = train(read_config(path), tmp_path / "again", commit="", dirty=False)
    assert again["sha256"] == made["sha256"]


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(*[st.floats(-1e9, 1e9)] * 4), min_size=1, max_size=20).map(
        lambda rows: [(one[0], *sorted(one[1:])) for one in sorted(rows)]
    )
)
def test_every_point_lies_within_its_picture(points):
    for picture in (plots.spread(points), plots.normal([one[:2] for one in points])):
        root = ElementTree.fromstring(picture)
        dots = root.findall("circle")
        assert len(dots) == len(points)
        for dot in dots:
            assert 0 <= float(dot.get("cx")) <= plots.WIDTH
            assert 0 <= float(dot.get("cy")) <= plots.HEIGHT


def test_points_of_the_normal_plot_are_on_the_line_where_residuals_are_normal(project):
    random = np.random.default_rng(2)
    x = random.normal(size=2000)
    table = pd.DataFrame({"id": range(2000), "x": x, "price": x + random.normal(size=2000)})
    found = fitted(project(last=LINEAR, table=table)).assumptions
    points = np.array(found["normal"])
    assert np.allclose(points[:, 0], stats.norm.ppf((np.arange(41) + 0.5) / 41), rtol=1e-5)
    assert np.abs(points[:, 0] - points[:, 1]).max() < 0.25
    assert all(low <= middle <= high for _, low, middle, high in found["spread"])
    assert all(math.isfinite(one) for point in found["spread"] for one in point)
