"""`harness compare` on two models that do next to nothing, over a fixed table of 1M rows x 20 columns.

Nearly all of the time is the harness itself. The seconds of the whole command come from a run of its own; a second
run, under the profiler, says which part of it took how large a share. The environments of both versions are built
before.
"""

from __future__ import annotations

import os
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from zoo.builder import Zoo  # noqa: E402  # the test suite builds version packages; it is no package itself

ROWS = 1_000_000
MODEL = '''"""The {role}."""


def predict(frame):
    return frame["float0"] * 2 + 1
'''
PARTS = {
    "reading the table": ("inputs/fixed.py", "_read"),
    "cutting it into batches": ("inputs/fixed.py", "_batch"),
    "asking both versions, the transport included": ("run/drive.py", "ask"),
    "keeping the answers": ("run/blocks.py", "keep"),
    "judging them": ("compare/align.py", "compare"),
    "planning": ("run/plan.py", "make_plan"),
    "report and verdict": ("run/conclude.py", "publish"),
}
"""What a part is called, and the function that does it."""


def project(folder: Path) -> None:
    """A repository with the table, both versions and one input source."""
    random = np.random.default_rng(0)
    columns = {"id": pa.array([f"r{row}" for row in range(ROWS)])}
    for number in range(20):
        if number < 10:
            columns[f"float{number}"] = pa.array(random.normal(size=ROWS))
        elif number < 14:
            columns[f"int{number}"] = pa.array(random.integers(0, 99, ROWS))
        else:
            columns[f"str{number}"] = pa.array([f"w{word}" for word in random.integers(0, 999, ROWS)])
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    inputs = [{"name": name, "kind": name.rstrip("0123456789")} for name in columns if name != "id"]
    lines = ['model = "animal"', 'candidate = "candidate"']
    lines += ["", "[[inputs]]", 'name = "rows"', 'path = "rows.parquet"', 'key = "id"']
    for role, version in (("baseline", "1.0.0"), ("candidate", "1.1.0")):
        wheel = Zoo().wheel(
            folder / role,
            version=version,
            source=MODEL.format(role=role),
            inputs=inputs,
            package="trivial",
            lock=Zoo().science_lock,
            pass_as="frame",
        )
        lines += ["", f"[versions.{role}]", f'spec = "wheel:{role}/{wheel.name}"', "timeout = 300"]
    (folder / "harness.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / ".gitignore").write_text("reports/\n__pycache__/\n")
    for command in (["init", "-q", "."], ["add", "-A"], ["commit", "-q", "-m", "as it stands"]):
        who = ["-c", "user.name=bench", "-c", "user.email=bench@bench.invalid"]
        subprocess.run(["git", *who, *command], cwd=folder, check=True)


def compare(folder: Path, *profiler: str) -> float:
    """Seconds of the command, which has to pass."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *profiler, "-m", "harness.cli", "compare", "--to=baseline"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def main() -> None:
    """Seconds of the whole, and the share of its parts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder)
        compare(folder)
        print(f"harness compare, {ROWS:,} rows x 20 columns: {compare(folder):.1f} s", flush=True)
        profile = Path(name, ".git", "profile")
        compare(folder, "-m", "cProfile", "-o", str(profile))
        stats = pstats.Stats(str(profile))
        whole = stats.total_tt  # type: ignore[attr-defined]
        for words, (file, function) in PARTS.items():
            took = [
                seen[3]
                for (path, _, called), seen in stats.stats.items()  # type: ignore[attr-defined]
                if path.endswith(f"harness/{file}") and called == function
            ]
            print(f"  {words:<48} {sum(took) / whole:4.0%}" if took else f"  {words}: not found")


if __name__ == "__main__":
    main()
