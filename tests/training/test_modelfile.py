"""The file that a model is kept in: the same bytes for the same model, and the same answers once it was read."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge

import harness
from harness.errors import HarnessError
from harness.training import modelfile
from harness.training.__main__ import train
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.modelfile import model_file

from .conftest import RIDGE, houses
from .packages import manifest_in, opened

FOREST = 'step = "sklearn.ensemble.RandomForestRegressor"\nn_estimators = 5'
BOOSTED = 'step = "sklearn.ensemble.HistGradientBoostingRegressor"\nmax_iter = 5'


@pytest.fixture
def configured(project, tmp_path):
    """`configured(last, model="skops", locked=True)`: a configuration whose lock has skops, or not."""

    def make(last: str = RIDGE, model: str = "", locked: bool = True):
        path = project(last=f'{last}\n\n[packaging]\nmodel = "{model}"\n' if model else last)
        if locked:
            with (tmp_path / "house.lock").open("a") as lock:
                lock.write(f"skops=={metadata.version('skops')}\n")
        return read_config(path)

    return make


def file_of(config) -> modelfile.ModelFile:
    data = read_data(config)
    return model_file(config, fit(config, data).model, data.frame)


@pytest.mark.parametrize(
    ("model", "locked", "kept", "why"),
    [
        ("", True, "skops", ""),
        ("auto", True, "skops", ""),
        ("skops", True, "skops", ""),
        ("joblib", True, "joblib", ""),
        ("", False, "joblib", "skops is not in the lock"),
    ],
)
def test_the_format_is_what_configuration_and_lock_allow(configured, tmp_path, model, locked, kept, why):
    config = configured(FOREST, model, locked)
    wheel = train(config, tmp_path / "dist", commit="", dirty=False)["wheel"]
    manifest = manifest_in(wheel)
    said = {"file": f"house_prices/model.{kept}", "format": kept}
    if kept == "skops":
        said["trusted"] = ["sklearn.tree._tree.Tree"]
    assert manifest["model"] == (said | {"why": why} if why else said)
    assert said["file"] in manifest["files"]
    assert ("skops" in manifest["libraries"]) == (kept == "skops")
    with zipfile.ZipFile(wheel) as archive:
        assert (b"Requires-Dist: skops==" in archive.read("house_prices-1.2.0.dist-info/METADATA")) == (
            kept == "skops"
        )
    answers = opened(wheel, tmp_path).predict(houses())["prediction"]
    data = read_data(config)
    np.testing.assert_array_equal(answers, fit(config, data).model.predict(data.frame))


def test_the_format_shapes_no_model(configured):
    assert len({configured(RIDGE, model).sha256 for model in ("", "auto", "skops", "joblib")}) == 1


def test_skops_that_is_not_in_the_lock_is_refused_where_it_is_demanded(configured):
    with pytest.raises(HarnessError, match="cannot be kept with skops: skops is not in the lock"):
        file_of(configured(RIDGE, "skops", locked=False))


def test_an_unknown_format_is_refused(configured):
    with pytest.raises(HarnessError, match='unknown model "onnx"'):
        configured(RIDGE, "onnx")


@pytest.mark.parametrize("last", [RIDGE, FOREST, BOOSTED])
def test_the_same_model_is_the_same_file(configured, last):
    config = configured(last)
    one, two = file_of(config), file_of(config)
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert set(names) - {"schema.json"} == {f"{number}.npy" for number in range(1, len(names))}


SCRIPT = """\
import sys
from pathlib import Path
from harness.training.__main__ import train
from harness.training.config import read_config
print(train(read_config(Path(sys.argv[1])), Path(sys.argv[2]), commit="abc", dirty=False)["sha256"])
"""


@pytest.mark.parametrize("last", [FOREST, BOOSTED])
def test_two_processes_write_the_same_wheel(configured, tmp_path, last):
    path = configured(last).path
    found = set()
    for seed, threads in (("1", "1"), ("77", "2")):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, path, tmp_path / f"out{seed}"],
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
                 "PYTHONPATH": str(Path(harness.__file__).parents[1])},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.add(done.stdout.splitlines()[-1])
    assert len(found) == 1


def test_what_is_one_object_stays_one_and_is_no_other(configured):
    """Addresses become numbers; what was shared in memory is shared again, and nothing else is."""
    shared = np.arange(4.0)
    model = Ridge().fit([[1.0], [2.0]], [1.0, 2.0])
    model.one, model.two, model.other = shared, shared, np.arange(4.0)
    again = skops.io.loads(modelfile._canonical(skops.io.dumps(model)))
    assert again.one is again.two
    assert again.other is not again.one
    np.testing.assert_array_equal(again.other, again.one)


def test_equal_numbers_are_the_same_file_whether_they_are_one_object_or_two():
    number, again = float("1234.5"), float("1234.5")
    assert number is not again
    one, two = Ridge(), Ridge()
    one.first, one.second = number, number
    two.first, two.second = number, again
    assert modelfile._canonical(skops.io.dumps(one)) == modelfile._canonical(skops.io.dumps(two))


def spoil(model):
    """Another model by one bit."""
    model.steps[-1][1].coef_ = np.nextafter(model.steps[-1][1].coef_, np.inf)
    return model


def test_a_model_that_skops_does_not_bring_back_is_kept_otherwise(configured, monkeypatch):
    load = skops.io.loads
    monkeypatch.setattr(skops.io, "loads", lambda content, trusted: spoil(load(content, trusted=trusted)))
    kept = file_of(configured())
    assert kept.format == "joblib"
    assert kept.why == "its answers are not the same to the bit once it was written and read"
    with pytest.raises(HarnessError, match="cannot be kept with skops: its answers are not the same"):
        file_of(configured(model="skops"))


def test_why_skops_cannot_is_said_without_what_differs_between_runs(configured, monkeypatch):
    def refuse(model):
        raise TypeError(f"no way to write {object()!r}\nand more")

    monkeypatch.setattr(skops.io, "dumps", refuse)
    assert file_of(configured()).why == "TypeError: no way to write <object object at 0x…>"


def test_a_model_that_no_format_brings_back_is_refused(configured, monkeypatch, tmp_path):
    load = joblib.load
    monkeypatch.setattr(joblib, "load", lambda file: spoil(load(file)))
    config = configured(model="joblib")
    with pytest.raises(
        HarnessError, match="does not survive being written and read: its answers are not the same"
    ):
        train(config, tmp_path / "dist", commit="", dirty=False)
    assert not (tmp_path / "dist").exists()


def test_a_package_makes_no_other_types_than_the_manifest_names(configured, tmp_path):
    wheel = train(configured(FOREST), tmp_path / "dist", commit="", dirty=False)["wheel"]
    module = opened(wheel, tmp_path)
    (manifest,) = tmp_path.glob("opened*/house_prices/manifest.json")
    said = json.loads(manifest.read_text())
    assert isinstance(module.MODEL.steps[-1][1], RandomForestRegressor)
    said["model"]["trusted"] = []
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException):
        module._opened(said["model"], said["files"])
