"""SIGKILL at a random moment of a comparison, over and over, and what has to hold after each."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from harness import reporting
from harness import settings as configuration
from harness.errors import HarnessError
from harness.run import tombstone
from harness.run.verify import verify

from .running import environment

COMMAND = (sys.executable, "-m", "harness.cli")


def start(project: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command of ours in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=project,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def runs(project: Path) -> set[str]:
    """The runs that have a folder."""
    return {path.name for path in (project / "reports" / "runs").glob("*")}


def waits(project: Path, process: subprocess.Popen[bytes], before: bytes, known: set[str]) -> None:
    """Until the run has begun, by its tombstone or by its folder, or is over."""
    path = project / "reports" / tombstone.FILE
    while process.poll() is None and runs(project) <= known:
        if path.exists() and path.read_bytes() != before:
            return
        time.sleep(0.002)


def whole(project: Path) -> str:
    """The verdict that stands there after a kill; every file that is there is whole and fits the others.

    Nothing torn: what is there parses. Nothing lost: there is a verdict file. Never PASS by chance: one that says PASS
    is accepted by `verify`, with its report, and every other is refused.
    """
    reports = project / "reports"
    verdict = json.loads((reports / tombstone.FILE).read_text(encoding="utf-8"))
    if (reports / reporting.FILE).exists():
        reporting.read(reports)
    for path in (reports / "runs").rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    name = str(verdict["verdict"])
    settings = configuration.load(project / "harness.toml")
    if name == "PASS":
        assert verdict["seal"] == tombstone.seal(verdict)
        verify(settings, reports)
    else:
        with pytest.raises(HarnessError) as caught:
            verify(settings, reports)
        assert caught.value.exit != 0
    return name


def kill_often(project: Path, times: int, seed: int, *arguments: str) -> Counter[str]:
    """Start the command `times` times and kill it each time, later and later within the length of a whole run; what
    stood there afterwards, counted. A run that was over before the kill counts as it ended."""
    chance = random.Random(seed)
    path = project / "reports" / tombstone.FILE
    began = time.monotonic()
    subprocess.run([*COMMAND, *arguments], cwd=project, env=environment(), capture_output=True, check=True)
    length = time.monotonic() - began
    found: Counter[str] = Counter()
    for _ in range(times):
        before, known = path.read_bytes(), runs(project)
        process = start(project, *arguments)
        try:
            waits(project, process, before, known)
            # most of what can be torn is written at the very end
            late = chance.random() < 0.5
            time.sleep(length * (chance.uniform(0.3, 0.8) if late else chance.uniform(0.0, 0.5)))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        killed = process.returncode == -signal.SIGKILL
        name = whole(project)
        if new := runs(project) - known:
            # whatever stood there before this run is gone, a PASS above all
            assert json.loads(path.read_bytes())["run_id"] in new
        found[name if not killed else f"killed {name}"] += 1
    return found
