"""Models of MLflow: folders, and a real registry with a database behind it, asked over loopback."""

from __future__ import annotations

import contextlib
import json
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
from harness.predictors.sources.mlflow import _needs
from harness.settings import Settings
from harness.tables import Batch, Column

from ..acceptance.running import run_harness
from .made import commit, pins, resolve, run_in

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
    LogisticRegression(C=2.0).fit(frame, ["no", "no", "yes", "yes"]), "stronger", signature=False,
)
mlflow.sklearn.save_model(
    DecisionTreeRegressor().fit(frame, [1.0, 1.0, 5.0, 5.0]), "pickled",
    serialization_format="pickle", pip_requirements=["mlflow-skinny", "pandas", "scikit-learn"], signature=False,
)
"""
CONFIGURATION = """
model = "spam"
previous = "mlflow:models:/spam@champion"
candidate = "mlflow:models:/spam/3"
[[inputs]]
name = "rows"
path = "rows.csv"
"""
REGISTER = """
import mlflow
from mlflow import MlflowClient

client = MlflowClient()
client.create_registered_model("spam")
for path, aliases in (("pickled", []), ("classifier", ["champion"]), ("stronger", [])):
    with mlflow.start_run() as run:
        mlflow.log_artifacts(path, "model")
    made = client.create_model_version("spam", f"{run.info.artifact_uri}/model", run.info.run_id)
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


class TestRegistry:
    @pytest.fixture(autouse=True)
    def _named(self, registry, settings, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)

    def test_an_alias_is_a_baseline_without_a_profile_and_without_a_store(self, settings):
        (settings.root / "harness.toml").write_text(CONFIGURATION)
        (settings.root / "rows.csv").write_text("x\n" + "".join(f"{row}.5\n" for row in range(20)))
        commit(settings.root)
        check = run_harness(settings.root, "check")
        assert check.code == 0, check.out
        assert "models:/spam@champion is version 2, sha256" in check.out
        assert "is       a model of MLflow, " in check.out
        assert "asked    what the file holds, given a frame" in check.out
        done = run_harness(settings.root, "compare", "--to=previous")
        assert done.code == 0, done.out
        assert "20 of 20 planned cases compared" in done.out
        report = json.loads((settings.root / "reports" / "report.json").read_text())
        assert "models:/spam@champion is version 2" in json.dumps(report, ensure_ascii=False)
        assert done.verdict["candidate"]["digest"] != done.verdict["baseline"]["digest"]

    def test_what_was_registered_is_what_was_saved(self, settings):
        version = versions.resolve("mlflow:models:/spam/1", settings, "baseline")
        assert version.sha256 == tree_digest(settings.root / "pickled")

    @pytest.mark.parametrize(
        ("name", "guess"),
        [
            ("models:/spam@champoin", 'did you mean "models:/spam@champion"?'),
            ("models:/spem@champion", "models:/spam"),
        ],
    )
    def test_what_the_registry_does_not_know(self, settings, name, guess):
        with pytest.raises(HarnessError, match=f"E48 the registry knows no {name}") as caught:
            versions.resolve(f"mlflow:{name}", settings, "baseline")
        assert guess in caught.value.hint
        assert caught.value.exit == Exit.USAGE


def test_a_registry_that_does_not_answer(settings, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:sesame@127.0.0.1:{port}")
    with pytest.raises(HarnessError, match="E47 the registry does not answer") as caught:
        versions.resolve("mlflow:models:/spam@champion", settings, "baseline")
    assert caught.value.exit == Exit.STORE
    assert "sesame" not in str(caught.value)


def test_a_registry_that_is_not_named(settings):
    with pytest.raises(HarnessError, match="E47 no MLflow registry is named") as caught:
        versions.resolve("mlflow:models:/spam@champion", settings, "baseline")
    assert "MLFLOW_TRACKING_URI" in caught.value.hint


def test_a_database_needs_the_whole_of_mlflow(settings, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{settings.root}/mlflow.db")
    with pytest.raises(HarnessError, match="E47") as caught:
        versions.resolve("mlflow:models:/spam@champion", settings, "baseline")
    assert "the whole of MLflow: pip install mlflow" in caught.value.hint


def test_without_mlflow_it_is_told_how_to_get_it(settings, monkeypatch, tmp_path):
    python = environments.python_for("")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(HarnessError, match="E47 to ask a registry, mlflow has to be installed") as caught:
        versions.resolve("mlflow:models:/spam@champion", settings, "baseline")
    assert "pytest-model-harness[mlflow]" in caught.value.hint


class TestFolders:
    def test_nobody_allowed_it(self, settings):
        with pytest.raises(HarnessError, match="E54 refused: a pickle runs code") as caught:
            versions.resolve("mlflow:pickled", settings, "baseline")
        assert tree_digest(settings.root / "pickled") in caught.value.hint
        allowed = (tree_digest(settings.root / "pickled"),)
        version = resolve(settings, "mlflow:pickled", entry="", allow_pickle=allowed)
        (settings.root / "pickled" / "requirements.txt").write_text("six")
        with pytest.raises(HarnessError, match="E46 digest mismatch"):
            two(version)

    def test_a_link_that_leads_out(self, settings):
        (settings.root / "pickled" / "more").symlink_to("/etc/hostname")
        with pytest.raises(HarnessError, match="E54 refused: more leads out of the model's folder"):
            versions.resolve("mlflow:pickled", settings, "baseline")

    def test_no_model(self, settings):
        with pytest.raises(HarnessError, match="no folder with MLmodel in it"):
            versions.resolve("mlflow:elsewhere", settings, "baseline")
        (settings.root / "pickled" / "MLmodel").write_text("flavors: {sklearn: {}}")
        with pytest.raises(HarnessError, match="has no flavour python_function"):
            versions.resolve("mlflow:pickled", settings, "baseline")
        (settings.root / "pickled" / "MLmodel").write_text("flavors: {sklearn: [")
        with pytest.raises(HarnessError, match="MLmodel cannot be read"):
            versions.resolve("mlflow:pickled", settings, "baseline")


class TestNeeds:
    """What MLflow has written at different times: `_needs` reads it, `lock` is what it ends in."""

    def needs(self, folder, flavour, **files):
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
        return _needs(folder, flavour)

    def test_of_today(self, tmp_path):
        flavour = {"env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}, "python_version": "3.8.1"}
        found = self.needs(
            tmp_path, flavour,
            python_env__yaml="python: 3.9.18\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt, a==2]\n",
            requirements__txt="# made by MLflow\nmlflow==2.1\n\nsix==1.16.0",
        )  # fmt: skip
        assert found == (("mlflow==2.1", "six==1.16.0", "a==2"), "3.9")

    def test_of_a_text_and_conda_alone(self, tmp_path):
        found = self.needs(
            tmp_path, {"env": "conda.yaml", "python_version": "3.6.1"},
            conda__yaml="dependencies:\n- python=3.7.3\n- scikit-learn=0.20.1=py37_0\n- pip\n- pip:\n  - mlflow==1.2\n",
        )  # fmt: skip
        assert found == (("scikit-learn==0.20.1", "mlflow==1.2"), "3.7")

    def test_a_file_that_is_named_and_not_there(self, tmp_path):
        with pytest.raises(HarnessError, match=r"MLmodel names \.\./conda\.yaml, which is not in its folder"):
            self.needs(tmp_path, {"env": "../conda.yaml"})

    def test_the_python_that_it_states_is_the_one_that_is_asked_for(self, settings):
        path = settings.root / "pickled" / "python_env.yaml"
        path.write_text(path.read_text().replace("python: 3.11", "python: 3.4"))
        allowed = (tree_digest(settings.root / "pickled"),)
        with pytest.raises(HarnessError, match=r"E08 Python 3\.4 is too old"):
            resolve(settings, "mlflow:pickled", entry="", allow_pickle=allowed)
        ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
        named = resolve(settings, "mlflow:pickled", entry="", allow_pickle=allowed, python=ours)
        assert named.profile.python == ours
