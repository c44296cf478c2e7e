"""Planted faults: each changes the answers of the rows that its truth names, of no other."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
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

[[steps]]
step = "sklearn.preprocessing.OneHotEncoder"
columns = ["district"]
handle_unknown = "ignore"
sparse_output = false

[[steps]]
step = "sklearn.impute.SimpleImputer"
add_indicator = true

[[steps]]
step = "sklearn.ensemble.RandomForestRegressor"
n_estimators = 5
max_depth = 6
"""

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
import sys
import pandas as pd
sys.path.insert(0, sys.argv[1])
import importlib
module, _, name = sys.argv[2].partition(":")
answers = getattr(importlib.import_module(module), name)(pd.read_parquet(sys.argv[3]))
answers.to_parquet(sys.argv[4])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("houses")
    pd.DataFrame(houses(0, 1_500, Knobs())).to_csv(folder / "houses.csv", index=False)
    (folder / "house.lock").write_text("numpy==0\n")
    (folder / "house.toml").write_text(CONFIG)
    config = read_config(folder / "house.toml")
    data = read_data(config)
    return package(config, data, fit(config, data), folder / "dist", commit="c0ffee", dirty=False).wheel


@pytest.fixture(scope="module")
def unspoilt(built, tmp_path_factory):
    return answers(built, tmp_path_factory.mktemp("unspoilt") / "asked")


def answers(wheel: Path, folder: Path) -> np.ndarray:
    """What the package in a wheel answers to ASKED, in a process of its own."""
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "package")
    ASKED.to_parquet(folder / "asked.parquet")
    manifest, _ = wheels.read(wheel)
    arguments = [folder / "package", manifest.entry, folder / "asked.parquet", folder / "answers.parquet"]
    subprocess.run([sys.executable, "-c", ASK, *map(str, arguments)], check=True)
    return pd.read_parquet(folder / "answers.parquet")["prediction"].to_numpy()


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
def test_a_fault_touches_what_its_truth_names_and_nothing_else(fault, built, unspoilt, tmp_path):
    made = plant(built, fault, PLANTS[fault], tmp_path / "planted")
    manifest, _ = wheels.read(made.wheel)
    assert manifest.version == "1.2.0+planted"
    with zipfile.ZipFile(made.wheel) as archive:
        truth = json.loads(archive.read("house_prices/planted.json"))
    assert truth["fault"] == fault
    assert truth["says"] == made.recipe.says
    moved = unspoilt != answers(made.wheel, tmp_path / "after")
    assert moved.any()
    assert not moved[~holds(truth["where"])].any()
    if truth["where"]:
        assert not holds(truth["where"]).all()


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
