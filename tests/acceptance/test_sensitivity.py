"""`harness sensitivity` says of each planted fault what arithmetic says of it."""

from __future__ import annotations

import json

import pytest

from .running import run_harness

SOURCE = """\
import pandas as pd


def predict(frame):
    return pd.DataFrame({"prediction": 2.0 * frame["x"] + 1.0}, index=frame.index)
"""
INPUTS = [{"name": "x", "kind": "float", "minimum": 0, "maximum": 100}]
RULES = """
[[rules]]
name = "near"
output = "prediction"
rule = "close"
atol = 5.0
rtol = 0.0
"""


@pytest.fixture
def project(zoo, tmp_path, git):
    """Answers 2x + 1 for x of 0 to 19, of which five may be off."""
    folder = zoo.project(
        tmp_path, source=SOURCE, inputs=INPUTS, lock=zoo.science_lock, settings=RULES, pass_as="frame"
    )
    git(folder)
    return folder


def run(project, *arguments: str):
    done = run_harness(project, "sensitivity", "baseline", *arguments, "--json")
    assert done.code == 0, done.out
    return json.loads(done.out)


def test_what_is_caught_is_what_arithmetic_says(project):
    told = run(project)
    assert told["change"] == "refactor"
    found = {one["fault"]: one for one in told["faults"]}
    sizes = {
        name: [(one["size"], one["status"], one["shown"]) for one in found[name]["tried"]] for name in found
    }
    # at most 2 * 19 * (factor - 1) off, and 5 is allowed
    assert sizes["unit-error"] == [
        ("× 10", "caught", True),
        ("× 2", "caught", True),
        ("× 1.1", "missed", True),
    ]
    # 2 * 100 * share off
    assert sizes["skew"] == [
        ("0.5 of its range", "caught", True),
        ("0.1 of its range", "caught", True),
        ("0.01 of its range", "missed", True),
    ]
    # the largest x is 19: nothing above 50 is ever asked
    assert sizes["clip"] == [
        ("above 0.1 of its range", "caught", True),
        ("above 0.5 of its range", "missed", False),
    ]
    # whole numbers go through 32 bits unharmed
    assert sizes["float32"] == [("", "missed", False)]
    assert found["unit-error"]["tried"][0]["by"] == ["near"]
    assert found["threshold"]["tried"] == []
    act = project / "reports" / "acts"
    assert len(list(act.iterdir())) == 1
    kept = json.loads(next(act.iterdir()).read_text())
    assert kept["faults"] == told["faults"]
    assert kept["passed"] is True
    assert not (project / "reports" / "verdict.json").exists()

    again = run(project, "--fault", "clip")
    assert again["faults"] == [one for one in told["faults"] if one["fault"] == "clip"]
    text = run_harness(project, "sensitivity", "baseline", "--fault", "clip")
    assert "caught from above 0.1 of its range on, by near; missed at above 0.5" in text.out
    assert (
        text.lines[-1]
        == "1 of 1 faults planted into 1.0.0 would be caught, 0 undecided and 0 missed, judged as a refactor"
    )
    # x of 0 to 19, each a tenth more: all but 0 change, by less than a tenth of 2x + 1
    (tenth,) = [one for one in found["unit-error"]["tried"] if one["size"] == "× 1.1"]
    assert (tenth["changed"], tenth["rows"]) == (19, 20)
    assert tenth["largest"] == pytest.approx(2 * 1.9 / 39)


LABELS = """\
import pandas as pd


def predict(frame):
    return pd.DataFrame({"prediction": ["high" if x > 10.5 else "low" for x in frame["x"]]}, index=frame.index)
"""


def test_labels_that_change_are_seen_to_change(zoo, tmp_path, git):
    """A label is no number, so that nothing of it has moved; nine of twenty are another one all the same."""
    folder = zoo.project(
        tmp_path,
        source=LABELS,
        inputs=INPUTS,
        outputs=[{"name": "prediction", "kind": "str", "categories": ["high", "low"]}],
        task="classification",
        lock=zoo.science_lock,
        settings='\n[[rules]]\nname = "any"\noutput = "prediction"\nrule = "same_label"\nmax_violation_rate = 0.9\n',
        pass_as="frame",
    )
    path = folder / "harness.toml"
    path.write_text(path.read_text().replace('target = "y"\n', ""))
    git(folder)
    done = run_harness(folder, "sensitivity", "baseline", "--fault", "clip")
    assert done.code == 0, done.out
    assert "9 of 20 answers change, and the rules allow it" in done.out
    (one,) = json.loads(run_harness(folder, "sensitivity", "baseline", "--fault", "clip", "--json").out)[
        "faults"
    ]
    assert one["tried"][0]["shown"] is True


def test_a_name_that_is_none_is_guessed(project):
    wrong = run_harness(project, "sensitivity", "baseline", "--fault", "clp")
    assert wrong.code == 4
    assert 'did you mean "clip"?' in wrong.out
    wrong = run_harness(project, "sensitivity", "baseline", "--feature", "y")
    assert wrong.code == 4
    assert 'no feature "y" in this version' in wrong.out
