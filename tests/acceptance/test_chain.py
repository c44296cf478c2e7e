"""The whole chain on real data: trained, released, retrained, compared, verified, released again, made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from sklearn import datasets

from harness.training.data import held_out

from .running import run_harness

LOCK = Path(__file__).parents[2] / "fixtures" / "diabetes.lock"

TRAINING = """\
model = "{name}"
package = "{name}_model"
version = "1.0.0"
task = "{task}"
seed = 8123
lock = "model.lock"

[data]
bundled = "load_{name}"
key = "id"
target = "label"
{data}
[split]
share = 0.4
salt = "{name}"

{steps}
"""
HARNESS = """\
model = "{name}"
candidate = "project:."
training = "training.toml"

[[inputs]]
name = "holdout"
path = "holdout.parquet"
key = "id"
target = "label"

[[inputs]]
name = "search"
generate = {{ rows = 200, seconds = 60, seed = 1 }}
"""
IMPUTED = '[[steps]]\nstep = "sklearn.impute.SimpleImputer"\nstrategy = "median"\nadd_indicator = true\n\n'
SCALED = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'
LOGISTIC = '[[steps]]\nstep = "sklearn.linear_model.LogisticRegression"\nmax_iter = 500\nC = 1.0\n'
FOREST = '[[steps]]\nstep = "sklearn.ensemble.RandomForestClassifier"\nn_estimators = 30\nmax_depth = 12\n'

SETS = {
    "breast_cancer": {"data": "", "steps": SCALED + LOGISTIC, "retrain": ("C = 1.0", "C = 0.7")},
    "wine": {
        "data": 'mask = { columns = ["alcohol", "hue"], share = 0.15, salt = "gaps" }\n',
        "steps": IMPUTED + SCALED + LOGISTIC,
        "retrain": ("C = 1.0", "C = 0.8"),
    },
    "digits": {"data": "", "steps": FOREST, "retrain": ("n_estimators = 30", "n_estimators = 40")},
}


def holdout(name: str) -> pd.DataFrame:
    source = getattr(datasets, f"load_{name}")(as_frame=True)
    names = source.target_names
    labels = [
        str(names[label]) if isinstance(names[0], str) else int(names[label]) for label in source.target
    ]
    table = source.data.assign(label=labels)
    table.insert(0, "id", range(1, len(table) + 1))
    return table[held_out(table["id"], name, 0.4)]


@pytest.mark.parametrize("name", SETS)
def test_a_real_table_goes_the_whole_way(name, tmp_path, git):
    one = SETS[name]
    training = tmp_path / "training.toml"
    training.write_text(
        TRAINING.format(name=name, task="classification", data=one["data"], steps=one["steps"])
    )
    (tmp_path / "harness.toml").write_text(HARNESS.format(name=name))
    (tmp_path / ".gitignore").write_text("dist/\nreports/\n")
    shutil.copy(LOCK, tmp_path / "model.lock")
    holdout(name).to_parquet(tmp_path / "holdout.parquet", index=False)
    git(tmp_path)

    def harness(*arguments: str) -> str:
        done = run_harness(tmp_path, *arguments)
        assert done.code == 0, done.out
        return done.out

    harness("train")
    harness("release", "--first", "--reason", "nothing to compare with")
    text = training.read_text().replace("1.0.0", "1.1.0")
    assert one["retrain"][0] in text
    training.write_text(text.replace(*one["retrain"]))
    git(tmp_path)
    harness("train")
    out = harness("compare")
    assert "MAY BE RELEASED: 1.1.0 (retrain)" in out
    harness("verify")
    harness("release", "--reason", "better regularised")
    releases = json.loads((tmp_path / "baselines" / "catalogue.json").read_text())["releases"]
    assert [release["version"] for release in releases] == ["1.0.0", "1.1.0"]
    assert "REPRODUCED: 1.0.0 is made again to the byte" in harness("reproduce", "1.0.0")
    causes = harness("reproduce", "1.0.0", "--against", "1.1.0")
    assert "configuration alone:" in causes
    assert "data alone" not in causes
