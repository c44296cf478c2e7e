"""One row, and a hundred, to a warm worker and back: what the call costs beside the model's own time.

The way of a run: a batch, packed, asked, read. Of records, the model's own time is taken off by the worker's own clock;
of a frame it is not, since the making of the frame is in it. Prints goal and measured, and asserts nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from environment import make_environment
from transfer import MODEL, worker_in

from harness.predictors import outbox
from harness.predictors.isolated import read_outcome
from harness.tables import Batch, Column


def batch_of(rows: int) -> Batch:
    """Rows of 8 floats, 2 integers and 2 texts."""
    random = np.random.default_rng(3)
    columns = {f"float{k}": Column.of(random.normal(size=rows)) for k in range(8)}
    columns |= {f"int{k}": Column.of(random.integers(0, 9, rows)) for k in range(2)}
    columns |= {f"text{k}": Column.of([f"word {n}" for n in range(rows)]) for k in range(2)}
    return Batch("bench", 0, 0, np.arange(rows), columns)


def main() -> None:
    """Both sizes, given as records and as a frame."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=500)
    calls = options.parse_args().calls
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bench_model.py").write_text(
            MODEL + "\ndef records(rows):\n    return [row['float0'] * 2.0 for row in rows]\n"
        )
        python = make_environment(Path(folder, "environment"), ["numpy", "pandas", "pyarrow"])
        for entry, pass_as in (("records", "records"), ("predict", "frame")):
            process = worker_in(python, folder, entry, pass_as)
            for rows, goal in ((1, 1.5), (100, 2.5)):
                batch, seconds = batch_of(rows), []
                for _ in range(calls):
                    began = time.perf_counter()
                    with outbox.packed(batch) as parcel:
                        reply, payload = process.ask({"op": "predict", **parcel.header}, parcel.chunks, 60)
                    outcome = read_outcome(reply, payload, rows, ValueError)  # type: ignore[arg-type]
                    whole = time.perf_counter() - began
                    seconds.append(whole - (outcome.seconds if pass_as == "records" else 0.0))
                ordered = sorted(seconds[calls // 10 :])
                print(
                    f"{rows:>4} rows as {pass_as:<8} <= {goal} ms   {statistics.median(ordered) * 1000:.2f} ms "
                    f"[{ordered[0] * 1000:.2f}-{ordered[int(len(ordered) * 0.95)] * 1000:.2f}]"
                    + ("" if pass_as == "records" else "   (pandas making its frame is in it)"),
                    flush=True,
                )
            process.stop()


if __name__ == "__main__":
    main()
