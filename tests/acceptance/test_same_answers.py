"""No skew between training and serving: the fitted pipeline, the installed package and the harness's worker agree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.predictors import environments
from harness.predictors.isolated import IsolatedPredictor
from harness.tables import Batch, Column
from harness.training.synthetic.houses import COLUMNS, Knobs, houses
from harness.versions.wheel import version_of

from .running import run_harness

LOCK = Path(__file__).parents[2] / "fixtures" / "diabetes.lock"
ROWS = 400

TRAINING = """\
model = "houses"
package = "houses"
version = "1.0.0"
task = "{task}"
seed = 8123
lock = "model.lock"

[data]
path = "houses.csv"
key = "id"
target = "{target}"
features = ["district", "kind", "energy", "area", "rooms", "year", "floor", "garage"]
kinds = {{ garage = "bool" }}

[split]
share = 0.3
salt = "houses"

[[steps]]
step = "sklearn.preprocessing.OneHotEncoder"
columns = ["district", "kind", "energy"]
handle_unknown = "infrequent_if_exist"
min_frequency = 5
sparse_output = false

[[steps]]
step = "sklearn.impute.SimpleImputer"
add_indicator = true

[[steps]]
step = "sklearn.preprocessing.StandardScaler"

[[steps]]
step = "sklearn.{model}"
"""

FITTED = """\
import json, sys
from pathlib import Path
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
data = read_data(read_config(Path("training.toml")))
model = fit(read_config(Path("training.toml")), data).model
print(json.dumps([value.hex() if isinstance(value, float) else value for value in model.predict(data.frame).tolist()]))
"""
PACKAGE = """\
import sys; sys.path.insert(0, "installed")
import json
import pandas as pd
from houses.predict import predict
assert not any(name.partition(".")[0] == "harness" for name in sys.modules)
asked = [json.loads(line) for line in open("asked.jsonl")]
answers = predict(pd.DataFrame(asked)) if sys.argv[1] == "frame" else pd.DataFrame(predict(asked))
print(json.dumps([value.hex() if isinstance(value, float) else value for value in answers["prediction"].tolist()]))
"""


@pytest.fixture(params=["regression", "classification"])
def project(request, tmp_path):
    """A trained project; (its folder, the table, the interpreter of its lock)."""
    columns = houses(0, ROWS, Knobs())
    made = pd.DataFrame({name: columns[name] for name in COLUMNS})
    # grouped by row, since the price of a house is no label
    made["dear"] = np.where(made["price"] > made["price"].median(), "dear", "cheap")
    made.to_csv(tmp_path / "houses.csv", index=False)
    regression = request.param == "regression"
    model = "linear_model.Ridge" if regression else "ensemble.HistGradientBoostingClassifier"
    target = "price" if regression else "dear"
    (tmp_path / "training.toml").write_text(TRAINING.format(task=request.param, target=target, model=model))
    shutil.copy(LOCK, tmp_path / "model.lock")
    done = run_harness(tmp_path, "train", "training.toml", "--out", "dist")
    assert done.code == 0, done.out
    with zipfile.ZipFile(next((tmp_path / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    return tmp_path, made, environments.python_for(LOCK.read_text())


def said(python: Path, folder: Path, script: str, *arguments: str, path: str = "") -> list[object]:
    """What a script prints, run by the interpreter of the lock, and without the harness unless it has a path."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path:
        variables["PYTHONPATH"] = path
    done = subprocess.run(
        [python, "-s", "-P", "-W", "error", "-c", script, *arguments],
        cwd=folder,
        env={**variables, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def hexed(column: Column) -> list[object]:
    return [value.hex() if isinstance(value, float) else value for value in column.values.tolist()]


def test_training_package_and_worker_agree_to_the_bit(project):
    folder, made, python = project
    config_features = ["district", "kind", "energy", "area", "rooms", "year", "floor", "garage"]
    asked = made[config_features]
    plain = asked.astype(object).where(asked.notna(), None)
    (folder / "asked.jsonl").write_text("".join(json.dumps(one) + "\n" for one in plain.to_dict("records")))
    direct = said(python, folder, FITTED, path=str(Path(harness.__file__).parents[1]))
    assert len(direct) == ROWS
    assert said(python, folder, PACKAGE, "frame") == direct
    assert said(python, folder, PACKAGE, "records") == direct

    version = version_of(next((folder / "dist").glob("*.whl")), why="just trained")
    predictor = IsolatedPredictor(version, "candidate", lambda line: None)
    columns = {name: Column.of(plain[name].tolist()) for name in config_features}
    batch = Batch("rows", 0, 0, np.arange(ROWS).astype(str).astype(object), columns)
    try:
        outcome = predictor.predict(batch)
        assert outcome.answered.all()
        assert hexed(outcome.columns["prediction"]) == direct

        spoilt = plain.copy()
        spoilt.loc[7, "rooms"] = 2.5
        spoilt.loc[[3, 9], "kind"] = None
        spoilt.loc[5, "district"] = "a place that nobody has seen"
        spoilt.loc[11, "area"] = float("inf")
        columns = {name: Column.of(spoilt[name].tolist()) for name in config_features}
        outcome = predictor.predict(Batch("rows", 0, 0, batch.keys, columns))
    finally:
        predictor.close()
    # each a fault of its own row, and the others are answered as before, within the last bits
    assert [(fault.row, fault.error, fault.message) for fault in outcome.faults] == [
        (3, "RowError", "kind: missing"),
        (7, "RowError", "rooms: no whole number"),
        (9, "RowError", "kind: missing"),
        (11, "RowError", "area: infinite"),
    ]
    assert outcome.answered.sum() == ROWS - 4
    assert outcome.dropped == ()
    assert set(outcome.columns) == set(version.manifest.outputs.names)
    for row, value in enumerate(outcome.columns["prediction"].values.tolist()):
        if row not in (3, 5, 7, 9, 11):
            whole = float.fromhex(direct[row]) if isinstance(value, float) else direct[row]
            assert value == (pytest.approx(whole, rel=1e-13) if isinstance(value, float) else whole)
