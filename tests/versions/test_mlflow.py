"""Models of MLflow: folders, and a real registry with a database behind it, asked over loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from harness import versions
from harness.errors import Exit, HarnessError
from harness.predictors import environments, open_predictor
from harness.predictors.model_files import tree_digest
from harness.predictors.sources.locking import lock
from harness.settings import Settings
from harness.tables import Batch, Column

from .made import pins, resolve, run_in

SAVE = """
import sys
import mlflow
import pandas
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor

frame = pandas.DataFrame({"x": [0.0, 1.0, 3.0, 4.0]})
mlflow.sklearn.save_model(
    LogisticRegression().fit(frame, ["no", "no", "yes", "yes"]), "classifier", signature=False,
)
mlflow.sklearn.save_model(
    DecisionTreeRegressor().fit(frame, [1.0, 1.0, 5.0, 5.0]), "pickled",
    serialization_format="pickle", pip_requirements=["mlflow-skinny", "pandas", "scikit-learn"], signature=False,
)
"""
REGISTER = """
import mlflow
from mlflow import MlflowClient

client = MlflowClient()
client.create_registered_model("spam")
for path, aliases in (("pickled", []), ("classifier", ["champion"])):
    with mlflow.start_run() as run:
        mlflow.log_artifacts(path, "model")
    source = mlflow.get_artifact_uri.__module__ and f"{run.info.artifact_uri}/model"
    made = client.create_model_version("spam", source, run.info.run_id)
    for alias in aliases:
        client.set_registered_model_alias("spam", alias, made.version)
"""


@pytest.fixture(scope="module")
def needs(zoo):
    return (*pins(zoo.science_lock), "mlflow==3.17.2")


@pytest.fixture(scope="module")
def saved(needs, tmp_path_factory):
    """A folder with two saved models."""
    folder = tmp_path_factory.mktemp("saved")
    run_in(needs, SAVE, folder)
    return folder


@pytest.fixture(scope="module")
def registry(needs, saved, tmp_path_factory):
    """The address of a registry that holds both, under one name."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    python = environments.python_for(lock(needs, ""))
    command = [
        str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files"),
    ]  # fmt: skip
    quiet = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "HOME": str(folder),
    }
    log = (folder / "log").open("wb")
    server = subprocess.Popen(command, cwd=folder, env=quiet, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert server.poll() is None, (folder / "log").read_text()
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{address}/health", timeout=5) as reply,
            ):
                if reply.status == 200:
                    break
            time.sleep(0.2)
        run_in(needs, REGISTER, saved, MLFLOW_TRACKING_URI=address)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        log.close()


@pytest.fixture
def settings(tmp_path, saved, monkeypatch):
    for name in ("classifier", "pickled"):
        shutil.copytree(saved / name, tmp_path / name)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Settings(path=tmp_path / "harness.toml", root=tmp_path, model="spam")


def two(version):
    """The columns that a version answers for x = 0 and x = 4."""
    predictor = open_predictor(version, "baseline")
    try:
        batch = Batch("t", 0, 0, ("a", "b"), {"x": Column("float", np.array([0.0, 4.0]))})
        outcome = predictor.predict(batch)
        assert not outcome.faults
        return {name: list(column.values) for name, column in outcome.columns.items()}
    finally:
        predictor.close()


def test_a_folder_states_what_it_needs(settings):
    allowed = (tree_digest(settings.root / "classifier"),)
    version = resolve(settings, "mlflow:classifier", entry="", pass_as="", allow_pickle=allowed)
    assert "mlflow==3.17.2" in version.lock
    assert "scikit-learn==1.9.1" in version.lock
    assert two(version) == {"prediction": ["no", "yes"]}


def test_another_method_is_one_of_the_model_that_mlflow_wraps(settings):
    allowed = (tree_digest(settings.root / "classifier"),)
    wishes = {"entry": "", "pass_as": "", "allow_pickle": allowed}
    version = resolve(settings, "mlflow:classifier", method="predict_proba", **wishes)
    assert version.digest != resolve(settings, "mlflow:classifier", **wishes).digest
    assert sorted(two(version)) == ["probability_no", "probability_yes"]
