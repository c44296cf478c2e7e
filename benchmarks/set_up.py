"""A newcomer's set-up: `pip install tox && tox -e compare` on a clean clone, in an empty virtual environment, with an
empty cache, against a plain `pip install scikit-learn` in another. Side by side, in the same round.
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


def timed(command: str, folder: Path, environment: dict[str, str]) -> float:
    """Seconds of a command line."""
    began = time.perf_counter()
    subprocess.run(["bash", "-c", command], cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Both, round by round, and the ratio."""
    ratios, plain, whole = [], [], []
    for number in range(1, ROUNDS + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "project")], check=True)
            environment = {
                key: value for key, value in os.environ.items() if not key.startswith(("TOX_", "VIRTUAL_ENV"))
            }
            # pip keeps what it downloads; both sides start without it
            environment |= {
                "MODEL_HARNESS_CACHE": str(folder / "cache"),
                "UV_CACHE_DIR": str(folder / "uv"),
                "PIP_CACHE_DIR": str(folder / "pip"),
            }
            python = (
                f"{sys.executable} -m venv {folder}/a && {folder}/a/bin/python -m pip install scikit-learn"
            )
            plain.append(timed(python, folder, environment | {"PIP_CACHE_DIR": str(folder / "pip2")}))
            command = (
                f"{sys.executable} -m venv {folder}/b && . {folder}/b/bin/activate && "
                "python -m pip install tox && tox -e compare"
            )
            whole.append(timed(command, folder / "project", environment))
            ratios.append(whole[-1] / plain[-1])
            print(
                f"round {number}: pip install scikit-learn {plain[-1]:.0f} s, "
                f"the main job from nothing {whole[-1]:.0f} s, ratio {ratios[-1]:.1f}"
            )
    print(
        f"the main job from nothing / pip install scikit-learn: {statistics.median(ratios):.1f} (median of {ROUNDS})"
    )


if __name__ == "__main__":
    main()
