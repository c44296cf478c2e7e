"""SIGKILL at random moments: nothing torn, nothing lost, never PASS. 500 of them by `tox -e kills`, a few here."""

from __future__ import annotations

import os

import pytest

from .killing import kill_often, whole
from .running import run_harness

KILLS = int(os.environ.get("HARNESS_KILLS", "20"))


@pytest.fixture
def project(zoo, tmp_path):
    return zoo.project(tmp_path, "good", "rewritten", xs=range(50))


def test_e15_a_comparison_that_is_killed_leaves_no_pass(project):
    found = kill_often(project, KILLS // 2, 1, "compare", "--to=baseline")
    assert sum(found.values()) == KILLS // 2
    assert set(found) <= {"killed INCOMPLETE", "killed PASS", "PASS"}, found
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 0, done.out
    assert whole(project) == "PASS"


def test_reports_that_are_being_written_are_never_torn(project):
    """Judging again is nearly nothing but writing reports."""
    assert run_harness(project, "compare", "--to=baseline").code == 0
    kept = sorted((project / "reports" / "runs").rglob("*.answers"))
    content = [path.read_bytes() for path in kept]
    found = kill_often(project, KILLS - KILLS // 2, 2, "judge", "last")
    assert sum(found.values()) == KILLS - KILLS // 2
    assert set(found) <= {"killed INCOMPLETE", "killed PASS", "PASS"}, found
    assert [path.read_bytes() for path in kept] == content
    assert run_harness(project, "judge", "last").code == 0
    assert whole(project) == "PASS"
