"""`harness init`, typed as a team types it: real model files, a real FastAPI service, git, the command as a process."""

from __future__ import annotations

import json
import operator
import pickle
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from harness.cli import main
from harness.predictors.environments import python_for
from harness.predictors.sources.locking import lock

from .running import run_harness, run_pytest

SERVICE = """
from typing import Annotated, Literal

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()
model = joblib.load("models/price.joblib")


class House(BaseModel):
    area: float = Field(ge=20, le=400)
    rooms: Annotated[int, Field(ge=1, le=9)]
    district: Literal["north", "south"]


class Request(BaseModel):
    instances: list[House]


@app.get("/health")
def health() -> dict[str, bool]:
    return {"ok": True}


@app.post("/v1/predict")
def predict(request: Request) -> dict[str, list[float]]:
    frame = pd.DataFrame([one.model_dump() for one in request.instances])
    return {"predictions": model.predict(frame).tolist()}
"""
REQUIREMENTS = f"""# what runs in production
scikit-learn=={metadata.version("scikit-learn")}
pandas=={metadata.version("pandas")}
joblib
fastapi
uvicorn
"""


def houses(rows: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "area": draw.uniform(20, 400, rows).round(1),
            "rooms": draw.integers(1, 9, rows),
            "district": draw.choice(["north", "south"], rows),
        }
    )
    frame["price"] = (
        2500 * frame["area"] + 9000 * frame["rooms"] + 60000 * (frame["district"] == "north")
        + draw.normal(0, 20000, rows)
    ).round(2)  # fmt: skip
    return frame


def train(path: Path, alpha: float, seed: int = 1) -> None:
    data = houses(400, seed)
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["area", "rooms"]), ("words", OneHotEncoder(), ["district"])]
    )
    model = Pipeline([("columns", columns), ("ridge", Ridge(alpha=alpha))])
    path.parent.mkdir(exist_ok=True)
    joblib.dump(model.fit(data.drop(columns="price"), data["price"]), path)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", "reports", "__pycache__"} & set(path.parts)
    }


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *words],
        cwd=folder, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def commit(folder: Path) -> None:
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main", ".")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it stands")


@pytest.fixture
def team(tmp_path):
    """One scikit-learn model behind FastAPI, in git."""
    folder = tmp_path / "house prices"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "__init__.py").touch()
    (folder / "app" / "main.py").write_text(SERVICE)
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    train(folder / "models" / "price.joblib", 1.0)
    commit(folder)
    return folder


def test_a_team_with_one_model_behind_fastapi_gets_its_first_verdict_and_every_later_one(team):
    before = files(team)
    refused = run_harness(team, "init")
    assert (refused.code, files(team)) == (12, before)
    assert "E54 refused: models/price.joblib is a pickle" in refused.out
    assert "next: if you know who made it: harness init --allow-pickle" in refused.out

    dry = run_harness(team, "init", "--allow-pickle", "--dry-run")
    assert (dry.code, files(team)) == (0, before)
    assert not (team / "reports").exists()
    assert "harness.toml:" in dry.lines

    first = run_harness(team, "init", "--allow-pickle")
    assert first.code == 0, first.out
    for line in (
        "  model file    models/price.joblib (sklearn.Pipeline, 3 inputs)",
        "  service       app.main:app, POST /v1/predict, 3 fields",
        "  requirements  requirements.txt (5)",
        "  cases         300 cases made from what is stated of the inputs",
        "  baseline      file:models/price.joblib@merge-base(main): where a branch left main",
        "  harness.toml  written",
        "UNCHANGED: nothing to release: now is before, bit for bit",
    ):
        assert line in first.lines, first.out
    verdict = json.loads((team / "reports" / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["compared"]) == ("PASS", 300)
    cases = pd.read_csv(team / "fixtures" / "cases.csv")
    assert cases["area"].between(20, 400).all()
    assert set(cases["rooms"]) <= set(range(1, 10))
    assert set(cases["district"]) == {"north", "south"}
    assert set(files(team)) - set(before) == {
        "harness.toml", "fixtures/cases.csv", ".gitignore", ".github/workflows/model-gate.yml"
    }  # fmt: skip
    assert {name: files(team)[name] for name in before} == before

    # what it says is to be done next
    written = files(team)
    again = run_harness(team, "init")
    assert (again.code, files(team)) == (0, written)
    assert "harness.toml configures the harness already" in again.out
    commit(team)
    compared = run_pytest(team, "--compare-to=previous", "-m", "differential")
    assert compared.code == 0, compared.out
    verified = run_harness(team, "verify")
    assert verified.code == 0, verified.out

    # another model: nobody has allowed it yet, then it is judged
    train(team / "models" / "price.joblib", 50.0)
    unknown = run_harness(team, "compare")
    assert unknown.code == 12
    assert "E54 refused" in unknown.out
    judged = run_harness(team, "init", "--allow-pickle")
    assert judged.code == 1, judged.out
    assert "allow_pickle has models/price.joblib" in judged.out
    assert any(line.startswith("DO NOT RELEASE: 300 of 300 rows violate values") for line in judged.lines)

    # merged, it is what the next branch is compared with
    commit(team)
    git(team, "switch", "-q", "-c", "next")
    (team / "README.md").write_text("prices\n")
    commit(team)
    merged = run_harness(team, "compare")
    assert merged.code == 0, merged.out


def test_the_service_that_runs_the_model_agrees_with_its_file(team):
    """The profile that `harness init` writes for the service is asked as it stands, but for the port."""
    made = run_harness(team, "init", "--allow-pickle", "--no-run")
    assert made.code == 0, made.out
    assert "  once the service runs (uvicorn app.main:app): harness parity now service" in made.lines
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configured = (team / "harness.toml").read_text()
    (team / "harness.toml").write_text(configured.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    lines = tuple(line for line in REQUIREMENTS.splitlines() if not line.startswith("#"))
    service = subprocess.Popen(
        [python_for(lock(lines, "")), "-m", "uvicorn", "app.main:app", "--port", str(port)],
        cwd=team, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert service.poll() is None
                time.sleep(0.1)
        agreed = run_harness(team, "parity", "now", "service")
    finally:
        service.terminate()
        service.wait()
    assert agreed.code == 0, agreed.out


def test_a_table_with_labels_is_taken_and_a_retrained_model_is_judged_by_its_error(team):
    (team / "data").mkdir()
    houses(900, 7).to_csv(team / "data" / "holdout.csv", index=False)
    (team / "data" / "other.csv").write_text("a,b\n1,2\n")
    git(team, "tag", "v1")
    commit(team)
    first = run_harness(team, "init", "--allow-pickle", "--no-run")
    assert first.code == 0, first.out
    assert "  cases         300 of the 900 rows of data/holdout.csv, evenly spread" in first.lines
    assert any(line.strip().startswith("price in data/holdout.csv is the label") for line in first.lines)
    assert any("@last-tag" in line for line in first.lines)
    cases = pd.read_csv(team / "fixtures" / "cases.csv")
    held = pd.read_csv(team / "data" / "holdout.csv")
    pd.testing.assert_frame_equal(
        cases.drop(columns="case"), held.iloc[cases["case"]].reset_index(drop=True), check_exact=True
    )
    train(team / "models" / "price.joblib", 1.0, seed=2)
    assert run_harness(team, "init", "--allow-pickle", "--no-run").code == 0
    judged = run_harness(team, "compare", "--change=retrain")
    assert judged.code == 0, judged.out
    assert any(line.startswith("MAY BE RELEASED") and "MAE" in line for line in judged.lines), judged.out


def test_without_git_the_model_of_today_is_kept_as_the_baseline(team):
    subprocess.run(["rm", "-r", str(team / ".git")], check=True)
    first = run_harness(team, "init", "--allow-pickle", "--no-run")
    assert first.code == 0, first.out
    assert "  fixtures/baseline/price.joblib  written" in first.lines
    assert any("no workflow is written" in line for line in first.lines)
    assert not (team / ".github").exists()
    train(team / "models" / "price.joblib", 50.0)
    judged = run_harness(team, "init", "--allow-pickle")
    assert judged.code == 1, judged.out


def test_what_is_there_is_left_alone_until_it_is_told_otherwise(team):
    (team / "fixtures").mkdir()
    (team / "fixtures" / "cases.csv").write_text("case,area,rooms,district\n1,50,2,north\n2,80,3,south\n")
    project = '# ours\n[project]\nname = "prices"\nversion = "1"\n\n[tool.other]\nkept = true  # really\n'
    (team / "pyproject.toml").write_text(project)
    commit(team)
    first = run_harness(team, "init", "--allow-pickle", "--no-run")
    assert first.code == 0, first.out
    assert "  fixtures/cases.csv  left alone, another one is there: --replace writes over it" in first.lines
    assert (team / "fixtures" / "cases.csv").read_text().count("\n") == 3
    assert (team / "pyproject.toml").read_text().startswith(project)
    added = tomllib.loads((team / "pyproject.toml").read_text())["tool"]
    assert (added["harness"]["model"], added["other"]) == ("prices", {"kept": True})

    replaced = run_harness(team, "init", "--allow-pickle", "--replace", "--no-run")
    assert replaced.code == 0, replaced.out
    assert (team / "fixtures" / "cases.csv").read_text().count("\n") == 301
    text = (team / "pyproject.toml").read_text()
    assert text.startswith(project.rstrip())
    assert tomllib.loads(text)["tool"]["harness"] == added["harness"]


def test_a_model_that_knows_its_inputs_by_place_is_given_an_array(tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    draw = np.random.default_rng(1)
    model = LinearRegression().fit(draw.normal(size=(50, 2)), draw.normal(size=50))
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    (folder / "service.py").write_text(
        "from fastapi import FastAPI\nfrom pydantic import BaseModel\napp = FastAPI()\n"
        "class Point(BaseModel):\n    left: float\n    right: float = 3.0\n"
        '@app.post("/score")\nasync def score(point: Point): ...\n'
    )
    commit(folder)
    first = run_harness(folder, "init", "--allow-pickle")
    assert first.code == 0, first.out
    assert "  service       service:app, POST /score, 2 fields" in first.lines
    assert any("takes one record" in line for line in first.lines)
    assert any("by place alone" in line for line in first.lines)
    assert list(pd.read_csv(folder / "fixtures" / "cases.csv")) == ["case", "left", "right"]
    configured = tomllib.loads((folder / "harness.toml").read_text())
    assert {one["pass_as"] for one in configured["versions"].values()} == {"array"}


def test_a_package_that_predicts_is_compared_with_its_last_tag(tmp_path):
    folder = tmp_path / "packaged"
    (folder / "scoring").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "scoring"\nversion = "1.0"\n[tool.setuptools]\npackages = ["scoring"]\n'
    )
    code = "def predict(records):\n    return [{} * one['x'] for one in records]\n"
    (folder / "scoring" / "__init__.py").write_text(code.format("2.0"))
    (folder / "rows.csv").write_text("id,x\n" + "".join(f"{row},{row}.5\n" for row in range(40)))
    commit(folder)
    git(folder, "tag", "v1")
    (folder / "scoring" / "__init__.py").write_text(code.format("2.0  * 1.0"))
    commit(folder)
    first = run_harness(folder, "init")
    assert first.code == 0, first.out
    assert "  package       scoring: scoring:predict" in first.lines
    assert any(line.startswith("  baseline      git:last-tag") for line in first.lines)
    assert any(line.startswith("MAY BE RELEASED") for line in first.lines), first.out
    (folder / "scoring" / "__init__.py").write_text(code.format("2.1"))
    assert run_harness(folder, "compare").code == 1


def test_a_model_of_skops_says_its_libraries_and_its_types_are_allowed_by_name(tmp_path):
    """The requirements name neither scikit-learn nor skops: the model file says by what it was made."""
    folder = tmp_path / "triage"
    folder.mkdir()
    (folder / "requirements.txt").write_text(f"pandas=={metadata.version('pandas')}\n")
    ages = pd.DataFrame({"age": [float(row % 70) for row in range(120)]})

    def save(strength: float) -> None:
        model = make_pipeline(FunctionTransformer(operator.neg), LogisticRegression(C=strength))
        skops.io.dump(
            model.fit(ages, ["ill" if age > 40 else "well" for age in ages["age"]]), folder / "model.skops"
        )

    save(1.0)
    commit(folder)
    before = files(folder)
    refused = run_harness(folder, "init")
    assert (refused.code, files(folder)) == (12, before)
    assert "E54 model.skops: refused: it holds types that nobody allowed: _operator.neg" in refused.out
    assert "next: if you know what they do: harness init --allow-type _operator.neg" in refused.out

    first = run_harness(folder, "init", "--allow-type", "_operator.neg")
    assert first.code == 0, first.out
    assert "  model file    model.skops (sklearn.Pipeline, 1 input)" in first.lines
    assert first.verdict["verdict"] == "PASS"
    needs = tomllib.loads((folder / "harness.toml").read_text())["versions"]["now"]["requirements"]
    assert needs[:2] == [f"{name}=={metadata.version(name)}" for name in ("scikit-learn", "skops")]

    save(0.001)
    judged = run_harness(folder, "init", "--allow-type", "builtins.dict")
    assert judged.code == 1, judged.out
    assert "allow_types has builtins.dict for model.skops" in judged.out
    assert judged.verdict["verdict"] == "FAIL"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", "nothing", "nothing to begin with: no model file"),
        (
            "app.py",
            'from fastapi import FastAPI\napp = FastAPI()\n@app.post("/x")\ndef x(a: int): ...\n',
            "there is a service, app:app, and no model file beside it",
        ),
    ],
)
def test_a_folder_with_nothing_to_find_says_so(tmp_path, name, content, said, monkeypatch, capsys):
    (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 4
    shown = capsys.readouterr().err
    assert said in shown
    assert "next: " in shown
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_model_that_does_not_open_is_said_in_its_own_words(team):
    (team / "models" / "price.joblib").write_bytes(pickle.dumps(Unknown()).replace(b"Unknown", b"Nowhere"))
    before = files(team)
    done = run_harness(team, "init", "--allow-pickle")
    assert done.code == 10
    assert "E08 the model cannot be opened in its environment: ModuleNotFoundError" in done.out
    assert files(team) == before


class Unknown:
    """Of a module that no environment has."""


def test_no_requirements_are_asked_for(tmp_path, monkeypatch, capsys):
    (tmp_path / "model.joblib").write_bytes(pickle.dumps(3))
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--allow-pickle"]) == 4
    said = capsys.readouterr().err
    assert "does not say which libraries it needs, and there is no requirements.txt" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "models/prices.joblib"), 'did you mean "models/price.joblib"?'),
        (("--table", "requirements.txt"), "tables of type .txt are not read"),
        (("--table", "models.csv"), "no file matches models.csv"),
        (("--target", "rent"), 'has a column "rent"'),
        (("--allow-type", "a.B"), "types are allowed of those alone"),
        (("--config", "x.toml"), "writes a configuration and reads none"),
    ],
)
def test_what_is_named_and_not_there_is_an_error(team, words, said, monkeypatch, capsys):
    before = files(team)
    monkeypatch.chdir(team)
    assert main(["init", "--allow-pickle", *words]) == 4
    assert said in capsys.readouterr().err
    assert files(team) == before


def test_the_workflow_compares_and_demands_the_verdict_apart(team):
    inner = team / "service"
    inner.mkdir()
    for name in ("app", "models", "requirements.txt"):
        git(team, "mv", name, f"service/{name}")
    commit(team)
    assert run_harness(inner, "init", "--allow-pickle", "--no-run").code == 0
    text = (team / ".github" / "workflows" / "model-gate.yml").read_text()
    assert "@" not in text.replace("uses: actions/", "").replace("checkout@v4", "").replace(
        "setup-python@v5", ""
    ).replace("upload-artifact@v4", "")
    steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    runs = {step["run"]: step.get("if") for step in steps if "run" in step}
    assert runs['harness compare --config "service/harness.toml"'] is None
    assert runs['harness verify --config "service/harness.toml"'] == "always()"
    checkout = next(step for step in steps if "checkout" in step.get("uses", ""))
    assert checkout["with"]["fetch-depth"] == 0
    # as the job names it, at the root of the repository
    assert run_harness(team, "check", "--config", "service/harness.toml").code == 0
