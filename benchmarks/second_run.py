"""The main job (train, then compare) a second time, its environments cached, against the first time.

Each round starts with an empty cache of its own; uv's download cache is the user's, as it would be.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
ROOT = Path(__file__).resolve().parent.parent


def job(project: Path, cache: str) -> float:
    """Seconds of `harness train` and `pytest --compare-to=previous -m differential`."""
    environment = {**os.environ, "MODEL_HARNESS_CACHE": cache, "PYTHONPATH": str(ROOT)}
    plugin = [] if _installed() else ["-p", "_pytest_model_harness"]
    began = time.perf_counter()
    for command in (
        ["harness.cli", "train"],
        ["pytest", *plugin, "--compare-to=previous", "-m", "differential", "-q"],
    ):
        subprocess.run(
            [sys.executable, "-m", *command], cwd=project, env=environment, check=True, capture_output=True
        )
    return time.perf_counter() - began


def _installed() -> bool:
    from importlib import metadata

    return any(point.name == "model_harness" for point in metadata.entry_points(group="pytest11"))


def main() -> None:
    """First and second run, in fresh clones, and their ratio."""
    ratios = []
    for number in range(1, ROUNDS + 1):
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder, "project")
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
            cache = str(Path(folder, "cache"))
            first, second = job(project, cache), job(project, cache)
            ratios.append(second / first)
            print(f"round {number}: first {first:.1f} s, second {second:.1f} s, ratio {ratios[-1]:.2f}")
    print(f"second run / first run: {statistics.median(ratios):.2f} (median of {ROUNDS})")


if __name__ == "__main__":
    main()
