"""`harness check`: for every kind of version spec, what it was resolved to and what it binds to. No model runs."""

from __future__ import annotations

import hashlib
import pickle
import re
import shutil
import sys
from pathlib import Path

import pytest

from harness.cli import main

from ..versions.made import commit, git, project

SHIPPED = Path(__file__).parents[2]
CONFIGURATION = """
model = "plain"
candidate = "now"
previous = "git:last-tag"
[[inputs]]
name = "rows"
path = "rows.csv"
key = "id"
target = "y"
[[rules]]
name = "near"
output = "prediction"
rule = "close"
rtol = 0.01
where = "x > 2"
[versions.now]
spec = "wheel:{wheel}"
entry = "plainmodel:predict"
pass_as = "records"
[versions.published]
spec = "pypi:six==1.16.0"
adapter = "adapter.py:ask"
pass_as = "array"
keyword = "rows"
outputs = "result.values"
timeout = 7
memory = "512 MiB"
environment = {{ TOKEN = "env:PLAIN_TOKEN" }}
[versions.built]
spec = "project:."
entry = "plainmodel:predict"
pass_as = "records"
[versions.service]
spec = "http://127.0.0.1:9/predict"
headers = {{ Authorization = "env:PLAIN_TOKEN" }}
outputs = "answers"
[versions.joblib]
spec = "file:model.joblib"
requirements = ["six==1.16.0"]
allow_pickle = ["{sha256}"]
method = "predict_proba"
[versions.pkl]
spec = "file:model.pkl"
requirements = ["six==1.16.0"]
allow_pickle = ["{sha256}"]
[versions.then]
spec = "file:model.pkl@v1"
requirements = ["six==1.16.0"]
allow_pickle = ["{sha256}"]
[versions.skops]
spec = "file:model.skops"
requirements = ["six==1.16.0"]
allow_types = ["a.B"]
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A package at its root and one in a folder, tagged, with a remote; model files, tables; and a cache."""
    folder = tmp_path_factory.mktemp("check")
    root = folder / "repository"
    content = pickle.dumps(len)
    for name in ("model.joblib", "model.pkl", "model.skops"):
        root.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    project(root, factor=2)
    project(root / "models" / "inner", factor=7)
    (root / "adapter.py").write_text("def ask(rows):\n    return {'result': {'values': [0.0] * len(rows)}}\n")
    (root / "rows.csv").write_text("id,x,y,area\n" + "".join(f"r{n},{n}.5,{n},north\n" for n in range(9)))
    (root / "answers.csv").write_text("id,prediction\n" + "".join(f"r{n},{n}\n" for n in range(9)))
    (root / "harness.toml").write_text("")
    first = commit(root, "v1")
    git(root, "update-ref", "refs/remotes/origin/main", first)
    project(root, factor=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_HARNESS_CACHE", str(folder / "cache"))
        from harness.predictors.sources.python import build

        project(folder / "elsewhere", factor=5)
        built = shutil.copy(build(folder / "elsewhere", ""), root)
    (root / "harness.toml").write_text(
        CONFIGURATION.format(sha256=hashlib.sha256(content).hexdigest(), wheel=Path(built).name)
    )
    commit(root)
    return root, first


@pytest.fixture
def check(repository, capsys, monkeypatch):
    """`check("--to=git:v1")`: exit code and lines of `harness check` in the repository."""
    root, _ = repository
    monkeypatch.setenv("MODEL_HARNESS_CACHE", str(root.parent / "cache"))
    monkeypatch.setenv("PLAIN_TOKEN", "sesame")
    monkeypatch.chdir(root)

    def run(*arguments):
        code = main(["check", *arguments])
        return code, capsys.readouterr().out

    return run


def part(out, role):
    """What stands under one version: its first line, and each fact by its name."""
    (found,) = re.findall(rf"(?m)^{role} +(.*)\n((?: {{11}}\S.*\n)*)", out)
    facts = dict(
        re.match(r" +(is|runs in|asked|takes|answers|limits|needs)\s+(.*)", line).groups()
        for line in found[1].splitlines()
    )
    return found[0], facts


PYTHON = f"Python {'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})"
COMMIT = "COMMIT"
CASES = {
    "git:v1": (
        f"v1 is commit {COMMIT}, asked as profile now says",
        "a package without a manifest, plainmodel 1.0",
    ),
    "git:last-tag": (f"last-tag is commit {COMMIT}", "a package without a manifest, plainmodel 1.0"),
    "git:merge-base(origin/main)": (
        f"merge-base(origin/main) is commit {COMMIT}",
        "a package without a manifest, plainmodel 1.0",
    ),
    "git:v1#models/inner": (f"v1 is commit {COMMIT}", "a package without a manifest, plainmodel 1.0"),
    "previous": (f"last-tag is commit {COMMIT}", "a package without a manifest, plainmodel 1.0"),
    "now": (
        "profile now (wheel:plainmodel-1.0-py3-none-any.whl): named by its path",
        "a package without a manifest",
    ),
    "built": (
        "profile built (project:.): built by the project's own build backend",
        "a package without a manifest",
    ),
    "published": (
        "profile published (pypi:six==1.16.0): a published package",
        "a package without a manifest, six 1.16.0",
    ),
    "joblib": ("a model file, sha256", "model.joblib, sha256"),
    "pkl": ("a model file, sha256", ", a pickle that allow_pickle lists"),
    "then": (f"a model file at v1, commit {COMMIT}", ", a pickle that allow_pickle lists"),
    "skops": ("a model file, sha256", ", opened by skops, 1 more types allowed"),
    "recorded:answers.csv": ("recorded answers, by id", "answers already given, answers.csv, sha256"),
    "service": ("a live endpoint", "an endpoint, http://127.0.0.1:9/predict: known by its address alone"),
}


@pytest.mark.parametrize("spec", CASES)
def test_every_kind_of_spec_says_what_it_is(check, repository, spec):
    other = "--candidate=pkl" if spec == "now" else "--candidate=now"
    code, out = check(f"--to={spec}", other)
    assert code == 0, out
    why, what = (words.replace(COMMIT, repository[1][:12]) for words in CASES[spec])
    first, facts = part(out, "baseline")
    assert why in first
    assert what in facts["is"]
    if spec not in ("recorded:answers.csv", "service"):
        assert facts["runs in"].startswith(PYTHON)
    _, mine = part(out, "candidate" if spec != "now" else "baseline")
    assert mine["asked"] == "plainmodel:predict, given records"
    assert "sesame" not in out


def test_how_it_is_asked_and_under_which_limits(check):
    _, facts = part(check("--to=published")[1], "baseline")
    assert facts["asked"] == "adapter adapter.py:ask, given an array as rows, answers at result.values"
    assert facts["limits"] == "7 s for a batch, 0.5 GiB resident"
    assert facts["needs"] == "variable TOKEN from PLAIN_TOKEN"
    assert re.fullmatch(r"Python \S+ \(.*\), 1 package locked \([0-9a-f]{8}\)", facts["runs in"])
    _, facts = part(check("--to=joblib")[1], "baseline")
    assert facts["asked"] == "what the file holds.predict_proba, given a frame"
    _, facts = part(check("--to=service")[1], "baseline")
    assert facts["asked"] == "by POST of records, answers at answers, generated cases refused"
    assert facts["needs"] == "header Authorization from PLAIN_TOKEN"
    assert facts["limits"] == "30 s for a batch"


@pytest.mark.parametrize("spec", ["published", "service"])
def test_a_variable_that_is_not_set_is_told_before_anything_runs(check, monkeypatch, spec):
    monkeypatch.delenv("PLAIN_TOKEN")
    code, out = check(f"--to={spec}")
    assert code == 10
    assert "from PLAIN_TOKEN (not set: it could not be asked)" in out


def test_inputs_rules_and_profiles_say_what_they_bind_to(check):
    code, out = check("--to=git:v1", "--change=refactor")
    assert code == 0
    assert "change     refactor" in out
    assert "rows: 9 cases, rows.csv\n  key id; label y; gives x, area\n" in out
    assert "judges 7 of 9 cases, where x > 2" in out
    assert "profile    service: http://127.0.0.1:9/predict  [not compared here, not resolved]" in out
    assert "profile    now" not in out


def test_releases_of_the_store_and_the_anchor(check, repository, capsys, monkeypatch, tmp_path):
    (tmp_path / "harness.toml").write_text(
        f'model = "diabetes-progression"\nstore = "{SHIPPED}/baselines"\nanchor = "1.0.0"\n'
        'candidate = "1.1.0"\nchange = "refactor"\n[drift]\nmax_share = 0.1\n'
        f'[[inputs]]\nname = "holdout"\npath = "{SHIPPED}/fixtures/holdout.parquet"\nkey = "id"\n'
        'target = "progression"\n[[inputs]]\nname = "search"\ngenerate = { rows = 100, seed = 1 }\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--to=1.0.0"]) in (0, 1)
    out = capsys.readouterr().out
    for role, number in (("baseline", "1.0.0"), ("candidate", "1.1.0"), ("anchor", "1.0.0")):
        first, facts = part(out, role)
        assert first.startswith(number)
        assert "to channel production by founders" in first
        assert facts["is"].startswith(f"a version package, diabetes-progression {number}, sha256 ")
        assert facts["takes"] == "age, sex, bmi, bp, s1, s2, s3, s4 and 2 more"
        assert facts["answers"] == "prediction"
    assert "search: 100 cases, generated from the schema, seed 1\n  draws age, sex, bmi" in out
    main(["check", "--to=previous"])
    first, _ = part(capsys.readouterr().out, "baseline")
    assert "the newest of 2 releases in channel production" in first


def test_what_cannot_be_resolved_is_the_error_of_a_run(check, capsys):
    assert main(["check", "--to=git:v9"]) == 4
    assert 'git knows no "v9"' in capsys.readouterr().err
