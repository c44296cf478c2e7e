"""How versions run, measured through real runs: time, memory and size, beside answers that are equal."""

from __future__ import annotations

import json

import jsonschema
import pytest

from harness.reporting import schema

from ..reporting.records import closed
from .running import run_harness, run_pytest

SLEEPS = """
import time
LARGE = bytearray(b"1") * {held}
time.sleep({start})

def predict(records):
    time.sleep({call})
    return [2 * record["x"] + 1 for record in records]
"""
QUICK = SLEEPS.format(held=1, start=0, call=0.001)
SLOW = SLEEPS.format(held=150_000_000, start=0.5, call=0.02)
RULES = """
[[rules]]
name = "median"
rule = "latency"
quantile = 0.5
calls = 30
max_ratio = {ratio}

[[rules]]
name = "flow"
rule = "throughput"
rows = 20
calls = 30
min_ratio = {share}

[[rules]]
name = "start"
rule = "start_time"
max_ratio = {ratio}

[[rules]]
name = "memory"
rule = "peak_memory"
rows = 20
max_ratio = {ratio}

[[rules]]
name = "size"
rule = "artifact_size"
max_ratio = {ratio}
"""
NAMES = ("median", "flow", "start", "memory", "size")


def project_of(zoo, folder, candidate, settings, files=None):
    project = zoo.project(folder, "good", "good", settings=settings)
    zoo.wheel(project / "baseline", "good", "1.0.0", source=QUICK, files={"data": b"0"})
    zoo.wheel(project / "candidate", "good", "1.1.0", source=candidate, files=files)
    return project


def record(project):
    return json.loads((project / "reports" / "report.json").read_text())


def rules(project):
    return {rule["name"]: rule for rule in record(project)["result"]["rules"]}


@pytest.fixture(scope="module")
def alike(zoo, tmp_path_factory):
    """Two versions that run alike under limits that no machine reaches."""
    limits = RULES.format(ratio=100, share=0.01)
    return project_of(zoo, tmp_path_factory.mktemp("alike"), QUICK, limits, {"data": b"1"})


def test_a_version_that_answers_the_same_and_takes_more_is_kept_back(zoo, tmp_path):
    settings = RULES.format(ratio=1.5, share=0.6)
    project = project_of(zoo, tmp_path, SLOW, settings, {"data": b"1" * 50_000})
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 1, done.out
    found = rules(project)
    assert {name: found[name]["status"] for name in NAMES} == dict.fromkeys(NAMES, "FAIL"), done.out
    assert found["values"]["status"] == "PASS"
    assert found["median"]["reason"] == "p50 latency of a call with 1 row: above 1.5 x the baseline"
    assert found["flow"]["reason"].endswith("below 0.6 x the baseline")
    # the numbers stand beside the result, and are shown
    beside = {one["name"]: one for one in record(project)["run"]["operations"]}
    assert beside["median"]["ratio_low"] > 1.5
    assert beside["memory"]["candidate"] - beside["memory"]["baseline"] > 140_000_000
    assert beside["start"]["candidate"] - beside["start"]["baseline"] > 0.5
    assert beside["size"]["candidate"] == (project / "candidate").glob("*.whl").__next__().stat().st_size
    assert found["median"]["measured"] == ""
    assert beside["median"]["measured"] in done.out
    assert beside["memory"]["measured"] in (project / "reports" / "report.html").read_text()
    # judged again, the same numbers decide: other limits, and nobody is asked
    path = project / "harness.toml"
    before = done.verdict["result_digest"]
    assert run_harness(project, "judge", "last").verdict["result_digest"] == before
    path.write_text(path.read_text().replace("1.5", "1000.0").replace("0.6", "0.001"))
    again = run_harness(project, "judge", "last")
    assert again.code == 0, again.out
    assert beside == {one["name"]: one for one in record(project)["run"]["operations"]}


def test_the_result_is_the_same_however_the_items_are_spread(alike):
    alone = run_pytest(alike, "--compare-to=baseline")
    assert alone.code == 0, alone.out
    spread = run_pytest(alike, "--compare-to=baseline", "-n", "2")
    assert spread.code == 0, spread.out
    assert spread.verdict["result_digest"] == alone.verdict["result_digest"]
    assert {rules(alike)[name]["status"] for name in NAMES} == {"PASS"}
    replayed = run_harness(alike, "replay", "last")
    assert replayed.code == 0, replayed.out


def test_every_key_of_the_record_is_one_that_its_types_name(alike):
    """A real record, and a schema that lets no other key in: what is written and what is published are the same."""
    assert run_harness(alike, "compare", "--to=baseline").code == 0
    found = jsonschema.Draft202012Validator(closed(schema.schema())).iter_errors(record(alike))
    assert [one.message for one in found] == []


def test_numbers_that_were_edited_are_not_believed(alike):
    assert run_harness(alike, "compare", "--to=baseline").code == 0
    (path,) = ((alike / "reports" / "runs").glob("*/rows/operations-calls-30x1.json"),)
    newest = max(path, key=lambda one: one.stat().st_mtime_ns)
    data = json.loads(newest.read_text())
    data["candidate"]["s"] = [x / 100 for x in data["candidate"]["s"]]
    newest.write_text(json.dumps(data))
    done = run_harness(alike, "judge", "last")
    assert done.code == 10, done.out
    assert "the kept answers to rows have changed since the run" in done.out


def test_a_rule_that_came_later_has_no_numbers(zoo, tmp_path):
    project = project_of(zoo, tmp_path, QUICK, "", {"data": b"1"})
    assert run_harness(project, "compare", "--to=baseline").code == 0
    path = project / "harness.toml"
    path.write_text(path.read_text() + '\n[[rules]]\nname = "p95"\nrule = "latency"\nmax_ratio = 9\n')
    done = run_harness(project, "judge", "last")
    assert done.code == 10, done.out
    assert "E10 p95 latency of a call with 1 row: nothing was measured" in done.out


def test_a_version_that_fails_while_it_is_measured_is_no_pass(zoo, tmp_path):
    """It answers while it is compared, and raises from its 25th call on."""
    source = QUICK.replace(
        "time.sleep(0.001)", "LARGE.append(1)\n    if len(LARGE) > 25: raise ValueError('tired')"
    )
    limits = '[[rules]]\nname = "p95"\nrule = "latency"\nmax_ratio = 9\n'
    project = project_of(zoo, tmp_path, source, limits, {"data": b"1"})
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 10, done.out
    assert "E29 the candidate does not answer case r" in done.out


@pytest.mark.parametrize(("toml", "words"), [
    ('rule = "latency"\nmax_ratoi = 1.2', 'did you mean "max_ratio"'),
    ('rule = "peak_memory"\nmax_ratio = 1.2\nwhere = "x > 1"', "has where"),
    ('rule = "latency"\nmax_ratio = 1.2\ninputs = ["search"]', "bound to the search"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_runs(zoo, tmp_path, toml, words):
    search = '[[inputs]]\nname = "search"\ngenerate = { rows = 10 }\n'
    project = project_of(zoo, tmp_path, QUICK, f'{search}[[rules]]\nname = "mine"\n{toml}\n')
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 4, done.out
    assert words in done.out
    assert "mine" in done.out


def test_a_waiver_has_nothing_to_lift(zoo, tmp_path):
    waiver = (
        '[[rules]]\nname = "mine"\nrule = "latency"\nmax_ratio = 2\n'
        '[[waivers]]\nname = "w"\nrule = "mine"\nowner = "o"\nreason = "r"\nuntil = 2099-01-01\n'
    )
    done = run_harness(project_of(zoo, tmp_path, QUICK, waiver), "compare", "--to=baseline")
    assert done.code == 4, done.out
    assert "mine cannot be waived" in done.out
