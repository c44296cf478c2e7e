"""Rows on which a version raises are found by halves, and named with what was raised and where; what fails on every row
is found by a few calls and not by one for each row."""

from __future__ import annotations

import json

import pytest

from .running import run_pytest

COUNTED = """
import pathlib

def calls(number):
    with pathlib.Path(PLACE, "calls").open("a") as file:
        file.write("%d\\n" % number)

def deep(record):
    if BAD:
        raise LookupError("no weight for %s\\nand a second line" % record["x"] if ROWWISE else "no weights")
    return 2 * record["x"] + 1

def predict(records):
    calls(len(records))
    return [deep(record) for record in records]
"""


@pytest.fixture
def run(zoo, tmp_path):
    """Compare a good baseline with a candidate that raises where `bad` says, on 1,000 rows: the process, the result
    with the events, and the sizes of its calls."""

    def made(bad, rowwise=False):
        project = zoo.project(tmp_path, "good", "rewritten", xs=range(1000))
        place = tmp_path / "marks"
        place.mkdir()
        source = (
            COUNTED.replace("PLACE", repr(str(place))).replace("BAD", bad).replace("ROWWISE", str(rowwise))
        )
        zoo.wheel(project / "candidate", "rewritten", "1.1.0", source=source)
        done = run_pytest(project, "--compare-to=baseline", "-q")
        record = json.loads((project / "reports" / "report.json").read_text())
        return (
            done,
            record["result"],
            record["run"],
            [int(line) for line in (place / "calls").read_text().split()],
        )

    return made


def test_what_fails_on_every_row_is_found_by_a_few_calls(run):
    done, result, around, calls = run("True")
    assert done.code == 1, done.out
    assert done.verdict["reason"].startswith("one version alone fails: 1,000 of 1,000 rows")
    assert calls == [1000] + [1] * 32
    (fault,) = [one for one in result["faults"] if one["side"] == "candidate"]
    assert (fault["error"], fault["message"], fault["count"]) == ("LookupError", "no weights", 1000)
    assert [frame.partition("/")[2] for frame in fault["frames"]] == [
        "model.py:10 in deep", "model.py:15 in <listcomp>", "model.py:15 in predict",
    ]  # fmt: skip
    # that the others were not asked alone is no secret
    note = "candidate: 32 spread rows failed alike; the other rows were not asked one by one"
    assert around["events"] == [note]
    assert f"event: {note}" in " ".join(done.out.split())


def test_the_rows_that_fail_are_named_each_with_what_it_raised(run):
    done, result, _, calls = run("record['x'] in (3, 500, 998)", rowwise=True)
    assert done.code == 1, done.out
    assert done.verdict["accounting"]["candidate_faulted"] == 3
    assert done.verdict["compared"] == 997
    faults = {one["first_key"]: one for one in result["faults"] if one["side"] == "candidate"}
    assert {key: (one["error"], one["message"]) for key, one in faults.items()} == {
        f"r{x}": ("LookupError", f"no weight for {x}.0") for x in (3, 500, 998)
    }
    assert all("model.py:10 in deep" in one["frames"][0] for one in faults.values())
    named = {one["key"] for one in result["findings"] if one["rule"] == "faults"}
    assert named == {"r3", "r500", "r998"}
    assert len(calls) < 64
