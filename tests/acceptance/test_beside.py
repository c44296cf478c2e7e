"""Conditions on the columns of a table that no version takes: a segment, the key, the label."""

from __future__ import annotations

import csv
import datetime
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from harness.run import blocks

from .running import run_harness, run_pytest

COMPARE = ("--compare-to=baseline", "-q")
SEARCH = '[[inputs]]\nname = "search"\ngenerate = { rows = 300, seed = 3 }\n'
NOISY = """
[[rules]]
name = "noisy"
output = "prediction"
rule = "close"
atol = 1.0
where = "segment == 'noisy'"
"""


def made(zoo, folder, candidate="shifted_at_13", settings=NOISY, keep=""):
    """A project whose table has a segment ('noisy' from x 10 on) and a region beside x, the key and the label."""
    project = zoo.project(folder, "good", candidate, settings=settings)
    path = project / "rows.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for row in rows:
        noisy = float(row["x"]) >= 10
        row |= {"segment": "noisy" if noisy else "quiet", "region": "r730731"}
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    if keep:
        file = project / "harness.toml"
        file.write_text(file.read_text().replace('target = "y"', f'target = "y"\nkeep = {json.dumps(keep)}'))
    return project


def result(project):
    return json.loads((project / "reports" / "report.json").read_text())["result"]


def rule(project, name="noisy", source="rows"):
    found = [one for one in result(project)["rules"] if (one["name"], one["inputs"]) == (name, source)]
    return found[0] if found else None


def test_a_rule_for_a_segment_that_no_version_takes(zoo, tmp_path):
    project = made(zoo, tmp_path)
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    assert (rule(project)["cases"], rule(project)["compared"]) == (10, 10)
    assert rule(project, "values")["compared"] == 10
    assert all(set(one["inputs"]) == {"x"} for one in result(project)["findings"])
    # spread over processes, and judged again from what was kept, it is the same result
    spread = run_pytest(project, *COMPARE, "-n", "2")
    assert spread.verdict["result_digest"] == done.verdict["result_digest"]
    again = run_harness(project, "judge", "last")
    assert again.verdict["result_digest"] == done.verdict["result_digest"]
    replayed = run_harness(project, "replay", "last")
    assert replayed.code == 0, replayed.out
    # a segment that changed is another case
    path = project / "rows.csv"
    path.write_text(path.read_text().replace("quiet", "noisy", 1))
    changed = run_harness(project, "judge", "last")
    assert changed.code == 10
    assert "E17 input source rows has changed since the run" in changed.out


@pytest.mark.parametrize(
    ("condition", "code"),
    [("y > 26", 0), ("id == 'r12'", 1)],
)
def test_the_key_and_the_label_choose_cases_too(zoo, tmp_path, condition, code):
    project = made(zoo, tmp_path, settings=NOISY.replace("segment == 'noisy'", condition))
    assert run_pytest(project, *COMPARE).code == code


def test_no_version_is_given_what_a_condition_names(zoo, tmp_path):
    conditions = "segment == 'noisy' and id != 'r0' and y > 0"
    project = made(zoo, tmp_path, "takes_x_alone", NOISY.replace("segment == 'noisy'", conditions))
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    assert rule(project)["cases"] == 10


def test_slices_and_waivers_by_a_segment(zoo, tmp_path):
    sliced = NOISY.replace("where = \"segment == 'noisy'\"", 'slices = ["segment"]\nmax_violations = 5')
    project = made(zoo, tmp_path / "slices", "shifted", sliced)
    assert run_pytest(project, *COMPARE).code == 0
    names = [one["name"] for one in rule(project)["slices"]]
    assert names == ["segment == 'noisy'", "segment == 'quiet'"]
    waiver = """
[[waivers]]
name = "known"
rule = "values"
where = "segment == '{}'"
owner = "us"
reason = "known"
until = 2999-01-01
"""
    for segment, code in (("noisy", 0), ("quiet", 1)):
        project = made(zoo, tmp_path / segment, settings=waiver.format(segment))
        done = run_pytest(project, *COMPARE)
        assert done.code == code, done.out


def test_generated_cases_have_no_segment_so_tables_alone_are_judged(zoo, tmp_path):
    project = made(zoo, tmp_path, "rewritten", NOISY + SEARCH)
    check = run_harness(project, "check", "--to=baseline")
    assert check.code == 0, check.out
    assert "judges 10 of 20 cases, where segment == 'noisy'" in check.out
    line = next(line for line in check.lines if "judges nothing here" in line)
    assert line.strip().startswith("noisy")
    assert line.endswith("no version takes segment, so no generated case has it")
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    # what the rule does not judge there is left to nobody's mercy: the default judges every generated case
    assert rule(project, source="search") is None
    assert rule(project, "values", "search")["compared"] == 300
    (project / "test_own.py").write_text(
        "def test_by_hand(comparison): comparison.check([{'x': 13.0}])\n"
        "def test_with_segment(comparison): comparison.check([{'x': 13.0, 'segment': 'noisy'}])\n"
    )
    assert run_pytest(project, *COMPARE).code == 0
    path = project / "harness.toml"
    path.write_text(path.read_text().replace('rule = "close"', 'rule = "close"\ninputs = ["rows", "search"]'))
    refused = run_harness(project, "check", "--to=baseline")
    assert refused.code == 4
    assert "E27 rule noisy is bound to the search search, whose cases have no segment" in refused.out


def test_by_hand_the_default_judges_what_a_segment_took_from_it(zoo, tmp_path):
    project = made(zoo, tmp_path)
    (project / "test_own.py").write_text("def test_x(comparison): comparison.check([{'x': 13.0}])\n")
    done = run_pytest(project, *COMPARE, "test_own.py")
    assert done.code == 10 or done.code == 1, done.out
    assert "1 of 1 rows violate values" in done.out


def test_every_column_is_known_by_name(zoo, tmp_path):
    project = made(zoo, tmp_path, settings=NOISY.replace("segment ==", "regoin =="))
    for done in (run_pytest(project, *COMPARE), run_harness(project, "check", "--to=baseline")):
        assert done.code == 4
        assert "E27 no column is named regoin" in done.out
        assert 'did you mean "region"?' in done.out
    wrong = made(zoo, tmp_path / "kind", settings=NOISY.replace("== 'noisy'", "> 3"))
    done = run_harness(wrong, "check", "--to=baseline")
    assert done.code == 4
    assert "E27 column segment holds text, and this is a number" in done.out


def test_rules_are_tried_on_what_a_run_kept(zoo, tmp_path):
    project = made(zoo, tmp_path, keep=["region"], settings="")
    assert run_pytest(project, *COMPARE).code == 1
    file = project / "proposed.toml"
    file.write_text(NOISY.replace("segment == 'noisy'", "region == 'r730731'"))
    tried = run_harness(project, "rules", "try", "proposed.toml")
    assert "FAIL -> PASS" in tried.out, tried.out
    file.write_text(NOISY)
    tried = run_harness(project, "rules", "try", "proposed.toml")
    assert tried.code == 10
    assert "not judged: E27 run " in tried.out
    assert "kept no column segment of rows" in tried.out
    path = project / "harness.toml"
    path.write_text(path.read_text().replace('keep = ["region"]', 'keep = ["regoin"]'))
    done = run_harness(project, "check", "--to=baseline")
    assert done.code == 4
    assert "E27 no column regoin in every file, which should be kept" in done.out


def test_private_values_of_a_segment_stay_hidden(zoo, tmp_path):
    condition = "region == 'r730731'"
    project = made(
        zoo, tmp_path, "shifted", NOISY.replace("segment == 'noisy'", condition).replace("1.0", "0.1")
    )
    path = project / "harness.toml"
    path.write_text('private = ["region"]\n' + path.read_text())
    done = run_pytest(project, *COMPARE)
    assert done.code == 1, done.out
    assert rule(project)["where"] == "(private)"
    written = [
        item
        for item in (project / "reports").rglob("*")
        if item.is_file() and item.relative_to(project / "reports").parts[0] not in ("runs", "kept")
    ]
    assert [str(item) for item in written if b"730731" in item.read_bytes()] == []
    path.write_text(path.read_text().replace("where = ", "slices = ").replace(f'"{condition}"', '["region"]'))
    sliced = run_harness(project, "check", "--to=baseline")
    assert sliced.code == 4
    assert "slices by region, whose values are private" in sliced.out


def test_no_other_column_can_be_wrong_and_none_is_kept(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten", settings=NOISY.replace("== 'noisy'", "is not null"))
    n = 20
    table = {
        "id": [f"r{row}" for row in range(n)],
        "x": np.arange(float(n)),
        "y": np.arange(float(n)),
        "segment": ["a"] * n,
        "at": [datetime.time(12)] * n,
        "valid_to": [datetime.date(9999, 12, 31)] * n,
    }
    pa.parquet.write_table(pa.table(table), project / "rows.parquet")
    path = project / "harness.toml"
    path.write_text(path.read_text().replace("rows.csv", "rows.parquet"))
    assert run_pytest(project, *COMPARE).code == 0
    (run,) = (project / "reports" / "runs").iterdir()
    (block,) = blocks.read(run / "rows")
    assert list(block.batch.beside) == ["segment"]
    path.write_text(path.read_text().replace("segment is not null", "at is not null"))
    refused = run_pytest(project, *COMPARE)
    assert refused.code == 4
    assert (
        "column at holds time64[us], which no version can be given and no condition compared with"
        in refused.out
    )
