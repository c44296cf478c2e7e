"""The whole chain on real data: trained, released, retrained, compared, verified, released again, made again."""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from sklearn import datasets

from harness.training.data import held_out

from .running import environment, plugin, run_harness

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "fixtures" / "diabetes.lock"

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

CAPPED = (
    '[[steps]]\nstep = "shipped.CorrelationFilter"\nthreshold = 0.99\n\n'
    '[[steps]]\nstep = "shipped.OutlierCapper"\nfold = 3.0\n\n'
)
"""Steps of our own, whose code travels in the package and runs in its locked environment."""

SETS = {
    "breast_cancer": {"data": "", "steps": CAPPED + SCALED + LOGISTIC, "retrain": ("C = 1.0", "C = 0.7")},
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
    told = json.loads(harness("score", "--json"))
    points = {test["name"]: test["points"] for one in told["sections"] for test in one["tests"]}
    # what the whole way leaves behind, whatever the table; made again by hand is another version than the candidate
    assert points["infrastructure-3"] == points["infrastructure-4"] == points["monitoring-5"] == 1
    assert points["data-1"] == points["monitoring-1"] == 0.5
    assert points["infrastructure-1"] == points["model-3"] == points["data-7"] == 0
    log = (tmp_path / "dist" / f"{name}_model-1.1.0.log").read_text()
    assert "INFO input: lock: model.lock, sha256 " in log
    assert "INFO fitted: accuracy" in log
    assert not (tmp_path / "dist" / f"{name}_model-1.0.0.log").exists()


def test_the_chain_of_tox_releases_on_a_copy_and_writes_nothing_here(tmp_path):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    chain = tox["testenv:chain"]
    known = {
        "{tox_root}": str(ROOT),
        "{env_tmp_dir}": str(tmp_path),
        "{/}": os.sep,
        "{posargs}": "-q tests/shipped",
    }
    programs = {
        "python": [sys.executable],
        "harness": [sys.executable, "-m", "harness.cli"],
        "pytest": [sys.executable, "-m", "pytest", *plugin(), "-p", "no:randomly", "-p", "no:cacheprovider"],
    }

    def filled(text: str) -> str:
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    before = digests(ROOT / "baselines")
    folder = Path(filled(chain["change_dir"]))
    folder.mkdir()
    lines = [*chain["commands_pre"].splitlines(), *chain["commands"].splitlines()]
    said = ""
    for line in filter(None, lines):
        program, *arguments = shlex.split(filled(line))
        done = subprocess.run(
            [*programs[program], *arguments],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said += f"$ {line}\n{done.stdout}"
        assert done.returncode == 0, said
    releases = json.loads((folder / "baselines" / "catalogue.json").read_text())["releases"]
    trained = tomllib.loads((ROOT / "fixtures" / "diabetes.toml").read_text())["version"]
    assert releases[-1]["version"] == trained
    assert "MAY BE RELEASED" in said
    assert digests(ROOT / "baselines") == before


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
