"""The version package: the same bytes for the same model, verifiable, installable, and answering as fitted."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness import __version__
from harness.errors import Exit
from harness.training.__main__ import main
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.versions.manifest import Manifest

LOGISTIC = 'step = "sklearn.linear_model.LogisticRegression"'


@pytest.fixture
def train(project, tmp_path, capsys):
    """`train(**changes)` trains in this process; returns the last line that was printed, parsed."""

    def run(*options, **changes):
        out = tmp_path / "dist"
        code = main([str(project(**changes)), "--out", str(out), "--commit", "abc", *options])
        result = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert ("error" in result) == (code != 0)
        return result

    return run


def manifest_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return Manifest.parse(archive.read("house_prices/manifest.json"))


def test_training_twice_gives_the_same_bytes(train):
    one, two = train(), train()
    assert one["sha256"] == two["sha256"]
    content = Path(one["wheel"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == one["sha256"]


@pytest.mark.parametrize("last", ["ensemble.RandomForestRegressor", "ensemble.HistGradientBoostingRegressor"])
def test_seeded_models_are_the_same_bytes_too(train, last):
    assert (
        train(last=f'step = "sklearn.{last}"')["sha256"] == train(last=f'step = "sklearn.{last}"')["sha256"]
    )


def test_another_version_number_is_the_same_artifact(train):
    one = manifest_of(train()["wheel"])
    two = manifest_of(train(replace={'"1.2.0"': '"1.3.0"'})["wheel"])
    other = manifest_of(train(replace={"alpha = 10": "alpha = 11"})["wheel"])
    assert (one.version, two.version) == ("1.2.0", "1.3.0")
    assert one.artifact == two.artifact != other.artifact
    assert one.configuration == two.configuration != other.configuration


def test_the_manifest_tells_what_the_version_is_made_from(train, tmp_path):
    result = train("--dirty")
    manifest = manifest_of(result["wheel"])
    assert manifest.name == "house-prices"
    assert manifest.entry == "house_prices.predict:predict"
    assert manifest.code == {"commit": "abc", "dirty": True, "harness": __version__}
    assert manifest.seeds == {"training": 7}
    assert manifest.metrics == result["metrics"]
    assert manifest.training_noise == 0.0
    assert manifest.inputs.names == ("size", "rooms")
    assert manifest.outputs.names == ("prediction",)
    assert manifest.data["sha256"] == hashlib.sha256((tmp_path / "houses.csv").read_bytes()).hexdigest()
    assert manifest.data["path"] == "houses.csv"
    assert manifest.data["rows"] == manifest.data["trained"] + manifest.data["held_out"] == 120
    assert set(manifest.libraries) == {"numpy", "scipy", "scikit-learn", "joblib", "pandas"}
    with zipfile.ZipFile(result["wheel"]) as archive:
        inside = {n for n in archive.namelist() if n.startswith("house_prices/")}
        assert set(manifest.files) == inside - {"house_prices/manifest.json"}
        for name, sha256 in manifest.files.items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == sha256
        lock = archive.read(manifest.lock["file"])
    assert lock == (tmp_path / "house.lock").read_bytes()
    assert hashlib.sha256(lock).hexdigest() == manifest.lock["sha256"]


def test_record_has_every_file_with_its_digest_and_size(train):
    with zipfile.ZipFile(train()["wheel"]) as archive:
        assert archive.testzip() is None
        assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        record = "house_prices-1.2.0.dist-info/RECORD"
        lines = [line.rsplit(",", 2) for line in archive.read(record).decode().splitlines()]
        assert {name for name, _, _ in lines} == set(archive.namelist())
        assert [record, "", ""] in lines
        for name, digest, size in lines:
            if name != record:
                content = archive.read(name)
                code = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                assert (digest, size) == (f"sha256={code}", str(len(content)))


def installed(wheel, folder):
    """The wheel, installed by uv."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*command, "--python", sys.executable, "--target", str(folder), wheel], check=True)
    return folder


ASK = """\
import sys; sys.path.insert(0, sys.argv[1])
import pandas as pd
from house_prices.predict import predict
frame = pd.read_json(sys.argv[2], orient="split")
answers = predict(frame.assign(unknown="x"))
assert "harness" not in sys.modules
assert answers.index.equals(frame.index)
answers.to_json(sys.argv[3], orient="split", double_precision=15)
"""


def asked(wheel, tmp_path, frame):
    """The answers of the installed wheel, in a process of its own that cannot import the harness."""
    folder = installed(wheel, tmp_path / "installed")
    frame.to_json(tmp_path / "cases.json", orient="split", double_precision=15)
    subprocess.run(
        [sys.executable, "-I", "-c", ASK, folder, tmp_path / "cases.json", tmp_path / "answers.json"],
        check=True,
        cwd=tmp_path,
    )
    return pd.read_json(tmp_path / "answers.json", orient="split")


def test_the_installed_wheel_answers_as_the_fitted_model(train, project, tmp_path):
    wheel = train()["wheel"]
    config = read_config(project())
    data = read_data(config)
    unseen = data.frame[data.held_out]
    frame = unseen[["rooms", "size"]].assign(rooms=unseen["rooms"].astype(int)).set_index(unseen.index[::-1])
    answers = asked(wheel, tmp_path, frame)
    assert list(answers.columns) == ["prediction"]
    np.testing.assert_allclose(answers["prediction"], fit(config, data).model.predict(unseen), rtol=1e-12)


def test_the_installed_classifier_answers_labels_and_probabilities(train, tmp_path):
    table = pd.DataFrame({"id": range(80), "size": np.arange(80) % 40})
    table["price"] = np.where(table["size"] > 20, "high", "low")
    result = train(table=table, task="classification", last=LOGISTIC)
    answers = asked(result["wheel"], tmp_path, table[["size"]])
    assert tuple(answers.columns) == manifest_of(result["wheel"]).outputs.names
    assert tuple(answers.columns) == ("prediction", "probability_high", "probability_low")
    assert (answers["prediction"] == table["price"]).mean() > 0.9
    np.testing.assert_allclose(answers["probability_high"] + answers["probability_low"], 1)


def test_a_missing_column_is_named(train, tmp_path):
    installed(train()["wheel"], tmp_path / "installed")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ASK.split("frame =")[0] + "predict(pd.DataFrame({'size': [1.0]}))",
         tmp_path / "installed"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ValueError: missing columns: rooms" in done.stderr


def test_older_candidates_are_removed_and_named(train, tmp_path):
    train()
    other = tmp_path / "dist" / "house_prices_extra-1.0-py3-none-any.whl"
    other.write_bytes(b"not ours")
    result = train(replace={'"1.2.0"': '"1.3.0"'})
    assert result["removed"] == ["house_prices-1.2.0-py3-none-any.whl"]
    assert sorted(p.name for p in (tmp_path / "dist").iterdir()) == [
        "house_prices-1.3.0-py3-none-any.whl",
        other.name,
    ]


def test_errors_are_one_line_of_json_and_leave_the_old_wheel(train, tmp_path):
    train()
    result = train(replace={'key = "id"': 'key = "idd"'})
    assert result["error"]["message"].startswith('no column "idd"')
    assert result["error"]["hint"] == 'did you mean "id"?'
    assert result["error"]["exit"] == Exit.USAGE
    assert [p.name for p in (tmp_path / "dist").iterdir()] == ["house_prices-1.2.0-py3-none-any.whl"]


def test_an_environment_that_is_not_the_lock_is_refused(project, tmp_path, capsys):
    path = project()
    lock = tmp_path / "house.lock"
    lock.write_text(lock.read_text().replace("pandas==", "pandas==1."))
    assert main([str(path), "--out", str(tmp_path / "dist")]) == Exit.INCONCLUSIVE
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "E08"
    assert "environment mismatch: pandas" in error["message"]
    assert not (tmp_path / "dist").exists()


def test_a_missing_lock_is_named(project, tmp_path, capsys):
    path = project(replace={"house.lock": "none.lock"})
    assert main([str(path), "--out", str(tmp_path / "dist")]) == Exit.USAGE
    assert "cannot read the lock file" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_the_command_prints_steps_that_talk_to_stderr(project, tmp_path):
    """In a process of its own, as the harness calls it."""
    path = project(last='step = "sklearn.ensemble.GradientBoostingRegressor"\nverbose = 1\nn_estimators = 3')
    done = subprocess.run(
        [sys.executable, "-s", "-m", "harness.training", str(path), "--out", str(tmp_path / "dist"), "--commit", ""],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])},
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1
    assert "Train Loss" in done.stderr
    assert "rows held out" in done.stderr
    assert json.loads(done.stdout)["version"] == "1.2.0"
