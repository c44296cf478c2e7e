"""Making a version's environment, scikit-learn's stack, from a warm cache, against `venv` and a warm `pip install`.

Both sides have what they download already. Prints goal and measured, and asserts nothing.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROUNDS = 3
STACK = ["scikit-learn", "pandas"]


def uv(*arguments: str, **more: str) -> str:
    """uv as the harness finds it."""
    from uv import find_uv_bin

    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [find_uv_bin(), *arguments], check=True, capture_output=True, text=True, env={**environment, **more}
    )
    return done.stdout


def spent(pid: int) -> float:
    """Seconds of processor time that the threads of a process have had, which others on the machine hardly change."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += int((task / "schedstat").read_text().split()[0])
    return found / 1e9


def make_environment(folder: Path, packages: Sequence[str]) -> Path:
    """The interpreter of a new environment with these packages."""
    uv("venv", "--quiet", "--python", sys.executable, str(folder))
    python = folder / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", str(python), *packages)
    return python


def timed(task: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def by_pip(folder: Path) -> None:
    """What a user would type."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    subprocess.run(
        [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *STACK,
        ],
        check=True,
        capture_output=True,
    )


def main() -> None:
    """Both, side by side."""
    from harness.predictors import environments

    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text("\n".join(STACK))
        lock = uv(
            "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate",
            "--python", sys.executable, str(wanted),
        )  # fmt: skip
        os.environ["MODEL_HARNESS_CACHE"] = str(Path(folder, "warm"))
        environments.python_for(lock)
        by_pip(Path(folder, "pip-warm"))
        own, other, same = [], [], []
        for number in range(ROUNDS):
            os.environ["MODEL_HARNESS_CACHE"] = str(Path(folder, f"cache{number}"))
            own.append(timed(lambda: environments.python_for(lock)))
            other.append(timed(lambda number=number: by_pip(Path(folder, f"pip{number}"))))  # type: ignore[misc]
            same += [timed(lambda: environments.python_for(lock)) for _ in range(5)]
        line("own / venv + pip install", "<= 0.05x", [a / b for a, b in zip(own, other, strict=True)], "x")
        line("own", "-", own, " s")
        line("venv + pip install", "-", other, " s")
        line("unchanged lock", "<= 20 ms", [seconds * 1000 for seconds in same], " ms")


def line(what: str, goal: str, values: list[float], unit: str) -> None:
    """One row of the table."""
    median = statistics.median(values)
    print(f"{what:<42} {goal:>10}   {median:.3f}{unit} [{min(values):.3f}-{max(values):.3f}]", flush=True)


if __name__ == "__main__":
    main()
