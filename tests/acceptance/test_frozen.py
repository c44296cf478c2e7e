"""What an older harness wrote is still read: records, runs and recorded answers of earlier formats."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from harness import reporting
from harness.run.answers import Recorded

from .running import run_harness

ROOT = Path(__file__).parents[2]
FROZEN = ROOT / "tests" / "frozen"


@pytest.fixture(params=sorted(path.name for path in FROZEN.glob("run-*")))
def old(request, tmp_path):
    """A project with a run of an older harness; its wheels are gone."""
    project = tmp_path / "project"
    shutil.copytree(FROZEN / request.param, project)
    (project / "kept").rename(project / "reports")
    return project


def test_a_record_of_an_older_harness_fits_the_schema_is_read_and_rendered(old):
    schema = json.loads((Path(reporting.__file__).parent / "report.schema.json").read_text())
    record = reporting.read(old / "reports")
    jsonschema.validate(record, schema)
    assert record["result_digest"] == reporting.result_digest(record["result"])
    verdict = json.loads((old / "reports" / "verdict.json").read_text())
    assert verdict["result_digest"] == record["result_digest"]
    done = run_harness(old, "report")
    assert done.code == 0, done.out
    page = (old / "reports" / "report.html").read_text()
    assert "DO NOT RELEASE" in page
    assert "r13" in page


def test_a_run_of_an_older_harness_is_judged_again_and_then_shown(old):
    (run,) = (old / "reports" / "runs").iterdir()
    before = json.loads((run / "run.json").read_text())
    none = run_harness(old, "show", "last")
    assert none.code == 10
    assert "harness judge" in none.out
    assert run_harness(old, "replay", "last").code == 10
    done = run_harness(old, "judge", "last")
    assert done.code == 1, done.out
    assert done.verdict["reason"] == before["reason"]
    shown = run_harness(old, "show", "r13")
    assert shown.code == 0, shown.out
    assert "prediction 27.5" in shown.out


def test_recorded_answers_of_the_first_format_are_read():
    # of the first release that this project made
    digest = "669418932146e9565e7f653a8a7745d83affda45defb5e695c50c3a26b56d3d1"
    (path,) = ROOT.glob(f"baselines/blobs/*/{digest}")
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    recorded = Recorded.parse(content)
    # it does not say to which cases, nor where: nothing is taken from it
    assert (recorded.cases, recorded.outcomes, recorded.environment) == ((), (), {})
