"""What comparing costs beside predicting: HistGradientBoosting behind a ColumnTransformer, 1M rows, one thread each.

Both versions are asked bare, each in a process of its own that has the table in memory and calls `predict` once, at
the same time and one after the other; then the harness drives the table through both: reading the file, sending,
predicting, comparing, keeping every answer. All are warm. Prints goal and measured, and asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from environment import line, spent, uv

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PACKAGES = ["scikit-learn", "pandas", "pyarrow", "joblib"]
TRAIN = """
import sys, joblib, numpy as np, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
table, target, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
frame = pd.read_parquet(table).head(50_000)
numbers = [name for name in frame if name.startswith("float")]
words = [name for name in frame if name.startswith("word")]
model = Pipeline([
    ("columns", ColumnTransformer([
        ("numbers", SimpleImputer(), numbers),
        ("words", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), words),
    ])),
    ("trees", HistGradientBoostingRegressor(max_iter=100, random_state=seed)),
])
answers = frame["float0"] * 2 + frame["float1"] ** 2 / 50 + (frame["word0"] == "kind 3") * 7
model.fit(frame, answers + np.random.default_rng(1).normal(size=len(frame)))
joblib.dump(model, target)
"""
MODEL = '''"""A pipeline of scikit-learn."""
import os
import joblib
import sklearn.ensemble
MODEL = joblib.load(os.path.join(os.path.dirname(__file__), "model.joblib"))
def predict(frame):
    return MODEL.predict(frame)
'''
BARE = """
import sys, time, joblib, pandas as pd
model, frame = joblib.load(sys.argv[1]), pd.read_parquet(sys.argv[2])
for name in frame.columns[frame.dtypes == "category"]:
    frame[name] = frame[name].astype("str")
model.predict(frame.head(4096))
print("ready", flush=True)
while sys.stdin.readline():
    began = time.perf_counter()
    model.predict(frame)
    print(time.perf_counter() - began, flush=True)
"""
PINNED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def write_table(path: Path, rows: int) -> None:
    """(rows, 14): 10 floats, one of them with nulls, and 4 columns of few words."""
    random = np.random.default_rng(5)
    columns = {f"float{k}": pa.array(random.normal(50, 20, rows)) for k in range(9)}
    columns["float9"] = pa.array(random.normal(size=rows), mask=random.random(rows) < 0.05)
    words = pa.array([f"kind {n}" for n in range(8)])
    for k in range(4):
        codes = pa.array(random.integers(0, 8, rows), pa.int32())
        columns[f"word{k}"] = pa.DictionaryArray.from_arrays(codes, words)
    pa.parquet.write_table(pa.table(columns), path)


class Bare:
    """One model in one process, with its frame in memory."""

    def __init__(self, python: Path, model: Path, table: Path) -> None:
        self.process = subprocess.Popen(
            [str(python), "-c", BARE, str(model), str(table)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **PINNED},
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def predict(self) -> float:
        """Seconds of one `predict` of all rows."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._line())


def side_by_side(bare: list[Bare]) -> float:
    """Seconds of the slower, both at the same time."""
    found: list[float] = []
    threads = [threading.Thread(target=lambda one=one: found.append(one.predict())) for one in bare]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(found)


def measured(rows: int, rounds: int, folder: Path) -> None:
    """All figures."""
    from harness import settings
    from harness.predictors import environments
    from harness.run.drive import Pair, state_of
    from harness.run.plan import Request, make_plan
    from tests.zoo.builder import Zoo

    table = folder / "rows.parquet"
    write_table(table, rows)
    wanted = folder / "wanted.txt"
    wanted.write_text("\n".join(PACKAGES))
    options = ("--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--python", sys.executable)
    lock = uv("pip", "compile", *options, str(wanted))
    python = environments.python_for(lock)
    (folder / "train.py").write_text(TRAIN)
    kinds = {f"float{k}": "float" for k in range(10)} | {f"word{k}": "str" for k in range(4)}
    fields = [{"name": name, "kind": kind, "nullable": name == "float9"} for name, kind in kinds.items()]
    lines = ['model = "bench"', 'candidate = "new"', "[[inputs]]", 'name = "rows"', 'path = "rows.parquet"']
    models = []
    for role, seed in (("old", 1), ("new", 2)):
        model = folder / f"{role}.joblib"
        subprocess.run([python, "-c", TRAIN, str(table), str(model), str(seed)], check=True)
        models.append(model)
        wheel = Zoo().wheel(
            folder / role, "good", source=MODEL, lock=lock, inputs=fields, model="bench", package="bench_model",
            version=f"1.{seed}.0", files={"model.joblib": model.read_bytes()}, pass_as="frame",
        )  # fmt: skip
        lines += [f"[versions.{role}]", f'spec = "wheel:{role}/{wheel.name}"', 'memory = "8 GiB"']
    (folder / "harness.toml").write_text("\n".join(lines))
    bare = [Bare(python, model, table) for model in models]
    found = settings.load(settings.find(folder, ""))
    first = make_plan(found, Request("old", change="refactor"), "warm", folder / "reports")
    pair = Pair(first.baseline, first.candidate, lambda line: None)
    next_batch = next(first.sources[0].batches())  # type: ignore[attr-defined]  # a table
    pair.ask(next_batch)
    together, alone, own = [], [], []
    busy_bare, busy_own = [], []
    bare_pids = [one.process.pid for one in bare]
    # nobody but a benchmark asks a predictor for its worker's process
    pids = [os.getpid(), *(one._process._process.pid for one in pair.open())]  # type: ignore[attr-defined]
    for number in range(rounds):
        before = sum(map(spent, bare_pids))
        together.append(side_by_side(bare))
        busy_bare.append(sum(map(spent, bare_pids)) - before)
        alone.append(sum(one.predict() for one in bare))
        plan = make_plan(found, Request("old", change="refactor"), f"round-{number}", folder / "reports")
        before, began = sum(map(spent, pids)), time.perf_counter()
        state = state_of(plan, plan.sources[0], pair, lambda line: None)
        own.append(time.perf_counter() - began)
        busy_own.append(sum(map(spent, pids)) - before)
        assert state.tally is not None, state.trouble
        assert state.tally.accounting.compared == rows, state.trouble
    pair.close()
    for one in bare:
        one.process.stdin.close()  # type: ignore[union-attr]  # a pipe
        one.process.wait()
    print(f"{rows:,} rows, {rounds} rounds, {os.cpu_count()} processors; Python {sys.version.split()[0]}")
    line("both bare, at once", "-", together, " s")
    line("both bare, in turn", "-", alone, " s")
    line("the harness", "-", own, " s")
    line("harness / slower of two", "<= 1.20x", [a / b for a, b in zip(own, together, strict=True)], "x")
    line("harness / their sum", "<= 1.15x", [a / b for a, b in zip(own, alone, strict=True)], "x")
    busy = [a / b for a, b in zip(busy_own, busy_bare, strict=True)]
    line("of processor time: host and workers / both bare", "-", busy, "x")
    print(f"medians' ratio: {statistics.median(own) / statistics.median(together):.2f}x of the slower of two")


def main() -> None:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured(given.rows, given.rounds, Path(folder))


if __name__ == "__main__":
    main()
