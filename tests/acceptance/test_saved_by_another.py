"""A model file that an older library saved, in a fresh environment of today: the exception, the library and both of its
versions are named, whatever the exception is. Real libraries, real files, real builds of environments."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from importlib import metadata

import pytest

from harness.predictors import environments
from harness.predictors.sources.locking import lock
from tests.zoo.builder import write_wheel

from .running import run_pytest

OLD = "1.2.2"
FIT = """
import sys, joblib, pickle
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
X, y = [[float(x)] for x in range(20)], [2.0 * x + 1 for x in range(20)]
models = {
    "forest": RandomForestRegressor(3, random_state=0),
    "imputed": make_pipeline(SimpleImputer(), LinearRegression()),
    "line": LinearRegression(),
}
for name, model in models.items():
    joblib.dump(model.fit(X, y), "%s/%s.joblib" % (sys.argv[1], name), compress=3)
    with open("%s/%s.pkl" % (sys.argv[1], name), "wb") as file:
        pickle.dump(model, file)
"""
EAGER = """
from pathlib import Path
import joblib
MODEL = joblib.load(Path(__file__).parent / "NAME.joblib")
def predict(records):
    return MODEL.predict([[record["x"]] for record in records])
"""
LAZY = """
import pickle, pkgutil, warnings
def predict(records):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pickle.loads(pkgutil.get_data("aged", "NAME.pkl"))
    return model.predict([[record["x"]] for record in records])
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of the models that an older scikit-learn fitted and saved, in an environment of its own."""
    folder = tmp_path_factory.mktemp("saved")
    python = environments.python_for(lock((f"scikit-learn=={OLD}", "numpy<2"), ""))
    subprocess.run([str(python), "-c", FIT, str(folder)], check=True, env={"PATH": os.environ["PATH"]})
    return folder


@pytest.fixture
def project(zoo, saved, tmp_path):
    """`project(code, model)`: a good baseline, and a candidate whose package opens that model and pins nothing."""

    def make(code: str, model: str):
        made = zoo.project(tmp_path, "good", "rewritten")
        content = {"aged/__init__.py": code.replace("NAME.", f"{model}.").encode()}
        for kind in ("joblib", "pkl"):
            content[f"aged/{model}.{kind}"] = (saved / f"{model}.{kind}").read_bytes()
        wheel = made / "aged-1.1.0-py3-none-any.whl"
        write_wheel(wheel, content, "aged", "1.1.0", ["scikit-learn", "joblib"])
        return candidate(made, f'spec = "wheel:{wheel.name}"\nentry = "aged:predict"')

    return make


def candidate(made, profile):
    text = (made / "harness.toml").read_text().partition("[versions.candidate]")[0]
    rule = '[[rules]]\nname = "near"\noutput = "prediction"\nrule = "close"\natol = 1e-6\n'
    (made / "harness.toml").write_text(
        f'{text}[versions.candidate]\n{profile}\npass_as = "records"\n\n{rule}'
    )
    return made


def names_both(words, file, *more):
    words = " ".join(words.split())
    here = metadata.version("scikit-learn")
    for one in (f"{file} was saved with scikit-learn {OLD}, and {here} is installed", *more):
        assert one in words, words


def test_a_package_that_cannot_load_its_own_pickle(project):
    made = project(EAGER, "forest")
    done = run_pytest(made, "--compare-to=baseline", "-q")
    assert done.code == 10, done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    start = "E08 candidate aged:predict does not import: ValueError: node array from the pickle has an incompatible"
    names_both(done.verdict["reason"], "aged/forest.joblib", start)
    names_both(done.out, "aged/forest.joblib", f'next: requirements = ["scikit-learn=={OLD}"]')
    assert "Traceback" not in done.out
    # what was advised is followed, and one more advice
    advised = ["scikit-learn==" + OLD]
    text = (made / "harness.toml").read_text()
    (made / "harness.toml").write_text(
        text + f"[versions.advised]\n{_profile(text)}\nrequirements = {advised}\n"
    )
    done = run_pytest(made, "--compare-to=baseline", "--compare-candidate=advised", "-q")
    assert done.code == 10, done.out
    assert 'next: a library there was built for numpy 1: add "numpy<2" to requirements' in done.out
    (made / "harness.toml").write_text(
        text + f"[versions.advised]\n{_profile(text)}\nrequirements = {[*advised, 'numpy<2']}\n"
    )
    done = run_pytest(made, "--compare-to=baseline", "--compare-candidate=advised", "-q")
    assert done.verdict["accounting"]["compared"] == 20, done.out
    assert "was saved with" not in done.out


def _profile(text):
    return text.partition("[versions.candidate]")[2].partition("[[rules]]")[0].strip()


def test_a_package_that_loads_it_and_then_fails_on_every_row(project):
    done = run_pytest(project(EAGER, "imputed"), "--compare-to=baseline", "-q")
    assert done.code == 1, done.out
    assert done.verdict["verdict"] == "FAIL"
    names_both(done.out, "aged/imputed.joblib", "AttributeError: 'SimpleImputer' object has no attribute")
    assert done.lines[-1] == "next: no row was compared: mend what they all fail with, which the events name"


def test_a_package_that_opens_it_while_it_answers_and_wants_no_warnings(project):
    done = run_pytest(project(LAZY, "forest"), "--compare-to=baseline", "-q")
    assert done.code == 1, done.out
    names_both(
        done.out, "aged/forest.pkl", "ValueError: node array from the pickle has an incompatible dtype"
    )


def test_a_package_that_answers_all_the_same_has_a_note(project):
    made = project(EAGER, "line")
    done = run_pytest(made, "--compare-to=baseline", "-q", "-n", "2")
    assert done.code == 0, done.out
    (event,) = json.loads((made / "reports" / "report.json").read_text())["run"]["events"]
    names_both(event, "aged/line.joblib", f'requirements = ["scikit-learn=={OLD}"] in its profile')


def test_a_model_file_whose_requirements_are_too_new(zoo, saved, tmp_path):
    made = zoo.project(tmp_path, "good", "rewritten")
    model = made / "forest.joblib"
    model.write_bytes((saved / model.name).read_bytes())
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    candidate(
        made,
        f'spec = "file:{model.name}"\nallow_pickle = ["{sha256}"]\nrequirements = ["scikit-learn", "joblib"]',
    )
    done = run_pytest(made, "--compare-to=baseline", "-q")
    assert done.code == 10, done.out
    names_both(
        done.verdict["reason"], "forest.joblib", "E08 candidate forest.joblib cannot be opened: ValueError:"
    )
