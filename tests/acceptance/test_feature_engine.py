"""The example of docs/training.md: a pipeline of feature-engine's steps and recipes of dates and ratios, trained,
released, trained again, compared with searches too, and released again.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pandas as pd

from harness.training.data import held_out
from harness.versions import wheel as wheels

from .running import run_harness

FIXTURES = Path(__file__).parents[2] / "fixtures"
HARNESS = """\
model = "house-prices"
candidate = "project:."
training = "houses.toml"

[[inputs]]
name = "holdout"
path = "holdout.parquet"
key = "id"
target = "price"

[[inputs]]
name = "search"
generate = { rows = 500, seconds = 120, seed = 1 }
"""


def test_a_pipeline_of_feature_engine_goes_the_whole_way(tmp_path, git):
    for name in ("houses.toml", "houses.lock"):
        shutil.copy(FIXTURES / name, tmp_path / name)
    (tmp_path / "harness.toml").write_text(HARNESS)
    (tmp_path / ".gitignore").write_text("dist/\nreports/\n")
    training = tmp_path / "houses.toml"

    def harness(*arguments: str) -> str:
        done = run_harness(tmp_path, *arguments)
        assert done.code == 0, done.out
        return done.out

    harness("data", "synth", "houses.csv", "--rows", "3000")
    table = pd.read_csv(tmp_path / "houses.csv", parse_dates=["listed"])
    table[held_out(table["id"], "houses", 0.3)].to_parquet(tmp_path / "holdout.parquet", index=False)
    git(tmp_path)
    out = harness("train")
    assert "not needed: area_copy" in out
    assert "not needed: country" in out
    (path,) = (tmp_path / "dist").glob("*.whl")
    manifest, _ = wheels.read(path)
    assert manifest.libraries["feature-engine"]
    assert {field.name: field.kind for field in manifest.inputs}["listed"] == "datetime"
    with zipfile.ZipFile(path) as archive:
        needed = archive.read("house_prices-1.0.0.dist-info/METADATA").decode()
    assert f"Requires-Dist: feature-engine=={manifest.libraries['feature-engine']}" in needed
    harness("release", "--first", "--reason", "nothing to compare with")
    text = training.read_text().replace("1.0.0", "1.1.0")
    assert "alpha = 1.0\n" in text
    training.write_text(text.replace("alpha = 1.0\n", "alpha = 3.0\n"))
    git(tmp_path)
    harness("train")
    assert "MAY BE RELEASED: 1.1.0 (retrain)" in harness("compare")
    harness("verify")
    harness("release", "--reason", "a little smoother")
    assert "REPRODUCED: 1.0.0 is made again to the byte" in harness("reproduce", "1.0.0")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    keys = [
        "--set",
        "column=area",
        "--set",
        "factor=10.76",
        "--set",
        "when=district",
        "--set",
        "equals=north",
    ]
    planted = harness("data", "plant", "unit-error", str(wheel), *keys)
    assert "area is multiplied by 10.76 where district is north" in planted
    (spoilt,) = (tmp_path / "planted").glob("*.whl")
    done = run_harness(tmp_path, "compare", "--candidate", f"wheel:{spoilt}", "--change", "retrain")
    assert done.code == 1, done.out
    assert "DO NOT RELEASE" in done.out


def test_a_lock_without_feature_engine_is_named(tmp_path, git):
    """A package whose model cannot be opened by the libraries of its own lock may not be made."""
    shutil.copy(FIXTURES / "houses.toml", tmp_path / "houses.toml")
    shutil.copy(FIXTURES / "diabetes.lock", tmp_path / "houses.lock")
    (tmp_path / "harness.toml").write_text(HARNESS)
    assert run_harness(tmp_path, "data", "synth", "houses.csv", "--rows", "500").code == 0
    git(tmp_path)
    done = run_harness(tmp_path, "train")
    assert done.code != 0
    assert "cannot import feature_engine" in done.out
    assert "add the library to the lock file" in done.out
    assert not list(tmp_path.glob("dist/*.whl"))
