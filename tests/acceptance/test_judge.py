"""`harness judge` and `harness rules try`: a past run is judged again, and no model runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from harness.run import blocks

from .running import run_harness, run_pytest

COMPARE = ("--compare-to=baseline", "-q")
SEARCH = '[[inputs]]\nname = "search"\ngenerate = { rows = 1200, seed = 3 }\n'
WAIVER = """
[[waivers]]
name = "thirteen"
rule = "values"
max_magnitude = 1.0
owner = "pricing"
reason = "known"
until = 2999-01-01
"""


def result(project):
    return json.loads((project / "reports" / "report.json").read_text())["result"]


@pytest.mark.parametrize(
    ("baseline", "candidate", "change"),
    [
        ("good", "rewritten", "auto"),
        ("good", "shifted", "auto"),
        ("good", "shifted", "retrain"),
        ("good", "raises_at_13", "auto"),
        ("raises_at_13", "raises_otherwise_at_13", "auto"),
        ("good", "answers_nan", "auto"),
        ("good", "answers_fewer", "auto"),
        ("good", "answers_backwards_by_index", "auto"),
        ("good", "answers_strange_text", "auto"),
        ("good", "answers_nested", "auto"),
        ("good", "dies_at_13", "auto"),
        ("good", "raises_on_import", "auto"),
    ],
)
def test_judging_again_under_the_same_rules_gives_the_same_result_byte_for_byte(
    zoo, tmp_path, baseline, candidate, change
):
    project = zoo.project(tmp_path, baseline, candidate, settings=SEARCH, profile="timeout = 10")
    first = run_pytest(project, *COMPARE, f"--compare-change={change}")
    before = json.dumps(result(project))
    for folder in ("baseline", "candidate"):
        shutil.rmtree(project / folder)  # no model can run any more
    done = run_harness(project, "judge", "last")
    assert json.dumps(result(project)) == before
    assert done.code == first.code, done.out
    assert done.verdict["result_digest"] == first.verdict["result_digest"]
    assert done.verdict["run_id"] == first.verdict["run_id"]


def test_a_partial_run_stays_partial(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten", settings=SEARCH)
    first = run_pytest(project, *COMPARE, "-k", "rows and not faults")
    assert first.code == 10
    before = json.dumps(result(project))
    assert run_harness(project, "judge", "last").code == 10
    assert json.dumps(result(project)) == before


def test_a_waiver_and_a_verdict_follow_without_a_model(zoo, tmp_path, git):
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=SEARCH)
    git(project)
    assert run_pytest(project, *COMPARE).code == 1
    path = project / "harness.toml"
    path.write_text(path.read_text() + WAIVER)
    git(project)
    assert run_harness(project, "verify").code != 0
    done = run_harness(project, "judge", "last")
    assert done.code == 0, done.out
    assert "starting" not in done.out
    assert run_harness(project, "verify").code == 0
    assert "with 1 waiver: thirteen" in done.verdict["reason"]


def test_answers_to_other_cases_are_no_answers_to_these(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten")
    assert run_pytest(project, *COMPARE).code == 0
    rows = project / "rows.csv"
    text = rows.read_text()
    for changed in (
        text.replace("r3,3.0", "r3,3.5"),
        text.replace("r4", "r40"),
        text.replace(",9.0", ",9.5"),
    ):
        assert changed != text
        rows.write_text(changed)
        done = run_harness(project, "judge", "last")
        assert done.code == 10
        assert "E17 input source rows has changed since the run" in done.out
    rows.write_text(text)
    assert run_harness(project, "judge", "last").code == 0
    path = project / "harness.toml"
    path.write_text(path.read_text() + SEARCH)
    done = run_harness(project, "judge", "last")
    assert done.code == 10
    assert "E17 the run holds no answers to input source search" in done.out


@pytest.mark.parametrize("run", ["2020", "nonsense", ""])
def test_a_run_that_is_not_stored_is_named(zoo, tmp_path, run):
    project = zoo.project(tmp_path, "good", "rewritten")
    done = run_harness(project, "judge", run)
    assert done.code == 4
    assert "no stored run" in done.out
    assert done.verdict is None


def state(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_rules_are_tried_on_past_runs_and_nothing_is_written(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted_at_13")
    assert run_pytest(project, *COMPARE).code == 1
    assert run_pytest(project, "--compare-to=candidate", "--compare-candidate=baseline", "-q").code == 1
    same = ("--compare-candidate=baseline", "--compare-allow-same")
    assert run_pytest(project, *COMPARE, *same).code == 0
    file = project / "proposed.toml"
    file.write_text('[[rules]]\nname = "near"\nrule = "close"\natol = 0.6\n')
    before = state(project)
    done = run_harness(project, "rules", "try", "proposed.toml")
    assert done.code == 0, done.out
    flips = [line for line in done.lines if " FAIL -> PASS: " in line]
    assert len(flips) == 2
    assert "1.0.0 -> 1.1.0" in flips[1]
    # all answers of that run are 1 to 39: before, rounding alone was allowed; now 0.6
    assert "  rows: would catch shift 1e-09, 1 of 20 rows -> shift 0.6, 1 of 20 rows" in done.lines
    assert "    near: not there -> shift 0.6, 1 of 20 rows" in done.lines
    assert done.lines[-1] == "3 of 3 runs judged; 2 verdicts would flip"
    last = run_harness(project, "rules", "try", "proposed.toml", "--last", "1")
    assert last.lines[-1] == "1 of 1 runs judged; 0 verdicts would flip"
    file.write_text('[[rules]]\nname = "never"\nrule = "close"\natol = 0.0\nmin_cases = 999')
    strict = run_harness(project, "rules", "try", "proposed.toml")
    assert any("PASS -> INCONCLUSIVE" in line and "fewer than min_cases" in line for line in strict.lines)
    file.write_text(WAIVER)
    waived = run_harness(project, "rules", "try", "proposed.toml")
    assert sum(" FAIL -> PASS: " in line and "with 1 waiver" in line for line in waived.lines) == 2
    assert {k: v for k, v in state(project).items() if k != "proposed.toml"} == {
        k: v for k, v in before.items() if k != "proposed.toml"
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('model = "m"', "a file of rules holds"),
        ('[[rules]]\nname = "near"', "a rule has no rule"),
        ("[[rules]", "not TOML"),
    ],
)
def test_a_wrong_file_of_rules_is_refused(zoo, tmp_path, text, words):
    project = zoo.project(tmp_path, "good", "rewritten")
    (project / "proposed.toml").write_text(text)
    done = run_harness(project, "rules", "try", "proposed.toml")
    assert done.code == 4
    assert words in done.out


def test_without_a_stored_run_nothing_can_be_said(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten")
    (project / "proposed.toml").write_text("")
    assert run_harness(project, "rules", "try", "proposed.toml").code == 10
    assert run_pytest(project, *COMPARE).code == 0
    (run,) = (project / "reports" / "runs").iterdir()
    (run / "rows" / "block-00000000.answers").write_bytes(b"damaged")
    done = run_harness(project, "rules", "try", "proposed.toml")
    assert done.code == 10
    assert "not judged: kept answers cannot be read" in done.out
    assert done.lines[-1] == "0 of 1 runs judged; 0 verdicts would flip"


def test_answers_that_are_not_those_of_the_run_are_not_judged(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted_at_13")
    assert run_pytest(project, *COMPARE).code == 1
    (run,) = (project / "reports" / "runs").iterdir()
    (block,) = blocks.read(run / "rows")
    blocks.keep(run / "rows", replace(block, candidate=block.baseline))
    done = run_harness(project, "judge", "last")
    assert done.code == 10, done.out
    assert "E17 the kept answers to rows have changed since the run" in done.out


def test_a_verdict_is_bound_to_the_table_that_was_asked_and_the_configuration_that_judged(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten")
    first = run_pytest(project, *COMPARE).verdict
    path = project / "harness.toml"
    path.write_text(path.read_text() + "\n# the same rules\n")
    again = run_harness(project, "judge", "last").verdict
    assert again["answers"] == first["answers"] != {}
    assert again["channel"] == first["channel"]
    differing = [name for name in first["files"] if again["files"][name] != first["files"][name]]
    assert differing == ["harness.toml"]
    assert run_harness(project, "verify").code == 0
    # the same cases, in a file that is another: judged, but not what the run was about
    rows = project / "rows.csv"
    rows.write_text(rows.read_text().replace("r3,3.0", "r3,3.00"))
    assert run_harness(project, "judge", "last").code == 0
    done = run_harness(project, "verify")
    assert done.code == 10
    assert "E17 rows.csv changed since the verdict" in done.out


def test_trouble_that_was_no_rules_own_is_carried_over(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten")
    (project / "conftest.py").write_text(
        "from harness.run import blocks\n\nkeep = blocks.keep\n\n\ndef odd(*arguments):\n"
        "    keep(*arguments)\n    raise ValueError('odd')\n\n\nblocks.keep = odd\n"
    )
    done = run_pytest(project, *COMPARE)
    assert done.code == 10
    assert "E26 rows cannot be judged: ValueError: odd" in done.out
    again = run_harness(project, "judge", "last")
    assert again.code == 10, again.out
    assert "E26 rows cannot be judged: ValueError: odd" in again.out


def test_a_waiver_forgives_nothing_to_a_test_by_hand(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=WAIVER)
    (project / "test_by_hand.py").write_text(
        "def test_thirteen(comparison): comparison.check([{'x': 13.0}])\n"
    )
    done = run_pytest(project, *COMPARE)
    assert done.code == 1, done.out
    assert "with 1 waiver" not in done.lines[-1]
