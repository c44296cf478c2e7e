"""SIGINT and SIGTERM while a model predicts: a partial report, the exit code of the signal, nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.predictors import homes

from .running import environment, plugin

SLOW = """
import time, pathlib
def predict(records):
    pathlib.Path({mark!r}).write_text("")
    time.sleep(600)
"""


@pytest.fixture
def project(zoo, tmp_path):
    made = zoo.project(tmp_path / "project", "good", "good")
    path = next((made / "candidate").glob("*.whl"))
    source = SLOW.format(mark=str(tmp_path / "mark"))
    zoo.wheel(made / "candidate", source=source, version="1.1.0", package=path.name.partition("-")[0])
    path = made / "harness.toml"
    path.write_text(path.read_text().replace("[versions.candidate]", "[versions.candidate]\ntimeout = 900"))
    (tmp_path / "scratch").mkdir()
    return made


def stopped(project: Path, number: int, *command: str) -> tuple[int, str]:
    """Exit code and output of a run that gets this signal while the candidate predicts; it has ten seconds."""
    place = project.parent
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=project,
        env=environment(TMPDIR=str(place / "scratch")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # as a terminal does: whoever is in the group gets it
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not (place / "mark").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        os.killpg(process.pid, number)
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    return process.returncode, said


PYTEST = ("pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "--compare-to=baseline")
COMMAND = ("harness.cli", "compare", "--to=baseline")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", [PYTEST, COMMAND])
def test_a_run_that_is_stopped_says_so(project, number, code, command):
    named = plugin() if command is PYTEST else ()
    found, said = stopped(project, number, *command, *named)
    assert found == code, said
    verdict = json.loads((project / "reports" / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["exit"]) == ("INCONCLUSIVE", code)
    assert "E14 interrupted" in said
    record = json.loads((project / "reports" / "report.json").read_text())
    assert "E14" in {fault["code"] for fault in record["faults"]}
    assert "Traceback" not in said
    assert os.listdir(project.parent / "scratch") == []


def test_homes_of_the_dead_are_swept_and_those_of_the_living_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(homes.tempfile, "tempdir", str(tmp_path))
    own = homes.Home()
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    left = tmp_path / f"harness-home-{dead.stdout.strip()}-x"
    (left / "inner").mkdir(parents=True)
    # a name that says nothing of its maker, and one that somebody holds: a maker in another container
    (tmp_path / "harness-home-abc").mkdir()
    held = tmp_path / f"harness-home-{dead.stdout.strip()}-held"
    shutil.copytree(own.name, held)
    handle = os.open(held, os.O_RDONLY)
    try:
        homes.fcntl.flock(handle, homes.fcntl.LOCK_EX)
        homes.sweep()
        assert not left.exists()
        assert held.exists()
        assert Path(own.name).exists()
        assert (tmp_path / "harness-home-abc").exists()
    finally:
        os.close(handle)
    own.remove()
    assert not Path(own.name).exists()
