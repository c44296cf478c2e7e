"""Runs pytest and the command as a user does: a process of its own, in the user's folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Done:
    """A finished process: its exit code, what it printed, and the verdict file that it left."""

    code: int
    out: str
    verdict: dict[str, Any] | None

    @property
    def lines(self) -> list[str]:
        """The lines of standard output and error."""
        return self.out.splitlines()


@cache
def plugin() -> tuple[str, ...]:
    """Nothing where the distribution is installed; in a bare checkout the plugin has to be named."""
    installed = any(
        point.value == "_pytest_model_harness" for point in metadata.entry_points(group="pytest11")
    )
    return () if installed else ("-p", "_pytest_model_harness")


def environment(**more: str) -> dict[str, str]:
    """Ours, without what an outer pytest left in it."""
    left_out = ("PYTEST_", "MODEL_HARNESS_RUN", "GITHUB_ACTIONS", "COV_", "HYPOTHESIS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "PY_COLORS": "0", **more}


def run_pytest(folder: Path, *arguments: str, **more: str) -> Done:
    """`pytest …` in this folder. Plugins that shuffle are left out: what is tested here is ours."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        *plugin(),
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
    ]
    return _run(folder, [*command, *arguments], more)


def run_pytest_with_all(folder: Path, *arguments: str, **more: str) -> Done:
    """`pytest …` in this folder with every plugin that is installed, those that shuffle and remember included."""
    return _run(folder, [sys.executable, "-m", "pytest", *plugin(), "-W", "error", *arguments], more)


def run_harness(folder: Path, *arguments: str, **more: str) -> Done:
    """`harness …` in this folder."""
    return _run(folder, [sys.executable, "-m", "harness.cli", *arguments], more)


def _run(folder: Path, command: list[str], more: dict[str, str]) -> Done:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    path = folder / "reports" / "verdict.json"
    verdict = json.loads(path.read_text()) if path.exists() else None
    return Done(done.returncode, done.stdout, verdict)
