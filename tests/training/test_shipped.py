"""Transformers of our own: what scikit-learn demands of every transformer, and what each of them promises."""

from __future__ import annotations

import ast
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.feature_selection import VarianceThreshold
from sklearn.utils.estimator_checks import check_estimator

from harness.errors import HarnessError
from harness.training import shipped
from harness.training.__main__ import train
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit

from .conftest import RIDGE, houses

OURS = [
    ("RandomSampleImputer", {}),
    ("RandomSampleImputer", {"indicators": True}),
    ("OutlierCapper", {}),
    ("OutlierCapper", {"method": "quantile", "share": 0.1, "tails": "upper"}),
    ("FrequencyEncoder", {}),
    ("CorrelationFilter", {}),
    ("Derived", {}),
]


def ours(name: str, **parameters: object):
    return shipped.load(name, "checked_package")(**parameters)


def gappy(rows: int = 600, seed: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": random.normal(100, 20, rows).round(1),
            "rooms": random.integers(1, 7, rows).astype(float),
            "town": random.choice(np.array(["old", "new", "far"], dtype=object), rows, p=[0.6, 0.3, 0.1]),
        }
    )
    frame.loc[random.random(rows) < 0.3, "rooms"] = np.nan
    frame.loc[random.random(rows) < 0.2, "town"] = np.nan
    return frame


# ---- all of them


@pytest.mark.parametrize(("name", "parameters"), OURS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_every_transformer_of_our_own_passes_scikit_learns_checks(name, parameters):
    checked = check_estimator(ours(name, **parameters))
    assert {one["status"] for one in checked} <= {"passed", "skipped"}
    assert sum(one["status"] == "passed" for one in checked) > 40


def test_every_transformer_is_checked_and_every_file_named():
    assert {name for name, _ in OURS} == set(shipped.FILES)
    files = {path.stem for path in Path(shipped.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == set(shipped.FILES.values())


@pytest.mark.parametrize("file", sorted(set(shipped.FILES.values())))
def test_a_file_that_is_packed_imports_nothing_of_ours(file):
    """Law 9: what travels in a package may lean on what its lock holds, and on no harness."""
    tree = ast.parse(Path(shipped.__file__).with_name(f"{file}.py").read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add((node.module or "").partition(".")[0])
    assert found <= {"numpy", "pandas", "sklearn", "hashlib", "typing", "__future__"}


def test_a_class_is_named_as_the_package_will_have_it():
    made = ours("OutlierCapper")
    assert type(made).__module__ == "checked_package.steps.capping"
    assert b"harness" not in pickle.dumps(made)
    assert type(shipped.load("OutlierCapper", "other_package")()) is not type(made)


# ---- random samples


def test_gaps_are_filled_with_what_was_trained_on_and_nothing_else_is_touched():
    frame = gappy()
    made = ours("RandomSampleImputer", random_state=7).fit_transform(frame)
    assert not made.isna().any().any()
    for name in frame:
        present = frame[name].notna()
        assert made[name][present].tolist() == frame[name][present].tolist()
        assert set(made[name]) <= set(frame[name].dropna())
    # as often as they stood: the distribution is kept, which the median would not do
    drawn = made["rooms"][frame["rooms"].isna()]
    assert ks_2samp(drawn, frame["rooms"].dropna()).pvalue > 1e-3
    shares = made["town"][frame["town"].isna()].value_counts(normalize=True)
    assert abs(shares["old"] - 0.6) < 0.15


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(0, 599), min_size=1, max_size=30),
    seed=st.integers(0, 2**31),
)
def test_a_row_alone_is_filled_as_in_any_batch_and_in_any_order(rows, seed):
    frame = gappy()
    imputer = ours("RandomSampleImputer", random_state=seed).fit(frame)
    whole = imputer.transform(frame)
    some = imputer.transform(frame.iloc[rows])
    assert some.to_numpy().tolist() == whole.iloc[rows].to_numpy().tolist()
    one = imputer.transform(frame.iloc[rows[:1]].reset_index(drop=True).astype(object))
    assert one.to_numpy().tolist() == whole.iloc[rows[:1]].to_numpy().tolist()


def test_another_seed_draws_otherwise_and_none_is_refused():
    frame = gappy()
    one, other = (ours("RandomSampleImputer", random_state=seed).fit_transform(frame) for seed in (1, 2))
    gaps = frame["rooms"].isna()
    assert (one["rooms"][gaps] != other["rooms"][gaps]).mean() > 0.5
    with pytest.raises(ValueError, match="needs a whole number"):
        ours("RandomSampleImputer", random_state=None).fit(frame)


def test_the_indicator_is_seen_before_the_gap_is_filled():
    frame = gappy()
    made = ours("RandomSampleImputer", indicators=True).fit(frame)
    found = made.transform(frame)
    assert list(found) == ["size", "rooms", "town", "rooms_missing", "town_missing"]
    assert found["rooms_missing"].tolist() == frame["rooms"].isna().astype(float).tolist()
    assert made.get_feature_names_out().tolist() == list(found)


def test_only_the_variables_are_filled_and_the_whole_row_decides():
    frame = gappy()
    found = ours("RandomSampleImputer", variables=["rooms"]).fit_transform(frame)
    assert found["town"].isna().equals(frame["town"].isna())
    gaps = frame["rooms"].isna().to_numpy()
    # rows whose other columns differ get draws of their own
    assert found["rooms"][gaps].nunique() == 6
    with pytest.raises(ValueError, match="no column 'romos'"):
        ours("RandomSampleImputer", variables=["romos"]).fit(frame)


def test_large_columns_keep_evenly_spread_values():
    frame = pd.DataFrame({"x": np.arange(100_000.0)})
    kept = ours("RandomSampleImputer", most=101).fit(frame).values_["x"]
    assert len(kept) == 101
    assert np.allclose(kept, np.linspace(0, 99_999, 101), atol=1)


# ---- fences


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.floats(-1e6, 1e6, allow_subnormal=False) | st.just(float("nan")), min_size=3, max_size=60
    ),
    fold=st.floats(0.1, 5),
)
def test_fences_are_tukeys(values, fold):
    present = np.sort([one for one in values if one == one])
    capped = ours("OutlierCapper", fold=fold).fit(np.array(values)[:, None])
    if not len(present):
        assert (capped.lower_[0], capped.upper_[0]) == (-np.inf, np.inf)
        return
    first, last = (present[int(np.ceil(share * len(present))) - 1] for share in (0.25, 0.75))
    if first == last or first - fold * (last - first) == last + fold * (last - first):
        assert (capped.lower_[0], capped.upper_[0]) == (-np.inf, np.inf)
    else:
        assert capped.lower_[0] == first - fold * (last - first)
        assert capped.upper_[0] == last + fold * (last - first)


def test_fences_are_learned_from_the_trained_rows_alone():
    trained, served = np.arange(100.0)[:, None], np.array([[-1e9], [50.0], [1e9], [np.nan]])
    capper = ours("OutlierCapper", method="quantile", share=0.05).fit(trained)
    assert capper.transform(served)[:, 0].tolist()[:3] == [4.0, 50.0, 94.0]
    assert np.isnan(capper.transform(served)[3, 0])
    upper = ours("OutlierCapper", method="quantile", share=0.05, tails="upper").fit(trained)
    assert upper.transform(served)[0, 0] == -1e9


def test_a_column_that_is_mostly_one_value_has_no_fences():
    """Gardens: most flats have none. Fences at 0 would take the garden from every house that has one."""
    garden = np.array([0.0] * 90 + [50.0] * 10)[:, None]
    assert ours("OutlierCapper").fit_transform(garden).tolist() == garden.tolist()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"method": "sigma"}, "no method"),
        ({"tails": "left"}, "no tails"),
        ({"share": 0.7}, "share"),
        ({"fold": 0}, "fold"),
    ],
)
def test_a_capper_that_is_told_nonsense_says_so(parameters, words):
    with pytest.raises(ValueError, match=words):
        ours("OutlierCapper", **parameters).fit(np.arange(9.0)[:, None])


# ---- frequencies, correlation


def test_a_category_becomes_its_share_and_an_unseen_one_nothing():
    trained = pd.DataFrame({"town": np.array(["a", "a", "b", None], dtype=object)})
    encoder = ours("FrequencyEncoder").fit(trained)
    served = pd.DataFrame({"town": np.array(["a", "b", "c", np.nan, None], dtype=object)})
    assert encoder.transform(served)["town"].tolist() == [0.5, 0.25, 0.0, 0.25, 0.25]


def test_of_columns_that_tell_the_same_the_first_stays():
    random = np.random.default_rng(1)
    one, other = random.normal(size=(2, 400))
    columns = {
        "one": one,
        "copy": one * 3 + 1,
        "turned": -one,
        "near": one + 0.1 * other,
        "other": other,
        "flat": 7.0,
    }
    frame = pd.DataFrame(columns)
    chosen = ours("CorrelationFilter", threshold=0.9).fit(frame)
    assert chosen.get_feature_names_out().tolist() == ["one", "other", "flat"]
    assert VarianceThreshold().fit(frame[["one", "flat"]]).get_feature_names_out().tolist() == ["one"]
    corr = frame.drop(columns="flat").corr().abs()
    strict = ours("CorrelationFilter", threshold=float(corr.loc["one", "near"]) + 1e-9).fit(frame)
    assert "near" in strict.get_feature_names_out()


# ---- in a version

IMPUTED = """\
step = "shipped.RandomSampleImputer"
indicators = true

[[steps]]
step = "shipped.FrequencyEncoder"
columns = ["town"]

[[steps]]
step = "shipped.OutlierCapper"
columns = ["size"]

[[steps]]
"""
SCALER = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'

ASK = """
import json, sys
assert not any(name.partition(".")[0] == "harness" for name in sys.modules)
import pandas as pd
from house_prices.predict import predict
frame = pd.read_csv(sys.argv[1])
whole = predict(frame)["prediction"].tolist()
alone = [predict(frame.iloc[[place]])["prediction"].iloc[0] for place in range(len(frame))]
assert not any(name.partition(".")[0] == "harness" for name in sys.modules), "the package leans on harness"
print(json.dumps([whole, alone]))
"""


def table() -> pd.DataFrame:
    random = np.random.default_rng(8)
    made = houses().assign(town=random.choice(np.array(["old", "new", "far"], dtype=object), 120))
    made.loc[random.random(120) < 0.3, "rooms"] = np.nan
    made.loc[random.random(120) < 0.2, "town"] = np.nan
    return made


def test_a_package_carries_the_code_of_its_steps_and_answers_without_the_harness(project, tmp_path):
    path = project(table=table(), last=IMPUTED + RIDGE, replace={SCALER: ""})
    made = train(read_config(path), tmp_path / "dist", commit="", dirty=False)
    with zipfile.ZipFile(made["wheel"]) as archive:
        names = {name for name in archive.namelist() if "/steps/" in name}
        archive.extractall(tmp_path / "unpacked")
    assert names == {
        f"house_prices/steps/{name}.py" for name in ("__init__", "sampling", "capping", "frequency")
    }
    asked = tmp_path / "asked.csv"
    table().drop(columns=["id", "price"]).to_csv(asked, index=False)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(asked)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")},
    )  # fmt: skip
    whole, alone = np.array(json.loads(done.stdout))
    assert np.allclose(whole, alone, rtol=1e-12, atol=0)
    again = train(read_config(path), tmp_path / "again", commit="", dirty=False)
    assert again["sha256"] == made["sha256"]


def test_a_package_without_steps_of_ours_has_none(project, tmp_path):
    made = train(read_config(project()), tmp_path / "dist", commit="", dirty=False)
    with zipfile.ZipFile(made["wheel"]) as archive:
        assert not [name for name in archive.namelist() if "/steps/" in name]


def test_the_seed_at_the_top_reaches_the_draws(project):
    path = project(table=table(), last=IMPUTED + RIDGE, replace={SCALER: ""})
    config = read_config(path)
    found = fit(config, read_data(config))
    assert found.model.steps[0][1].random_state == 7
    assert found.training_noise > 0


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ('step = "shipped.RandomSampler"', 'did you mean "RandomSampleImputer"'),
        ('step = "shipped.RandomSampleImputer"\ncolumns = ["rooms"]', "variables"),
        ('step = "shipped.RandomSampleImputer"\nrandom_state = 3', "set seed"),
        ('step = "shipped.OutlierCapper"\nfolds = 3', 'did you mean "fold"'),
    ],
)
def test_a_step_of_ours_is_held_to_the_same_rules(project, step, words):
    def trained():
        config = read_config(project(last=f"{step}\n\n[[steps]]\n{RIDGE}"))
        fit(config, read_data(config))

    with pytest.raises(HarnessError) as caught:
        trained()
    assert words in str(caught.value)
