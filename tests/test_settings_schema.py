"""The JSON Schema of the configuration agrees with what reads the configuration."""

from __future__ import annotations

import dataclasses
import datetime
import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import harness
from harness import settings as configuration
from harness.cli import main
from harness.compare.ruleset import SourceFacts, bind
from harness.errors import HarnessError
from harness.run import configuration_schema

ROOT = Path(__file__).parents[1]
SHIPPED = Path(harness.__file__).parent / "settings.schema.json"
GOOD = """
model = "m"
change = "auto"
require_reason = true
[retrain]
margin = 0.1
[versions.live]
spec = "1.0"
memory = "2 GiB"
headers = { A = "b" }
[[inputs]]
name = "rows"
path = "rows.csv"
[[inputs]]
name = "search"
generate = { rows = 10, seed = 1 }
[[rules]]
name = "near"
rule = "close"
rtol = 0.1
output = "x"
max_violation_rate = 0.1
max_quantile = { q = 0.9, limit = 1 }
max_mean_shift = { limit = 0.5, relative = true }
where = "a == 1"
slices = ["a"]
replaces = "far"
when = ["refactor"]
until = 2099-01-01
reason = "why not"
[[rules]]
name = "far"
rule = "exact"
"""


def plain(text):
    """TOML as an editor's validator sees it: dates as text."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def complaints(text, **options):
    return [
        error.message
        for error in Draft202012Validator(configuration_schema.schema(**options)).iter_errors(plain(text))
    ]


def loads(text, tmp_path):
    """What the reader says, the kinds of rule included."""
    path = tmp_path / "harness.toml"
    path.write_text(text)
    try:
        settings = configuration.load(path)
        facts = [SourceFacts(item.name, bool(item.generate), False) for item in settings.inputs]
        bind(settings, "refactor", facts, None, datetime.date(2026, 1, 1))
    except HarnessError:
        return False
    return True


def test_the_shipped_schema_is_the_generated_one():
    # made by: harness schema > harness/settings.schema.json
    assert SHIPPED.read_text(encoding="utf-8") == configuration_schema.text()
    Draft202012Validator.check_schema(configuration_schema.schema())
    Draft202012Validator.check_schema(configuration_schema.schema(pyproject=True))


def test_the_command_prints_it(capsys):
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == SHIPPED.read_text(encoding="utf-8")


def test_our_own_pyproject_is_valid():
    assert not complaints((ROOT / "pyproject.toml").read_text(), pyproject=True)


def test_a_good_configuration_is_good_to_both(tmp_path):
    assert not complaints(GOOD)
    assert loads(GOOD, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('model = "m"', ""),
        ('model = "m"', "model = 3"),
        ('change = "auto"', 'change = "retrian"'),
        ("require_reason", "require_reasons"),
        ("require_reason = true", 'require_reason = "yes"'),
        ("margin = 0.1", 'margin = "0.1"'),
        ('memory = "2 GiB"', 'memory = "much"'),
        ('headers = { A = "b" }', 'pass_as = "frames"'),
        ('path = "rows.csv"', ""),
        ('path = "rows.csv"', 'path = "rows.csv"\ngenerate = { rows = 1 }'),
        ("rows = 10", "rows = 0"),
        ("seed = 1", "seeds = 1"),
        ('rule = "close"', ""),
        ("rtol = 0.1", "rtoll = 0.1"),
        ("rtol = 0.1", 'rtol = "0.1"'),
        ("rtol = 0.1", "max_violations = 1"),
        ("max_violation_rate = 0.1", "max_violation_rate = 1"),
        ("max_violation_rate = 0.1", "max_violations = -1"),
        ("q = 0.9", "q = 1.5"),
        ("q = 0.9, ", ""),
        ("{ limit = 0.5, relative", "{ relative"),
        ("limit = 0.5", "limit = -1"),
        ('where = "a == 1"', 'where = ""'),
        ('slices = ["a"]', 'slices = "a"'),
        ('when = ["refactor"]', 'when = ["auto"]'),
        ('rule = "exact"', 'rule = "exact"\nrtol = 0.1'),
        ('rule = "exact"', 'rule = "exact"\nseverity = "warning"'),
        ('rule = "exact"', 'rule = "exact"\nmin_cases = -1'),
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(old, new, tmp_path):
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    assert not loads(text, tmp_path)
    assert complaints(text)


@pytest.mark.parametrize("text", ["[tool.harness]\nmodle = 1", '[tool.harness]\nmodel = "m"\nrule = []'])
def test_a_pyproject_is_checked_below_its_table(text):
    assert complaints(text, pyproject=True)
    assert not complaints("[project]\nname = 'x'", pyproject=True)


def test_every_parameter_of_every_kind_of_rule_is_offered():
    kinds = configuration_schema.schema()["$defs"]["RuleSettings"]["allOf"]
    offered = {one["if"]["properties"]["rule"]["const"]: one["then"] for one in kinds}
    assert set(offered) == set(configuration_schema.rules.REGISTRY)
    assert {"rtol", "atol", "equal_nan"} <= set(offered["close"]["propertyNames"]["enum"])
    assert offered["close"]["properties"]["rtol"] == {"type": "number", "default": 0.0, "minimum": 0}


# a whole float is an integer to JSON, and none to TOML: there are none of them
VALUES = (
    -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 5, 29, 30, 2**40, "", "items", "NFC", True, [], ["a"], [1],
    {}, {"a": {}}, {"a": {"atol": 1}}, {"a": {"atol": -1}}, {"a": {"atl": 1}}, {"a": 1},
)  # fmt: skip
LIMITED = {
    "budget": {"max_mean_shift": {"limit": 1.0}}, "cost": {"max_cost": {"limit": 1.0, "error": 1.0}},
    "null_rate": {"max_rate": 0.1}, "error_rate": {"max_rate": 0.1}, "close_probabilities": {"atol": 0.1},
    "close_vector": {"max_l2_distance": 0.1}, "throughput": {"min_ratio": 0.5},
    **{kind: {"max_ratio": 1.5} for kind in ("latency", "start_time", "peak_memory", "artifact_size")},
}  # fmt: skip
"""A limit for each kind of rule that needs one."""


@pytest.mark.parametrize("kind", sorted(configuration_schema.rules.REGISTRY))
def test_of_every_key_of_every_kind_of_rule_the_schema_takes_what_the_reader_takes(kind, tmp_path):
    cls = configuration_schema.rules.REGISTRY[kind]
    own = [item.name for item in dataclasses.fields(cls) if item.init]
    validator = Draft202012Validator(configuration_schema.schema())

    def both(rule):
        data = {"model": "m", "inputs": [{"name": "rows", "path": "rows.csv"}], "rules": [rule]}
        return not list(validator.iter_errors(data)), reads(data, tmp_path)

    limits = LIMITED.get(kind, {})
    assert both({"name": "r", "rule": kind, **limits}) == (True, True)
    assert both({"name": "r", "rule": kind}) == (not limits,) * 2
    for key in own:
        for value in VALUES:
            schema, reader = both({"name": "r", "rule": kind, **limits, key: value})
            assert schema == reader, (key, value)
    for key, value in {
        "where": "a == 1", "slices": ["a"], "replaces": "x", "min_cases": 3, "max_violations": 3, "output": "p",
        "max_violation_rate": 0.5, "max_quantile": {"q": 0.5, "limit": 1.0}, "max_mean_shift": {"limit": 1.0},
        "max_cost": {"limit": 1.0, "error": 1.0},
    }.items():  # fmt: skip
        schema, reader = both({"name": "r", "rule": kind, **limits, key: value})
        # whether another rule has that name is no matter of a schema
        assert schema == reader or (key == "replaces" and schema), (key, value)


def reads(data, tmp_path):
    """What the reader says of plain data."""
    path = tmp_path / "harness.toml"
    path.write_text("".join(f"{key} = {in_toml(value)}\n" for key, value in data.items()))
    return loads(path.read_text(), tmp_path)


def in_toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {in_toml(one)}" for key, one in value.items()) + "}"
    return f"[{', '.join(map(in_toml, value))}]" if isinstance(value, list) else json.dumps(value)
