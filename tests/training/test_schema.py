"""The JSON Schema of the training configuration agrees with what reads it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import harness
from harness.cli import main
from harness.errors import HarnessError
from harness.training.config import read_config
from harness.training.config.schema import schema, text

SHIPPED = Path(harness.__file__).parent / "training" / "training.schema.json"
RIDGE = 'step = "sklearn.linear_model.Ridge"\nalpha = 10'
SEARCH = (
    '\n\n[search]\nmethod = "random"\ntrials = 5\nparameters = { "Ridge.alpha" = { low = 1, high = 2 } }\n'
)


def accepts(path: Path) -> bool:
    return Draft202012Validator(schema()).is_valid(tomllib.loads(path.read_text()))


def test_the_shipped_schema_is_the_one_of_the_code(capsys):
    # made by: harness schema --training > harness/training/training.schema.json
    assert SHIPPED.read_text(encoding="utf-8") == text()
    Draft202012Validator.check_schema(schema())
    assert main(["schema", "--training"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()


@pytest.mark.parametrize(
    "replace",
    [
        {},
        {RIDGE: RIDGE + SEARCH},
        {'share = 0.3\nsalt = "houses"': 'time = "sold"\nafter = "2026-01-01"'},
        {'path = "houses.csv"': 'sql = "SELECT 1 ORDER BY 1"\nurl = "env:DATABASE"'},
        {'path = "houses.csv"': 'bundled = "load_wine"\nmask = { columns = ["a"], share = 0.1, salt = "x" }'},
        {'target = "price"': 'target = "price"\nkinds = { rooms = "int" }\nfeatures = ["rooms"]'},
    ],
)
def test_what_is_read_is_accepted(project, replace):
    path = project(replace=replace)
    read_config(path)
    assert accepts(path)


@pytest.mark.parametrize(
    "replace",
    [
        {'package = "house': 'pakage = "house'},
        {"seed = 7\n": ""},
        {"seed = 7": "seed = true"},
        {"seed = 7": "seed = -1"},
        {'"regression"': '"regresion"'},
        {"share = 0.3": "share = 1"},
        {"share = 0.3\n": ""},
        {'path = "houses.csv"': ""},
        {'path = "houses.csv"': 'path = "houses.csv"\nbundled = "load_wine"'},
        {'path = "houses.csv"': 'sql = "SELECT 1"'},
        {'target = "price"': 'target = "price"\nkinds = { rooms = "integer" }'},
        {'target = "price"': 'target = "price"\nsha256 = "abc"'},
        {'target = "price"': 'target = "price"\nmask = { columns = ["a"], share = 2, salt = "x" }'},
        {RIDGE: RIDGE + SEARCH.replace("random", "gird")},
        {RIDGE: RIDGE + SEARCH.replace("trials", "trails")},
        {RIDGE: 'step = "harness.training.Ridge"'},
        {RIDGE: "alpha = 10"},
    ],
)
def test_what_is_refused_is_refused_by_both(project, replace):
    path = project(replace=replace)
    with pytest.raises(HarnessError):
        read_config(path)
    assert not accepts(path)
