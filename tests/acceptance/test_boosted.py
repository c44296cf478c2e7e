"""Models of XGBoost and LightGBM, by their real packages: pickled, of skops, and in formats of their own.

All were fitted in one environment, which is that of the versions too; the harness's own has neither package.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from pathlib import Path

import pytest

from ..versions.made import pins, run_in
from .running import run_harness

DOCUMENTED = Path(__file__).parents[2] / "docs" / "configuration.md"
ROWS = 200
FIT = f"""
import pickle

import joblib
import lightgbm
import pandas
import skops.io
import xgboost

frame = pandas.DataFrame({{"area": [float(row % 41) for row in range({ROWS})]}})
frame["age"] = [float(row % 17) for row in range({ROWS})]
price = 3 * frame.area - frame.age * frame.age / 4
dear = ["dear" if one > 50 else "cheap" for one in price]


def regression(made, trees):
    return made(n_estimators=trees, max_depth=3, n_jobs=1).fit(frame, price)


for name, trees in (("now", 30), ("other", 12)):
    xgb = regression(xgboost.XGBRegressor, trees)
    xgb.save_model(f"xgboost-{{name}}.ubj")
    joblib.dump(xgb, f"xgboost-{{name}}.joblib")
    lgb = lightgbm.LGBMRegressor(n_estimators=trees, max_depth=3, n_jobs=1, verbose=-1).fit(frame, price)
    lgb.booster_.save_model(f"lightgbm-{{name}}.txt")
    with open(f"lightgbm-{{name}}.pkl", "wb") as file:
        pickle.dump(lgb, file)
    labels = lightgbm.LGBMClassifier(n_estimators=trees, max_depth=3, n_jobs=1, verbose=-1).fit(frame, dear)
    skops.io.dump(labels, f"labels-{{name}}.skops")
frame.to_csv("rows.csv", index=False)
"""
CONFIGURATION = """
model = "prices"
candidate = "other"
[[inputs]]
name = "rows"
path = "rows.csv"
"""
PROFILE = """
[versions.{name}]
spec = "file:{file}"
requirements_file = "requirements.txt"
{more}
"""
TRUSTED = (
    "collections.OrderedDict",
    "collections.defaultdict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
)


@pytest.fixture(scope="module")
def fitted(zoo, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("boosted")
    needs = (*pins(zoo.science_lock), "xgboost-cpu==3.2.0", "lightgbm==4.7.0", "skops==0.16.0")
    (folder / "requirements.txt").write_text("\n".join(needs))
    run_in(needs, FIT, folder)
    for library in ("xgboost", "lightgbm"):
        # as the page shows it, to the letter
        (block,) = re.findall(
            rf"```python\n(import harness_artifact\nimport {library}\n.*?)```", _page(), re.DOTALL
        )
        (folder / f"{library}_adapter.py").write_text(block)
    return folder


def _page() -> str:
    return DOCUMENTED.read_text(encoding="utf-8")


def profile(folder: Path, name: str, file: str) -> str:
    """The profile of a model file, as its format needs it."""
    library, suffix = file.split("-")[0], Path(file).suffix
    sha256 = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    more = {
        ".ubj": f'adapter = "{library}_adapter.py:predict"',
        ".txt": f'adapter = "{library}_adapter.py:predict"',
        ".skops": f"allow_types = {json.dumps(TRUSTED)}",
    }.get(suffix, f'allow_pickle = ["{sha256}"]')
    return PROFILE.format(name=name, file=file, more=more)


def compare(folder: Path, baseline: str, candidate: str):
    (folder / "harness.toml").write_text(
        CONFIGURATION + profile(folder, "first", baseline) + profile(folder, "other", candidate)
    )
    return run_harness(folder, "compare", "--to=first")


def test_the_harness_itself_has_neither():
    assert importlib.util.find_spec("xgboost") is None
    assert importlib.util.find_spec("lightgbm") is None


@pytest.mark.parametrize(
    ("pickled", "native"),
    [("xgboost-now.joblib", "xgboost-now.ubj"), ("lightgbm-now.pkl", "lightgbm-now.txt")],
)
def test_one_model_in_two_formats_is_equal(fitted, pickled, native):
    done = compare(fitted, pickled, native)
    assert done.code == 0, done.out
    assert f"{ROWS} of {ROWS} planned cases compared" in done.out
    assert done.verdict["baseline"]["digest"] != done.verdict["candidate"]["digest"]


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        ("xgboost-now.ubj", "xgboost-other.ubj"),
        ("lightgbm-now.txt", "lightgbm-other.txt"),
        ("xgboost-now.joblib", "xgboost-other.joblib"),
        ("lightgbm-now.pkl", "lightgbm-other.pkl"),
        ("labels-now.skops", "labels-other.skops"),
    ],
)
def test_fewer_trees_are_another_model(fitted, baseline, candidate):
    done = compare(fitted, baseline, candidate)
    assert done.code == 1, done.out
    (values,) = [rule for rule in done.verdict["rules"] if rule["name"] == "values"]
    assert values["status"] == "FAIL"
    assert values["compared"] == ROWS
