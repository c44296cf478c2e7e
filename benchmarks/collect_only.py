"""What the plugin costs a suite that does not compare: `pytest --collect-only` with it and without it, side by side.

Run with an interpreter that has the distribution installed, or from the root of a checkout.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 41
ROOT = Path(__file__).resolve().parent.parent
THIRD = ("numpy", "pandas", "hypothesis", "sklearn", "scipy", "requests", "jinja2", "pyarrow", "harness")


def collect(folder: str, *arguments: str) -> float:
    """Processor seconds of one `pytest --collect-only`: on a shared machine less noisy than the clock."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime


def loaded(folder: str) -> str:
    """Which of the heavy modules loading the plugin adds."""
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import _pytest_model_harness;"
        f"print(*[name for name in {THIRD!r} if name in sys.modules and name not in before])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip() or "none"


def main() -> None:
    """Alternate with and without, and print the median of the differences."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_one.py").write_text("def test_one(): pass\n")
        plugin = ("-p", "_pytest_model_harness")
        for arguments in ((), plugin):
            collect(folder, *arguments)
        pairs = [(collect(folder), collect(folder, *plugin)) for _ in range(ROUNDS)]
        without = statistics.median(a for a, _ in pairs)
        difference = statistics.median(b - a for a, b in pairs)
        spread = statistics.quantiles([b - a for a, b in pairs], n=4)
        print(
            f"pytest --collect-only, {ROUNDS} pairs, processor time: without the plugin {without * 1000:.0f} ms"
        )
        print(
            f"with it {difference * 1000:+.1f} ms (median of differences; "
            f"quartiles {spread[0] * 1000:+.1f} to {spread[2] * 1000:+.1f} ms)"
        )
        print(f"third-party modules added: {loaded(folder)}")


if __name__ == "__main__":
    main()
