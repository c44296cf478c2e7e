"""Parquet larger than the stated memory limit, by the command: refused before it is read, or trained on a sample."""

from __future__ import annotations

import zipfile
from importlib import metadata

from harness.predictors.environments import run_uv
from harness.versions import wheel as wheels

from .running import run_harness

TRAINING = """\
model = "houses"
package = "houses"
version = "1.0.0"
task = "regression"
seed = 1
lock = "houses.lock"

[data]
path = "houses.parquet"
key = "id"
target = "price"
features = ["area", "rooms", "distance", "district"]
memory_limit = "3 MiB"

[split]
share = 0.3
salt = "houses"

[[steps]]
step = "sklearn.preprocessing.OrdinalEncoder"
columns = ["district"]
handle_unknown = "use_encoded_value"
unknown_value = -1

[[steps]]
step = "sklearn.ensemble.HistGradientBoostingRegressor"
max_iter = 5
"""


def lock(folder) -> str:
    """Of what Parquet is trained with."""
    names = ("numpy", "scipy", "scikit-learn", "joblib", "pandas", "pyarrow")
    (folder / "houses.in").write_text("".join(f"{name}=={metadata.version(name)}\n" for name in names))
    options = ("--quiet", "--generate-hashes", "--no-header", "--no-annotate")
    return run_uv("pip", "compile", *options, str(folder / "houses.in"))


def test_a_table_beyond_the_limit_is_refused_or_sampled_as_the_configuration_says(tmp_path, git):
    (tmp_path / "harness.toml").write_text('model = "houses"\ntraining = "houses.toml"\n')
    (tmp_path / "houses.toml").write_text(TRAINING)
    (tmp_path / "houses.lock").write_text(lock(tmp_path))
    assert run_harness(tmp_path, "data", "synth", "houses.parquet", "--rows", "30000").code == 0
    git(tmp_path)

    refused = run_harness(tmp_path, "train")
    assert refused.code == 10, refused.out
    assert "E75 training would take about" in refused.out
    assert "the table has 30,000 rows of 6 columns" in refused.out
    assert "memory_limit is 3 MiB" in refused.out
    assert f"where: {tmp_path / 'houses.parquet'}" in refused.out
    assert 'or say beyond = "sample" there' in refused.out
    assert not list(tmp_path.glob("dist/*.whl"))

    text = TRAINING.replace('"3 MiB"', '"3 MiB"\nbeyond = "sample"')
    (tmp_path / "houses.toml").write_text(text)
    wheel_of = []
    for out in ("one", "two"):
        done = run_harness(tmp_path, "train", "--out", out)
        assert done.code == 0, done.out
        assert "of 30000, sampled to stay within memory_limit" in done.out
        wheel_of.append(next(tmp_path.glob(f"{out}/*.whl")))
    assert wheel_of[0].read_bytes() == wheel_of[1].read_bytes()
    manifest, _ = wheels.read(wheel_of[0])
    sampled = manifest.data["sampled"]
    assert sampled["of"] == 30_000
    assert 0.9 < manifest.data["rows"] / (30_000 * sampled["share"]) < 1.1
    with zipfile.ZipFile(wheel_of[0]) as archive:
        card = archive.read("houses-1.0.0.dist-info/model_card.md").decode()
    assert f"| sample | {sampled['share']:.1%} of 30,000 rows, chosen by a hash of the key" in card
