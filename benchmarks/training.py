"""What `harness train` costs beside the bare scikit-learn fit: 1M synthetic houses in Parquet, one thread.

The bare side is a process that imports pandas and scikit-learn, reads the same columns with `pandas.read_parquet`,
cuts the rows that are trained on and fits the same pipeline; it then asks the held-out rows and scores them, which is
timed apart. The other side is the command, from its start to its end. It fits more than it was asked for: another seed,
for the noise of training, and two simpler models. They stand apart, by the seconds that the command says itself.
Peaks are VmHWM, of the command's two processes together. Then the `predict` of the package against the model in it.

Environment and bytecode are there before anything is measured. Prints goal and measured, and asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import sub as minus
from operator import truediv
from pathlib import Path

from environment import line, uv

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PACKAGES = ["scikit-learn", "pandas", "pyarrow", "joblib"]
TEXTS = ["district", "kind", "condition", "energy", "agent", "country"]
NUMBERS = ["area", "area_copy", "rooms", "garden", "year", "floor", "garage", "distance", "noise"]
CONFIG = """\
model = "house-prices"
package = "bench_houses"
version = "1.0.0"
task = "regression"
seed = 8123
lock = "houses.lock"

[data]
path = "houses.parquet"
key = "id"
target = "price"
features = {features}

[split]
share = 0.3
salt = "houses"

[[steps]]
step = "sklearn.preprocessing.OrdinalEncoder"
columns = {texts}
handle_unknown = "use_encoded_value"
unknown_value = -1

[[steps]]
step = "sklearn.ensemble.HistGradientBoostingRegressor"
max_iter = {iterations}
"""
BARE = """
import json, sys, time
import numpy as np, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits
began, table, iterations, texts, numbers = sys.argv[1:]
began, texts, numbers = float(began), json.loads(texts), json.loads(numbers)
frame = pd.read_parquet(table, columns=["id", "price", *texts, *numbers])
size = int(frame.memory_usage(deep=True).sum())
read = time.time() - began
held = np.random.default_rng(1).random(len(frame)) < 0.3
encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
model = Pipeline([
    ("columns", ColumnTransformer([("words", encoder, texts)], remainder="passthrough")),
    ("trees", HistGradientBoostingRegressor(max_iter=int(iterations), random_state=8123)),
])
with threadpool_limits(1):
    model.fit(frame.loc[~held, [*texts, *numbers]], frame.loc[~held, "price"])
    fitted, used = time.time() - began, time.process_time()
    answers = model.predict(frame.loc[held, [*texts, *numbers]])
truth = frame.loc[held, "price"]
scores = [score(truth, answers) for score in (mean_absolute_error, root_mean_squared_error, r2_score)]
scored = time.time() - began
print(json.dumps({"read": read, "fitted": fitted, "used": used, "scored": scored, "table": size}))
"""
PREDICT = """
import json, sys, time
import pandas as pd
sys.path.insert(0, sys.argv[1])
from threadpoolctl import threadpool_limits
from bench_houses.predict import INPUTS, MODEL, predict
frame = pd.read_parquet(sys.argv[2], columns=list(INPUTS))
records = json.loads(frame.head(200).to_json(orient="records"))
# what the bare model takes is what it was fitted on
given = frame.assign(**{
    name: frame[name].astype(object if one["kind"] == "str" else "float64") for name, one in INPUTS.items()
})
rows = [given.iloc[[row]] for row in range(len(records))]
def seconds(task, *asked):
    began = time.perf_counter()
    for one in asked:
        task(one)
    return (time.perf_counter() - began) / len(asked)
with threadpool_limits(1):
    predict(frame.head(10)), predict(records[:1]), MODEL.predict(given.head(10))
    for round in range(int(sys.argv[3])):
        print(json.dumps({
            "bare": seconds(MODEL.predict, given), "frame": seconds(predict, frame),
            "bare row": seconds(MODEL.predict, *rows), "record": seconds(predict, *([one] for one in records)),
            "hundred": seconds(predict, records[:100]), "bare hundred": seconds(MODEL.predict, given.head(100)),
        }), flush=True)
"""
PINNED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
ASIDE = ("other seeds", "simpler models")
"""Parts of a training that nobody asked for by configuration, as the command calls them."""


@dataclass
class Ran:
    """A process and its children: seconds on the wall and of processors, what was printed, and the sum of the peaks of
    the processes, in bytes."""

    seconds: float
    cpu: float
    out: str
    err: str
    peaks: dict[int, int] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        """Bytes, resident."""
        return sum(self.peaks.values())


def ran(command: list[str], folder: Path) -> Ran:
    """Run a command that has to succeed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    out, err = folder / "out.txt", folder / "err.txt"
    peaks: dict[int, int] = {}
    with out.open("w") as printed, err.open("w") as said:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **PINNED}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=said)
        while process.poll() is None:
            for one in family(process.pid):
                # a peak never falls, so the last that is seen is the one
                peaks[one] = peak_of(one) or peaks.get(one, 0)
            time.sleep(0.01)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0, err.read_text()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(seconds, cpu, out.read_text(), err.read_text(), peaks)


def family(pid: int) -> list[int]:
    """A process and its children, theirs included."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in family(int(child)))]


def peak_of(pid: int) -> int:
    """VmHWM in bytes; 0 where the process has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def parts_of(err: str) -> dict[str, tuple[float, float]]:
    """Seconds by part, and those of a processor, as the command says them."""
    (said,) = re.findall(r"^took, in seconds \(of a processor\): (.*)$", err, re.MULTILINE)
    found = re.findall(r"([^,(]+) ([0-9.]+) \(([0-9.]+)\)", said)
    return {part.strip(): (float(seconds), float(used)) for part, seconds, used in found}


def project(folder: Path, rows: int, iterations: int) -> Path:
    """Table, lock and configuration; returns the interpreter of the lock's environment."""
    from harness.predictors import environments
    from harness.training.synthetic.write import write

    write(folder / "houses.parquet", rows)
    wanted = folder / "houses.in"
    wanted.write_text("\n".join(PACKAGES))
    options = ("--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--python", sys.executable)
    lock = uv("pip", "compile", *options, str(wanted))
    (folder / "houses.lock").write_text(lock)
    text = CONFIG.format(
        features=json.dumps([*TEXTS, *NUMBERS]), texts=json.dumps(TEXTS), iterations=iterations
    )
    (folder / "houses.toml").write_text(text)
    return environments.python_for(lock)


def train(folder: Path, config: str = "houses.toml") -> Ran:
    """The command."""
    return ran([sys.executable, "-m", "harness.cli", "train", config, "--out", "dist"], folder)


def bare(folder: Path, python: Path, iterations: int) -> tuple[Ran, Mapping[str, float]]:
    """The bare fit, and what it says of itself."""
    arguments = [str(time.time()), "houses.parquet", str(iterations), json.dumps(TEXTS), json.dumps(NUMBERS)]
    done = ran([str(python), "-c", BARE, *arguments], folder)
    return done, json.loads(done.out)


def measured(rows: int, rounds: int, iterations: int, folder: Path) -> None:
    """All figures."""
    python = project(folder, rows, iterations)
    small = folder / "small"
    small.mkdir()
    project(small, 2_000, 2)
    # bytecode, and the table in the system's cache
    least = train(small)
    bare(folder, python, 1)
    alone, said, own = [], [], []
    for _ in range(rounds):
        done, words = bare(folder, python, iterations)
        alone.append(done)
        said.append(words)
        own.append(train(folder))
    parts = [parts_of(one.err) for one in own]
    aside = [[sum(part.get(name, (0.0, 0.0))[k] for name in ASIDE) for part in parts] for k in (0, 1)]
    without = [one.seconds - less for one, less in zip(own, aside[0], strict=True)]
    used = [one.cpu - less for one, less in zip(own, aside[1], strict=True)]
    fitted, scored = [one["fitted"] for one in said], [one["scored"] for one in said]
    print(f"{rows:,} rows of {len(TEXTS)} texts and {len(NUMBERS)} numbers, {iterations} iterations, "
          f"{rounds} rounds, {os.cpu_count()} processors; Python {sys.version.split()[0]}")  # fmt: skip
    line("bare: start, read, fit", "-", fitted, " s")
    line("bare: and score the held-out rows", "-", scored, " s")
    line("harness train", "-", [one.seconds for one in own], " s")
    for name in parts[0]:
        line(f"  {name}{' (aside)' if name in ASIDE else ''}", "-", [part[name][0] for part in parts], " s")
    named = [sum(seconds for seconds, _ in part.values()) for part in parts]
    line("  starting, libraries, ending", "-", ratios([one.seconds for one in own], named, minus), " s")
    line("all of it / read and fit", "-", ratios([one.seconds for one in own], fitted), "x")
    line("without what is aside / read and fit", "<= 1.10x", ratios(without, fitted), "x")
    line("without what is aside / read, fit, score", "<= 1.10x", ratios(without, scored), "x")
    line("  the same in seconds of a processor", "-", ratios(used, [one.cpu for one in alone]), "x")
    line("  that of read and fit", "-", ratios(used, [one["used"] for one in said]), "x")
    table = said[0]["table"]
    print(f"the table in memory, as pandas has it: {table / 2**20:.0f} MiB")
    line("peak, bare", "-", [one.peak / 2**20 for one in alone], " MiB")
    line("peak, harness train", "-", [one.peak / 2**20 for one in own], " MiB")
    line("peak, harness train / the table", "<= 2.5x", [one.peak / table for one in own], "x")
    beyond = [(one.peak - least.peak) / table for one in own]
    line("  beyond that of 2,000 rows / the table", "-", beyond, "x")
    line(
        "peak, harness train / bare", "-", ratios([one.peak for one in own], [one.peak for one in alone]), "x"
    )
    asked(folder, python, rounds)


def asked(folder: Path, python: Path, rounds: int) -> None:
    """What the checks of the package's `predict` cost."""
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "package")
    done = ran([str(python), "-c", PREDICT, str(folder / "package"), "houses.parquet", str(rounds)], folder)
    found = [json.loads(one) for one in done.out.splitlines()]
    every = {name: [one[name] for one in found] for name in found[0]}
    line("predict of the whole table / the model", "-", ratios(every["frame"], every["bare"]), "x")
    line("  its checks", "-", ratios(every["frame"], every["bare"], minus), " s")
    for name, other, words in (
        ("record", "bare row", "one record"),
        ("hundred", "bare hundred", "100 records"),
    ):
        line(f"predict of {words}", "-", [1000 * one for one in every[name]], " ms")
        line("  the model alone", "-", [1000 * one for one in every[other]], " ms")


def ratios(
    ours: list[float], theirs: list[float], by: Callable[[float, float], float] = truediv
) -> list[float]:
    """Side by side."""
    return [by(one, other) for one, other in zip(ours, theirs, strict=True)]


def main() -> None:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument(
        "--iterations", type=int, default=100, help="trees, as HistGradientBoosting has them"
    )
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured(given.rows, given.rounds, given.iterations, Path(folder))


if __name__ == "__main__":
    main()
