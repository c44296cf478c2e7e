"""What the gate answers to each way of misbehaving: the exit code, the verdict, the words. None passes by accident."""

from __future__ import annotations

import json

import pytest

from ..predictors.test_isolated import gone
from .running import run_harness, run_pytest

COMPARE = ("--compare-to=baseline", "-q")


@pytest.mark.parametrize(
    ("baseline", "candidate", "code", "words"),
    [
        ("good", "rewritten", 0, "MAY BE RELEASED: 1.1.0 (refactor) equals 1.0.0 within its limits"),
        ("good", "prints", 0, "MAY BE RELEASED"),
        ("good", "shifted", 1, "DO NOT RELEASE: 20 of 20 rows"),
        ("good", "shifted_at_13", 1, "DO NOT RELEASE: 1 of 20 rows"),
        ("good", "raises_at_13", 1, "DO NOT RELEASE: one version alone fails: 1 of 20 rows"),
        ("raises_at_13", "good", 1, "DO NOT RELEASE"),
        ("good", "raises_on_all", 1, "DO NOT RELEASE"),
        ("good", "sys_exits_at_13", 1, "DO NOT RELEASE"),
        ("good", "answers_fewer", 1, "DO NOT RELEASE"),
        ("good", "answers_more", 1, "DO NOT RELEASE"),
        ("good", "answers_nan", 1, "DO NOT RELEASE: answers became NaN"),
        ("good", "answers_text", 1, "DO NOT RELEASE: output type changed"),
        ("good", "answers_columns", 1, "DO NOT RELEASE: output row is new"),
        ("good", "answers_none", 1, "DO NOT RELEASE"),
        ("good", "raises_on_import", 10, "CANNOT SAY: E08 candidate"),
        ("raises_on_import", "good", 10, "CANNOT SAY: E08 baseline"),
        ("good", "exits_on_import", 10, "CANNOT SAY: E01 candidate"),
        ("good", "exits_at_13", 10, "CANNOT SAY: E01 candidate worker ended early (code 0)"),
        ("good", "dies_at_13", 10, "CANNOT SAY: E02 candidate killed by SIGSEGV on case r13"),
        ("good", "hangs_at_13", 10, "CANNOT SAY: E04 candidate no answer in 2 s"),
        ("good", "eats_memory", 10, "CANNOT SAY: E03 candidate exceeded"),
        ("good", "writes_garbage", 10, "CANNOT SAY: E06 candidate protocol error"),
        ("raises_on_all", "raises_on_all", 10, "CANNOT SAY"),
        ("raises_at_13", "raises_otherwise_at_13", 10, "CANNOT SAY"),
    ],
)
def test_each_misbehaviour_has_its_verdict(zoo, tmp_path, baseline, candidate, code, words):
    same = "--compare-allow-same" if baseline == candidate else "-q"
    project = zoo.project(tmp_path, baseline, candidate, profile='timeout = 2\nmemory = "300 MiB"')
    done = run_pytest(project, *COMPARE, same)
    assert done.code == code, done.out
    assert words in done.out
    assert done.lines[-1].startswith("next: ")
    verdict = {0: "PASS", 1: "FAIL", 10: "INCONCLUSIVE"}[code]
    assert done.verdict["verdict"] == verdict
    assert done.verdict["exit"] == code
    assert sum(n for name, n in done.verdict["accounting"].items() if name != "planned") == 20
    record = json.loads((project / "reports" / "report.json").read_text())
    assert record["run_id"] == done.verdict["run_id"]
    assert words.partition(": ")[2] in record["headline"]


def test_pytest_and_the_command_give_the_same_result_byte_for_byte(zoo, tmp_path):
    settings = '[[inputs]]\nname = "search"\ngenerate = { rows = 600, seed = 3 }'
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=settings)
    alone = run_pytest(project, *COMPARE)
    first = (project / "reports" / "report.json").read_text()
    command = run_harness(project, "compare", "--to=baseline")
    second = (project / "reports" / "report.json").read_text()
    assert (alone.code, command.code) == (1, 1), alone.out + command.out
    assert json.loads(first)["result"] == json.loads(second)["result"]
    assert alone.verdict["result_digest"] == command.verdict["result_digest"]


@pytest.mark.parametrize("candidate", ["rewritten", "shifted_at_13", "dies_at_13"])
def test_two_workers_of_xdist_give_the_same_verdict(zoo, tmp_path, candidate):
    settings = '[[inputs]]\nname = "search"\ngenerate = { rows = 600, seed = 3 }'
    project = zoo.project(tmp_path, "good", candidate, settings=settings)
    alone, spread = run_pytest(project, *COMPARE), run_pytest(project, *COMPARE, "-n", "2")
    assert alone.code == spread.code, alone.out + spread.out
    for field in ("verdict", "reason", "accounting", "rules", "result_digest"):
        assert alone.verdict[field] == spread.verdict[field]


def test_a_search_shrinks_to_one_row_and_prints_it(zoo, tmp_path):
    settings = '[[inputs]]\nname = "search"\ngenerate = { rows = 4000, seed = 3 }'
    project = zoo.project(tmp_path, "good", "shifted", xs=[1], settings=settings)
    done = run_pytest(project, *COMPARE)
    assert done.code == 1
    record = json.loads((project / "reports" / "report.json").read_text())
    shrunk = [one for one in record["result"]["findings"] if one["shrunk"]]
    assert shrunk
    assert shrunk[0]["inputs"] == {"x": 0.0}


def test_what_was_answered_before_a_death_is_kept(zoo, tmp_path):
    xs = [*(float(x) for x in range(13)), *([1.0] * 9000), 13.0]
    project = zoo.project(tmp_path, "good", "dies_at_13", xs=[x for x in xs if x != 13.0] + [13.0])
    done = run_pytest(project, *COMPARE)
    assert done.code == 10
    assert done.verdict["accounting"]["compared"] == 8192
    assert done.verdict["accounting"]["not_reached"] == done.verdict["planned"] - 8192
    kept = list((project / "reports" / "runs").rglob("block-*.answers"))
    assert len(kept) == 2


def test_e07_what_a_version_leaves_behind_is_stopped_and_told(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "leaves_a_grandchild")
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    assert done.verdict["verdict"] == "PASS"
    assert "event: E07 1 stray process of the candidate stopped" in done.out
    (pid,) = map(int, (project / "pids").read_text().split())
    # killed, though perhaps not yet buried by whoever adopted it
    assert gone(pid)
