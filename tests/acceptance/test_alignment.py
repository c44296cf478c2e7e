"""Replies that lose rows, repeat them or stand in another order: said as exactly that, never as shifted differences."""

from __future__ import annotations

import json

import pytest

from .running import run_harness

KEYED = ({"name": "id", "kind": "str"}, {"name": "x", "kind": "float", "minimum": 0, "maximum": 100})
OUTPUTS = ({"name": "id", "kind": "str"}, {"name": "prediction", "kind": "float"})
PLAIN = "def predict(rows):\n    return [{'id': row['id'], 'prediction': 2 * row['x'] + 1} for row in rows]\n"
SORTED = (
    PLAIN
    + "old = predict\ndef predict(rows):\n    return sorted(old(rows), key=lambda one: -one['prediction'])\n"
)
LOSES = (
    PLAIN
    + "old = predict\ndef predict(rows):\n    return [one for one in old(rows)[::-1] if one['id'] != 'r13']\n"
)
STRAY = (
    PLAIN + "old = predict\ndef predict(rows):\n    return old(rows) + [{'id': 'r99', 'prediction': 1.0}]\n"
)


@pytest.fixture
def project(zoo, tmp_path):
    """`project(source)`: a plain baseline beside a candidate of this source; both name the case of each answer."""

    def make(source: str):
        made = zoo.project(tmp_path, source=PLAIN, inputs=KEYED, outputs=OUTPUTS, pass_as="records")
        old = next((made / "candidate").glob("*.whl"))
        old.unlink()
        wheel = zoo.wheel(
            made / "candidate",
            version="1.1.0",
            source=source,
            inputs=KEYED,
            outputs=OUTPUTS,
            pass_as="records",
        )
        assert wheel.name == old.name
        return made

    return make


def outcome(project):
    done = run_harness(project, "compare", "--to", "baseline")
    return done, json.loads((project / "reports" / "report.json").read_text())["result"]


def test_another_order_is_told_by_the_key(project):
    done, result = outcome(project(SORTED))
    assert done.code == 1, done.out
    assert "the candidate returns its rows in another order than asked" in done.out
    assert {rule["name"]: rule["violations"] for rule in result["rules"]} == {
        "structure": 20,
        "values": 0,
        "faults": 0,
    }


def test_a_row_that_is_lost_is_named_and_no_other_moves(project):
    done, result = outcome(project(LOSES))
    assert done.code == 1, done.out
    assert result["accounting"]["dropped"] == 1
    assert "r13" in {one["key"] for one in result["findings"]}
    assert next(rule for rule in result["rules"] if rule["name"] == "values")["violations"] == 0


def test_an_answer_to_nothing_is_counted(project):
    done, _ = outcome(project(STRAY))
    assert done.code == 1, done.out
    assert "answers to nothing that was asked: baseline 0, candidate 1" in done.out


def test_the_same_model_agrees(project):
    done, _ = outcome(project(PLAIN + "# built again\n"))
    assert done.code == 0, done.out


@pytest.mark.parametrize(
    ("candidate", "dropped", "faulted"),
    [("answers_fewer", 1, 0), ("answers_fewer_by_index", 1, 0), ("answers_more", 0, 1)],
)
def test_without_a_key_the_rows_are_found_by_index_or_by_asking_alone(
    zoo, tmp_path, candidate, dropped, faulted
):
    made = zoo.project(tmp_path, "good", candidate)
    done, result = outcome(made)
    assert done.code == 1, done.out
    assert (result["accounting"]["dropped"], result["accounting"]["candidate_faulted"]) == (dropped, faulted)
    assert [one["key"] for one in result["findings"]] == ["r13"]
    assert next(rule for rule in result["rules"] if rule["name"] == "values")["violations"] == 0
