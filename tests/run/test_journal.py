"""The ledger beside the reports, between a run's beginning and its verdict."""

from __future__ import annotations

import json

import pytest

from harness.run import journal, tombstone

SUMMARY = {
    "verdict": "PASS",
    "reason": "",
    "change": "refactor",
    "model": "m",
    "result_digest": "d",
    "tree": "t",
}


def noted(folder, run_id):
    return journal.note_verdict(folder, SUMMARY | {"run_id": run_id}, {})


def finished(folder, run_id):
    journal.begin(folder, run_id)
    head = noted(folder, run_id)
    verdict = SUMMARY | {"run_id": run_id, "ledger": str(head)}
    tombstone.end(folder, verdict)
    return verdict


def counted(folder):
    return [one.body["run_id"] for one in journal.events(folder, "m")]


def test_a_verdict_that_was_noted_and_never_published_counts_for_nothing(tmp_path):
    finished(tmp_path, "first")
    journal.begin(tmp_path, "killed")
    noted(tmp_path, "killed")
    assert counted(tmp_path) == ["first"]
    # nor does it when others came after it, of which one was killed before it noted anything
    journal.begin(tmp_path, "killed at once")
    assert counted(tmp_path) == ["first"]
    finished(tmp_path, "last")
    assert counted(tmp_path) == ["first", "last"]
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert kinds == ["verdict", "verdict", "void", "verdict"]


def test_a_run_killed_while_it_voids_leaves_the_events_uncounted(tmp_path, monkeypatch):
    journal.begin(tmp_path, "killed")
    noted(tmp_path, "killed")
    monkeypatch.setattr(journal, "_void", lambda one: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        journal.begin(tmp_path, "killed too")
    assert json.loads((tmp_path / "verdict.json").read_text())["run_id"] == "killed too"
    assert counted(tmp_path) == []
    monkeypatch.undo()
    finished(tmp_path, "last")
    assert counted(tmp_path) == ["last"]


def test_a_run_judged_again_keeps_its_first_verdict_until_the_second_is_published(tmp_path):
    finished(tmp_path, "one")
    journal.begin(tmp_path, "one")
    noted(tmp_path, "one")
    assert counted(tmp_path) == ["one"]


def test_the_last_line_cannot_be_edited_beside_a_verdict(tmp_path):
    verdict = finished(tmp_path, "one")
    assert journal.check_noted(tmp_path, verdict) == ""
    path = tmp_path / "ledger.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace('"compared":null', '"compared":9'))
    assert "is not the one that was written with it" in journal.check_noted(tmp_path, verdict)
    path.write_text("")
    assert "is not the one that was written with it" in journal.check_noted(tmp_path, verdict)
    path.write_text(whole)
    assert "tells of another one" in journal.check_noted(tmp_path, verdict | {"run_id": "two"})
    assert "no head" in journal.check_noted(tmp_path, verdict | {"ledger": ""})
