"""However the work is spread over processes, the record says the same."""

from __future__ import annotations

import json

from .running import run_pytest

SOURCES = """
[[inputs]]
name = "more"
path = "rows.csv"
key = "id"

[[inputs]]
name = "search"
generate = { rows = 1500, seed = 3 }
"""


def test_any_number_of_workers_gives_an_identical_result(zoo, tmp_path):
    # three blocks of each table; -0.5 makes an answer of zero
    xs = [-0.5, 13.0, *((x % 97) + 1 / (x + 1) for x in range(9000))]
    project = zoo.project(tmp_path, "good", "slightly_off", xs=xs, settings=SOURCES)
    results = []
    for spread in ([], ["-n", "1"], ["-n", "2"], ["-n", "3"]):
        done = run_pytest(project, "--compare-to=baseline", *(spread or ["-n", "0"]))
        record = json.loads((project / "reports" / "report.json").read_text())
        assert record["result"]["planned"] == 2 * 9002 + 1500, done.out
        results.append(json.dumps(record["result"], sort_keys=True))
    assert len(set(results)) == 1
    moved = {one["source"]: one for one in json.loads(results[0])["moved"]}
    assert set(moved) == {"rows", "more", "search"}
    assert moved["rows"]["compared"] == moved["rows"]["measured"] == 9002
    assert 0 < moved["rows"]["mean"] < moved["rows"]["largest_absolute"] < 1e-12
    assert moved["rows"]["std"] > 0
    assert len(moved["rows"]["curve"]) == 60
