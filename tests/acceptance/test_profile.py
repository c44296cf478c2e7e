"""A version profile with every key of a package, typed as a user types it, under the oldest Python that is here."""

from __future__ import annotations

import json

import pytest

from ..predictors import interpreters
from ..versions.made import commit, project
from .running import run_harness

CODE = """
import os
import platform

import six


class Service:
    def score(self, *, rows):
        factor = float(os.environ["FACTOR"])
        answers = [factor * row["x"] for row in rows]
        return {"result": {"answers": answers}, "by": six.__version__, "under": platform.python_version()}


SERVICE = Service()
"""
ADAPTER = """
import plainmodel
import six

assert six.__version__ == "1.15.0"


def ask(array):
    return plainmodel.SERVICE.score(rows=[{"x": row[0]} for row in array])["result"]["answers"]
"""
CONFIGURATION = """
model = "plain"
candidate = "whole"
[[inputs]]
name = "rows"
path = "rows.csv"
key = "id"
[versions.whole]
spec = "project:."
python = "{python}"
requirements = ["six"]
requirements_file = "constraints.txt"
entry = "plainmodel:SERVICE"
method = "score"
pass_as = "records"
keyword = "rows"
outputs = "result.answers"
environment = {{ FACTOR = "env:PLAIN_FACTOR" }}
timeout = 20
memory = "512 MiB"
[versions.adapted]
spec = "project:."
python = "{python}"
requirements = ["six==1.15.0", "numpy"]
adapter = "adapter.py:ask"
pass_as = "array"
entry = "plainmodel:SERVICE"
environment = {{ FACTOR = "env:PLAIN_FACTOR" }}
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile")
    project(folder)
    (folder / "src" / "plainmodel" / "__init__.py").write_text(CODE)
    (folder / "adapter.py").write_text(ADAPTER)
    (folder / "constraints.txt").write_text("# of the platform\nsix<1.16\n")
    (folder / "rows.csv").write_text("id,x\n" + "".join(f"r{row},{row}.5\n" for row in range(30)))
    (folder / "answers.csv").write_text(
        "id,prediction\n" + "".join(f"r{row},{row * 2 + 1}.0\n" for row in range(30))
    )
    oldest = min(interpreters.found(), key=lambda name: tuple(map(int, name.split("."))))
    (folder / "harness.toml").write_text(CONFIGURATION.format(python=oldest))
    commit(folder)
    return folder, oldest


@pytest.mark.parametrize(("factor", "code"), [("2", 0), ("3", 1)])
def test_every_key_is_heeded(repository, factor, code):
    folder, oldest = repository
    done = run_harness(folder, "compare", "--to=recorded:answers.csv", PLAIN_FACTOR=factor)
    assert done.code == code, done.out
    assert "30 of 30 planned cases compared" in done.out
    ran = json.loads((folder / "reports" / "report.json").read_text())["run"]
    assert f'"{oldest}.' in json.dumps(ran), ran


def test_an_adapter_stands_in_place_of_the_entry(repository):
    done = run_harness(
        repository[0], "compare", "--to=recorded:answers.csv", "--candidate=adapted", PLAIN_FACTOR="2"
    )
    assert done.code == 0, done.out
