"""Two trainings in two fresh environments give the same wheel, to the byte: in another folder, with other hash seeds,
other threads, another zone of time and another language of the caller.

The model is of those whose bits threads do move, and the table is large enough for them to be used.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from .running import run_harness

FIXTURES = Path(__file__).parents[2] / "fixtures"
TRAINING = """\
model = "houses"
package = "houses"
version = "1.0.0"
task = "regression"
seed = 1
lock = "houses.lock"

[data]
path = "houses.csv"
key = "id"
target = "price"
features = ["area", "rooms", "distance", "district", "energy", "listed"]
kinds = { listed = "datetime" }

[split]
share = 0.3
salt = "houses"

[recipes.calendar]
listed = ["year", "month"]

[[steps]]
step = "sklearn.preprocessing.OneHotEncoder"
columns = ["district", "energy"]
handle_unknown = "ignore"
sparse_output = false

[[steps]]
step = "sklearn.impute.SimpleImputer"

[[steps]]
step = "sklearn.ensemble.StackingRegressor"
cv = 3
estimators = [
  ["linear", { step = "sklearn.linear_model.Ridge" }],
  ["trees", { step = "sklearn.ensemble.HistGradientBoostingRegressor", max_iter = 10 }],
  ["forest", { step = "sklearn.ensemble.RandomForestRegressor", n_estimators = 5, max_depth = 8 }],
]
"""


def test_two_fresh_environments_train_the_same_wheel(tmp_path, git):
    first = tmp_path / "first"
    first.mkdir()
    (first / "harness.toml").write_text('model = "houses"\ntraining = "houses.toml"\n')
    (first / "houses.toml").write_text(TRAINING)
    (first / "houses.lock").write_bytes((FIXTURES / "diabetes.lock").read_bytes())
    assert run_harness(first, "data", "synth", "houses.csv", "--rows", "20000").code == 0
    git(first)
    second = tmp_path / "elsewhere" / "a longer name"
    subprocess.run(["git", "clone", "-q", first, second], check=True, capture_output=True)

    callers = {
        first: {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TZ": "UTC"},
        second: {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "TZ": "Asia/Tokyo",
                 "LC_ALL": "C", "PYTHONOPTIMIZE": "1"},
    }  # fmt: skip
    wheels = []
    for number, (folder, caller) in enumerate(callers.items()):
        cache = tmp_path / f"cache{number}"
        done = run_harness(folder, "train", MODEL_HARNESS_CACHE=str(cache), **caller)
        assert done.code == 0, done.out
        # an environment of its own: neither was made before, and none is shared
        assert "making an environment of" in done.out
        assert len(list((cache / "environments").glob("*/environment.json"))) == 1
        wheels.append(next((folder / "dist").glob("*.whl")))
    assert wheels[0].name == wheels[1].name
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
