"""How many blocks of a table are asked in one call is a matter of the table: models answer otherwise by batch sizes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from harness.run import blocks

from .running import run_harness

SIZES = '''"""Answers with how many it was asked at once; {name}."""
import time

SEEN = []

def predict(records):
    SEEN.append(1)
    time.sleep({pause} if len(SEEN) < 4 else 0)
    return [len(records) for _ in records]
'''
ROWS = 70_000  # 18 blocks, the last of them short
CALLS = np.repeat([4096, 15 * 4096, ROWS - 16 * 4096], [4096, 15 * 4096, ROWS - 16 * 4096])


def project(zoo, git, folder: Path) -> Path:
    """The baseline answers at once. The candidate takes its time for its first calls: sixteen blocks at that pace would
    be beyond the time-out of one."""
    made = zoo.project(
        folder, "good", xs=range(ROWS), profile="timeout = 2", source=SIZES.format(name="a", pause=0)
    )
    slow = zoo.wheel(
        made / "candidate", version="1.1.0", source=SIZES.format(name="b", pause=0.4), place=made
    )
    assert slow.name in (made / "harness.toml").read_text()
    git(made)
    return made


def answers(made: Path, side: str) -> np.ndarray:
    (folder,) = (made / "reports" / "runs").glob("*/rows")
    return np.concatenate([getattr(one, side).columns["prediction"].values for one in blocks.read(folder)])


def run_of(made: Path) -> dict:
    return json.loads((made / "reports" / "report.json").read_text())["run"]


def test_a_table_is_cut_alike_however_long_a_call_takes(zoo, git, tmp_path):
    made = project(zoo, git, tmp_path / "project")
    done = run_harness(made, "compare", "--to=baseline")
    assert done.code == 0, done.out
    for side in ("baseline", "candidate"):
        np.testing.assert_array_equal(answers(made, side), CALLS)
    assert run_of(made)["calls"] == {"rows": {"together": 16, "alone": 0}}
    assert "up to 16 blocks in one call (rows)" in (made / "reports" / "report.html").read_text()
    # what another harness chose is what it is asked again
    (state,) = (made / "reports" / "runs").glob("*/rows/state.json")
    said = json.loads(state.read_text())
    assert (said["together"], said["alone"]) == (16, [])
    again = run_harness(made, "replay", "last")
    assert again.code == 0, again.out
    state.write_text(json.dumps(said | {"together": 8}))
    again = run_harness(made, "replay", "last")
    assert "the baseline answers 61,440 of 70,000 rows of rows otherwise" in again.out.replace("\n", " ")


def test_whoever_is_compared_with_recorded_answers_is_asked_as_they_were(zoo, git, tmp_path):
    made = project(zoo, git, tmp_path / "project")
    path = made / "harness.toml"
    text = path.read_text()
    path.write_text(text.replace('candidate = "candidate"', 'candidate = "baseline"'))
    git(made)
    done = run_harness(made, "release", "--first", "--reason", "nothing to compare with")
    assert done.code == 0, done.out
    path.write_text(text)
    git(made)
    done = run_harness(made, "compare")
    assert done.code == 0, done.out
    assert run_of(made)["recorded"] == {"rows": ROWS}
    assert run_of(made)["calls"] == {"rows": {"together": 16, "alone": 0}}
    for side in ("baseline", "candidate"):
        np.testing.assert_array_equal(answers(made, side), CALLS)
