"""Recorded answers as a version: joined by case, and what is missing is missing."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from .running import run_harness

COMPARE = ("compare", "--to=recorded:answers.csv")


@pytest.fixture
def project(zoo, tmp_path):
    made = zoo.project(tmp_path, "good", "good")
    rows = pd.read_csv(made / "rows.csv")
    table = pd.DataFrame({"id": rows["id"], "prediction": 2 * rows["x"] + 1})
    table.sample(frac=1, random_state=1).to_csv(made / "answers.csv", index=False)
    return made


def edit(project, change):
    change(pd.read_csv(project / "answers.csv")).to_csv(project / "answers.csv", index=False)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_recorded_answers_are_joined_by_case(project, suffix):
    table = pd.read_csv(project / "answers.csv")
    path = project / f"answers{suffix}"
    {
        ".csv": lambda: table.to_csv(path, index=False),
        ".parquet": lambda: table.to_parquet(path),
        ".jsonl": lambda: table.to_json(path, orient="records", lines=True),
    }[suffix]()
    done = run_harness(project, "compare", f"--to=recorded:answers{suffix}")
    assert done.code == 0, done.out
    assert "20 of 20 planned cases compared" in done.out


def test_another_answer_is_a_difference_of_that_case(project):
    edit(project, lambda table: table.assign(prediction=table["prediction"].where(table["id"] != "r7", 0.0)))
    done = run_harness(project, *COMPARE)
    assert done.code == 1, done.out
    record = json.loads((project / "reports" / "report.json").read_text())
    findings = json.dumps(record["result"]["rules"])
    assert "r7" in findings
    assert "r8" not in findings


def test_a_case_without_a_recorded_answer_is_missing(project):
    edit(project, lambda table: table[table["id"] != "r7"])
    done = run_harness(project, *COMPARE)
    assert done.code != 0, done.out
    assert "r7" in done.out
    assert done.verdict["verdict"] != "PASS"


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda table: pd.concat([table, table.head(1)]), 10, "is answered twice"),
        (lambda table: table.rename(columns={"id": "case"}), 10, "no column id or key"),
    ],
)
def test_answers_that_nobody_can_join_are_refused(project, spoil, code, words):
    edit(project, spoil)
    done = run_harness(project, *COMPARE)
    assert done.code == code, done.out
    assert words in done.out


def test_a_search_cannot_be_asked_of_records(project):
    path = project / "harness.toml"
    path.write_text(path.read_text() + '\n[[inputs]]\nname = "search"\ngenerate = { rows = 100, seed = 1 }\n')
    done = run_harness(project, *COMPARE)
    assert done.code == 4, done.out
    assert "recorded answers cannot answer the search" in done.out


@pytest.mark.parametrize(("name", "words"), [("nowhere.csv", "no file nowhere.csv"), ("rows.xls", "no file")])
def test_a_file_that_is_none_is_refused(project, name, words):
    done = run_harness(project, "compare", f"--to=recorded:{name}")
    assert done.code == 4, done.out
    assert words in done.out
