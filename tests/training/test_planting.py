"""Planted faults: each changes the answers of the rows that its truth names, of no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.compare import where
from harness.errors import HarnessError
from harness.tables import Column
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.package import package
from harness.training.planting import plant, recipe
from harness.training.planting.recipe import FAULTS
from harness.training.synthetic.houses import Knobs, houses
from harness.versions import wheel as wheels

CONFIG = """\
model = "house-prices"
package = "house_prices"
version = "1.2.0"
task = "regression"
seed = 7
lock = "house.lock"

[data]
path = "houses.csv"
key = "id"
target = "price"
features = ["district", "area", "rooms", "year", "distance", "garage"]

[split]
share = 0.3
salt = "houses"

"""
STOCK = """
[[steps]]
step = "sklearn.preprocessing.OneHotEncoder"
columns = ["district"]
handle_unknown = "ignore"
sparse_output = false

[[steps]]
step = "sklearn.impute.SimpleImputer"
add_indicator = true
"""
SHIPPED = """
[recipes.ratios]
room_size = { of = "area", by = "rooms" }

[[steps]]
step = "shipped.RandomSampleImputer"
variables = ["year"]
indicators = true

[[steps]]
step = "shipped.FrequencyEncoder"
columns = ["district"]

[[steps]]
step = "shipped.OutlierCapper"
columns = ["area", "distance"]
fold = 3.0

[[steps]]
step = "sklearn.impute.SimpleImputer"
"""
FOREST = """
[[steps]]
step = "sklearn.ensemble.RandomForestRegressor"
n_estimators = 5
max_depth = 6
"""
BOOSTED = """
[[steps]]
step = "sklearn.ensemble.HistGradientBoostingRegressor"
max_iter = 30
"""

PIPELINES = {
    "stock steps, joblib": STOCK + FOREST,
    "stock steps, skops": STOCK + FOREST,
    "shipped steps, joblib": SHIPPED + FOREST,
    "shipped steps, skops": SHIPPED + BOOSTED,
}

PLANTS = {
    "rare-category": {"column": "district", "category": "hills", "to": "airport"},
    "lost-indicator": {"column": "year", "value": 1990.0},
    "unit-error": {"column": "area", "factor": 10.7639, "when": "district", "equals": "north"},
    "clip": {"column": "area", "at": 120.0},
    "swap": {"column": "rooms", "other": "distance"},
    "float32": {},
    "threshold": {"by": 20.0},
    "interaction": {"when": "district", "equals": "old town", "other": "garage", "value": 0.0},
    "skew": {"column": "year", "shift": 15},
}
ASKED = pd.DataFrame(houses(50_000, 2_000, Knobs()))

ASK = """
import importlib, json, sys
import pandas as pd
asked = pd.read_parquet(sys.argv[1])
for folder, entry in json.loads(sys.argv[2]):
    sys.path.insert(0, folder + "/package")
    module, _, name = entry.partition(":")
    getattr(importlib.import_module(module), name)(asked).to_parquet(folder + "/answers.parquet")
    sys.path.remove(folder + "/package")
    # the next package has the same name
    for one in [one for one in sys.modules if one.partition(".")[0] == "house_prices"]:
        del sys.modules[one]
"""


def packaged(text: str, folder: Path, keep: str = "joblib") -> Path:
    """The wheel of a configuration, trained on houses."""
    pd.DataFrame(houses(0, 1_500, Knobs())).to_csv(folder / "houses.csv", index=False)
    (folder / "house.lock").write_text(f"numpy==0\nskops=={metadata.version('skops')}\n")
    (folder / "house.toml").write_text(f'{text}\n[packaging]\nmodel = "{keep}"\n')
    config = read_config(folder / "house.toml")
    data = read_data(config)
    return package(config, data, fit(config, data), folder / "dist", commit="c0ffee", dirty=False).wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return packaged(CONFIG + STOCK + FOREST, tmp_path_factory.mktemp("houses"))


@pytest.fixture(scope="module", params=PIPELINES)
def whole(request, tmp_path_factory):
    """What each fault is planted as, what a package answers without it, and with it."""
    folder = tmp_path_factory.mktemp("whole")
    wheel = packaged(CONFIG + PIPELINES[request.param], folder, request.param.rpartition(" ")[2])
    made = {fault: plant(wheel, fault, PLANTS[fault], folder / fault) for fault in PLANTS}
    found = answers([wheel, *(one.wheel for one in made.values())], folder / "asked")
    return {fault: (made[fault], found[0], after) for fault, after in zip(made, found[1:], strict=True)}


def answers(wheels_: list[Path], folder: Path, column: str = "prediction") -> list[np.ndarray]:
    """What the packages in some wheels answer to ASKED in one column, in a process of their own."""
    folder.mkdir()
    ASKED.to_parquet(folder / "asked.parquet")
    places = []
    for number, wheel in enumerate(wheels_):
        place = folder / str(number)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place / "package")
        places.append((str(place), wheels.read(wheel)[0].entry))
    subprocess.run(
        [sys.executable, "-c", ASK, folder / "asked.parquet", json.dumps(places)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    return [pd.read_parquet(f"{place}/answers.parquet")[column].to_numpy() for place, _ in places]


def holds(condition: str) -> np.ndarray:
    """Where a condition holds in ASKED, by the language of rules."""
    if not condition:
        return np.ones(len(ASKED), dtype=bool)
    names = ["district", "area", "year"]
    columns = {
        name: Column.of(ASKED[name].astype(object).where(ASKED[name].notna(), None).tolist())
        for name in names
    }
    return where.parse(condition, "test").mask(columns)


def test_every_fault_is_planted_here():
    assert PLANTS.keys() == FAULTS.keys()


@pytest.mark.parametrize("fault", PLANTS)
def test_a_fault_touches_what_its_truth_names_and_nothing_else(fault, whole):
    made, unspoilt, after = whole[fault]
    manifest, _ = wheels.read(made.wheel)
    assert manifest.version == "1.2.0+planted"
    with zipfile.ZipFile(made.wheel) as archive:
        truth = json.loads(archive.read("house_prices/planted.json"))
    assert truth["fault"] == fault
    assert truth["says"] == made.recipe.says
    # a row that is refused would be moved as well, and say nothing of the fault
    assert np.isfinite(unspoilt).all()
    assert np.isfinite(after).all()
    moved = unspoilt != after
    assert moved.any()
    assert not moved[~holds(truth["where"])].any()
    if truth["where"]:
        assert not holds(truth["where"]).all()


FLATS = (
    CONFIG.replace('"regression"', '"classification"')
    .replace('"price"', '"garage"')
    .replace(', "garage"]', "]")
)
CLASSIFIER = """
[[steps]]
step = "sklearn.ensemble.RandomForestClassifier"
n_estimators = 5
max_depth = 6

[calibration]
method = "sigmoid"
folds = 3
"""


def test_a_tree_below_a_calibration_is_found_and_labels_are_not_cut(tmp_path):
    wheel = packaged(FLATS + STOCK + CLASSIFIER, tmp_path, "skops")
    made = plant(wheel, "threshold", {"by": 50.0}, tmp_path / "planted")
    before, after = answers([wheel, made.wheel], tmp_path / "asked", "probability_True")
    assert np.isfinite(after).all()
    assert (before != after).any()
    unknown = plant(wheel, "threshold", {"by": 50.0, "tree": 9}, tmp_path / "none")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        answers([unknown.wheel], tmp_path / "ninth")
    assert b"there is no tree 9: the model has 5" in caught.value.stderr
    for fault, given in (("clip", {"at": 0.5}), ("float32", {})):
        with pytest.raises(HarnessError, match="the prediction is ") as refused:
            plant(wheel, fault, given, tmp_path / "cut")
        assert "--set column=area" in refused.value.hint


ASK_RECORDS = """
import json, sys
from house_prices.planted import predict
print(json.dumps(predict(json.load(sys.stdin))))
"""


def test_a_fault_is_in_the_answers_to_records_as_in_those_to_a_frame(built, tmp_path):
    rows = [{"district": "north", "area": 80.0, "rooms": 3, "year": None, "distance": 4.5, "garage": True}]
    rows += [{**rows[0], "rooms": 2.5}, {**rows[0], "area": 200.0}]
    told = {}
    for fault, given in (("skew", {"column": "rooms", "shift": 0.5}), ("clip", {"at": 1.0})):
        made = plant(built, fault, given, tmp_path / fault)
        with zipfile.ZipFile(made.wheel) as archive:
            archive.extractall(tmp_path / fault / "package")
        done = subprocess.run(
            [sys.executable, "-c", ASK_RECORDS],
            input=json.dumps(rows),
            cwd=tmp_path / fault / "package",
            capture_output=True,
            text=True,
            check=True,
        )
        told[fault] = json.loads(done.stdout)
    # half a room more is a fault of the pipeline, and half a room asked one of the row
    assert [sorted(one) for one in told["skew"]] == [["prediction"], ["error"], ["prediction"]]
    assert told["clip"] == [{"prediction": 1.0}, {"error": "rooms: no whole number"}, {"prediction": 1.0}]


def test_the_same_fault_gives_the_same_wheel_and_another_version(built, tmp_path):
    one = plant(built, "skew", PLANTS["skew"], tmp_path / "one")
    two = plant(built, "skew", PLANTS["skew"], tmp_path / "two")
    other = plant(built, "clip", PLANTS["clip"], tmp_path / "three", version="1.3.0")
    assert one.wheel.read_bytes() == two.wheel.read_bytes()
    assert other.wheel.name == "house_prices-1.3.0-py3-none-any.whl"
    digests = {wheels.version_of(wheel, why="").digest for wheel in (built, one.wheel, other.wheel)}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("fault", "given", "words"),
    [
        ("unit-eror", {}, 'unknown fault "unit-eror"'),
        ("skew", {"column": "area", "factr": 2.0}, 'skew takes no "factr"'),
        ("skew", {}, '"column" is missing'),
        ("skew", {"column": "areaa"}, 'no column "areaa"'),
        ("skew", {"column": "district"}, "district is str"),
        ("skew", {"column": "area", "factor": "two"}, "factor is 'two'"),
        ("clip", {"at": float("inf")}, "at is inf"),
        ("threshold", {"by": 1.0, "tree": -1}, "tree is -1"),
        ("unit-error", {"column": "area", "factor": 2.0, "when": "district"}, "when and equals"),
    ],
)
def test_what_cannot_be_planted_is_refused(fault, given, words, built, tmp_path):
    with pytest.raises(HarnessError, match=words):
        plant(built, fault, given, tmp_path / "planted")
    assert not (tmp_path / "planted").exists()


def test_only_a_sound_version_package_is_spoilt(built, tmp_path):
    (tmp_path / "no.whl").write_bytes(b"none")
    with pytest.raises(HarnessError, match="cannot be read"):
        plant(tmp_path / "no.whl", "float32", {}, tmp_path)
    with pytest.raises(HarnessError, match="cannot be read"):
        plant(tmp_path / "nowhere.whl", "float32", {}, tmp_path)
    spoilt = plant(built, "float32", {}, tmp_path / "planted").wheel
    with pytest.raises(HarnessError, match="planted in it already"):
        plant(spoilt, "clip", PLANTS["clip"], tmp_path / "planted")


def test_conditions_quote_what_needs_it():
    made = recipe("rare-category", {"column": "where from", "category": "'s-Gravenhage", "to": "other"})
    assert made.where == "`where from` == '''s-Gravenhage'"
    where.parse(made.where, "test")
    assert (
        recipe("interaction", {"when": "new", "equals": True, "other": "a", "value": 0}).where
        == "new == true"
    )
