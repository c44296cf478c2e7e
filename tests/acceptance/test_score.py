"""`harness score` through processes: by the newest run that belongs to the project as it stands, or by none."""

from __future__ import annotations

import json

import pytest

from harness import settings as configuration
from harness.run import score as scoring

from .running import run_harness


@pytest.fixture
def compared(zoo, tmp_path, git):
    """A model with a release, and a run of a candidate that passed."""
    project = zoo.project(tmp_path, "good", "prints")
    git(project)
    return project


def score(project):
    """What the command says, without a process for each question."""
    settings = configuration.load(configuration.find(project))
    return scoring.score(settings, settings.reports_path).to_json()


def points(told) -> dict[str, float]:
    return {test["name"]: test["points"] for one in told["sections"] for test in one["tests"]}


def test_before_the_first_run_nothing_is_evidenced(compared):
    told = score(compared)
    assert told["score"] == 0
    assert told["run_id"] == ""
    assert not any(points(told).values())
    assert json.loads(run_harness(compared, "score", "--json").out) == told
    text = run_harness(compared, "score").out
    assert "by no run: none counts" in text
    assert text.splitlines()[-1].startswith("ML TEST SCORE 0: ")
    named = run_harness(compared, "score", "--run", "20990101")
    assert named.code == 4
    assert 'no stored run "20990101"' in named.out


def test_a_run_counts_until_rules_or_tables_move(compared):
    assert run_harness(compared, "compare", "--to", "baseline").code == 0
    told = score(compared)
    found = points(told)
    assert told["run_id"]
    assert found["monitoring-5"] in (0.5, 1)
    page = (compared / "reports" / "score.html").read_text()
    assert told["run_id"] in page
    assert "no answer to" in page
    assert (compared / "reports" / "report" / "score.html").exists()

    path = compared / "harness.toml"
    text = path.read_text()
    path.write_text(text + '\n[[rules]]\nname = "new"\noutput = "prediction"\nrule = "close"\nrtol = 0.5\n')
    moved = score(compared)
    assert points(moved)["monitoring-5"] == 0
    assert any("the rules have changed since" in one for one in moved["troubles"])
    path.write_text(text)
    assert points(score(compared)) == found

    (table,) = compared.glob("rows.*")
    content = table.read_bytes()
    table.write_bytes(content + b"\n")
    assert any(f"{table.name} has changed since" in one for one in score(compared)["troubles"])
    table.write_bytes(content)
    assert points(score(compared)) == found


def test_a_record_that_no_verdict_belongs_to_counts_nothing(compared):
    assert run_harness(compared, "compare", "--to", "baseline").code == 0
    assert any(points(score(compared)).values())
    ledger = compared / "reports" / "ledger.jsonl"
    content = ledger.read_bytes()
    ledger.write_bytes(content.replace(b'"verdict":"PASS"', b'"verdict":"pass"', 1))
    told = score(compared)
    assert not any(points(told).values())
    assert told["troubles"]
    ledger.unlink()
    assert any("no verdict of the ledger belongs to it" in one for one in score(compared)["troubles"])
    ledger.write_bytes(content)
    (record,) = (compared / "reports" / "runs").glob("*/record.json")
    record.write_text(record.read_text().replace('"PASS"', '"FAIL"', 1))
    told = score(compared)
    assert not any(points(told).values())
    assert any("does not count" in one for one in told["troubles"])


def test_a_broken_act_is_told_and_a_limit_can_be_demanded(compared):
    folder = compared / "reports" / "acts"
    folder.mkdir(parents=True)
    (folder / "reproduce-1.json").write_text('{"format": 1, "act": "reproduce"}')
    told = score(compared)
    assert any("what was tried beside the runs does not count" in one for one in told["troubles"])
    assert run_harness(compared, "score", "--at-least", "0.5").code == 1
    assert run_harness(compared, "score", "--at-least", "nan").code == 1
    assert run_harness(compared, "score", "--at-least", "0").code == 0
