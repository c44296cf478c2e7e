"""A table of 1M rows x 20 mixed columns to a worker in another environment, and 1M floats back.

Beside it, in the same rounds: an Arrow file mapped from shared memory by a bare child that makes the same frame of it
(words of categories as text, as a run gives them), and pickle through a pipe. Every side ends with a pandas frame that
the model may write into, and with an array of the answers in the host. One thread on every side. Prints goal and
measured, and asserts nothing: machines differ.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
from environment import make_environment, spent

from harness.inputs.fixed import _column
from harness.predictors import outbox
from harness.predictors.isolated import read_outcome
from harness.predictors.process import Process
from harness.run import wide
from harness.tables import Batch, blocks

SHARED = "/dev/shm"
MODEL = """
def predict(frame):
    return frame["float0"].to_numpy() * 2.0
"""
PEER = """
import os, pickle, struct, sys
sys.path.insert(0, sys.argv[2])
from bench_model import predict
import pandas
if sys.argv[1] != "pickle":
    import pyarrow as pa
source, sink = sys.stdin.buffer, sys.stdout.buffer
while head := source.read(8):
    data = source.read(struct.unpack("<q", head)[0])
    if sys.argv[1] != "pickle":
        with pa.memory_map(data.decode()) as file:
            table = pa.ipc.open_file(file).read_all()
            if sys.argv[1] == "arrow":
                kinds = [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
                table = table.cast(pa.schema(kinds))
            frame = table.to_pandas()
            answer = predict(frame).tobytes()
    else:
        frame = pickle.loads(data)
        answer = pickle.dumps(predict(frame), protocol=5)
    del data
    sink.write(struct.pack("<q", len(answer)))
    sink.write(answer)
    sink.flush()
"""


def table(rows: int) -> pa.Table:
    """(rows, 20): 8 floats, two of them with nulls; 4 integers; truth; time; 4 of few words; 2 texts."""
    random = np.random.default_rng(11)
    columns: dict[str, Any] = {}
    for k in range(8):
        values = random.normal(100, 30, rows)
        columns[f"float{k}"] = pa.array(values, mask=random.random(rows) < 0.05 if k >= 6 else None)
    for k in range(4):
        columns[f"int{k}"] = pa.array(random.integers(0, 10**6, rows))
    columns["truth"] = pa.array(random.random(rows) < 0.5)
    columns["time"] = pa.array(
        (random.integers(10**9, 2 * 10**9, rows) * 10**9).astype("datetime64[ns]"), pa.timestamp("ns")
    )
    for k in range(4):
        words = pa.array([f"category {k}-{n}" for n in range(12)])
        columns[f"word{k}"] = pa.DictionaryArray.from_arrays(
            pa.array(random.integers(0, 12, rows), pa.int32()), words
        )
    for k in range(2):
        columns[f"text{k}"] = pa.array([f"case {n:x}" for n in random.integers(0, 2**40, rows)])
    return pa.table(columns)


class Peer:
    """A bare child that is sent frames in one of the two usual ways."""

    def __init__(self, python: Path, way: str, folder: str) -> None:
        pinned = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [str(python), "-c", PEER, way, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=pinned
        )

    def ask(self, data: bytes) -> bytes:
        """One message there, and one back."""
        sink, source = self.process.stdin, self.process.stdout
        assert sink is not None
        assert source is not None
        sink.write(struct.pack("<q", len(data)))
        sink.write(data)
        sink.flush()
        return _exactly(source, struct.unpack("<q", _exactly(source, 8))[0])

    def close(self) -> None:
        """End it."""
        self.process.stdin.close()  # type: ignore[union-attr]  # a pipe
        self.process.wait()


def _exactly(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise SystemExit("the bare child died")
    return data


def arrow(peer: Peer, data: pa.Table) -> npt.NDArray[Any]:
    """An Arrow file in shared memory, mapped by the child."""
    with tempfile.NamedTemporaryFile(dir=SHARED, prefix="bench-") as file:
        with pa.OSFile(file.name, "wb") as sink, pa.ipc.new_file(sink, data.schema) as writer:
            writer.write_table(data)
        return np.frombuffer(peer.ask(file.name.encode()), np.float64)


def pickled(peer: Peer, data: pd.DataFrame) -> npt.NDArray[Any]:
    """The frame through the pipe."""
    found: npt.NDArray[Any] = pickle.loads(peer.ask(pickle.dumps(data, protocol=5)))
    return found


def worker_in(python: Path, folder: str, entry: str = "predict", pass_as: str = "frame") -> Process:
    """A worker of ours, opened."""
    process = Process(python, 16 * 2**30)
    header = {"op": "open", "path": [folder], "entry": f"bench_model:{entry}", "pass_as": pass_as}
    process.ask({**header, "keyword": "", "outputs": ""}, (), 120)
    return process


def ours(process: Process, batch: Batch) -> npt.NDArray[Any]:
    """The way of a run."""
    with outbox.packed(batch) as parcel:
        reply, payload = process.ask({"op": "predict", **parcel.header}, parcel.chunks, 120)
    return read_outcome(reply, payload, len(batch), ValueError).columns["prediction"].values  # type: ignore[arg-type]


def calls_of(batch: Batch) -> Iterator[list[Batch]]:
    """The canonical blocks of a table as a run asks them: several in one call."""
    cutting: wide.Cutting | None = None
    for number, start, stop in blocks(len(batch)):
        block = replace(batch.take(slice(start, stop)), block=number, start=start)
        cutting = cutting or wide.Cutting(wide.width(block))
        if call := cutting.add(block):
            yield call
    if cutting is not None and (call := cutting.rest()):
        yield call


def as_a_run(process: Process, batch: Batch) -> npt.NDArray[Any]:
    """In calls of several blocks, each packed while the worker answers the one before: that is how a run does it."""
    waiting: Future[npt.NDArray[Any]] | None = None
    found: list[npt.NDArray[Any]] = []
    with ThreadPoolExecutor(1) as thread, contextlib.ExitStack() as stack:
        for call in calls_of(batch):
            whole = wide.together(call)
            held = stack.enter_context(contextlib.ExitStack())
            held.enter_context(outbox.packed(whole))

            def ask(whole: Batch = whole, held: contextlib.ExitStack = held) -> npt.NDArray[Any]:
                with held:
                    return ours(process, whole)

            if waiting is not None:
                found.append(waiting.result())
            waiting = thread.submit(ask)
        assert waiting is not None
        return np.concatenate([*found, waiting.result()])


def both(processes: list[Process], batch: Batch) -> None:
    """Two versions at once, as a run asks them."""
    with outbox.packed(batch):
        threads = [threading.Thread(target=ours, args=(process, batch)) for process in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def timed(task: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def proportional(pid: int) -> int:
    """Bytes that a process holds, shared pages counted in part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def peak(pids: list[int], task: Callable[[], object]) -> int:
    """The most that the processes, and what lies in shared memory, came to hold above the beginning."""
    done, most = threading.Event(), 0
    base = sum(map(proportional, pids))

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, sum(map(proportional, pids)) - base)
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    task()
    done.set()
    thread.join()
    return most


def line(what: str, goal: str, values: list[float], unit: str = "x") -> None:
    """One row of the table."""
    median = statistics.median(values)
    print(f"{what:<60} {goal:>8}   {median:.2f}{unit} [{min(values):.2f}-{max(values):.2f}]", flush=True)


def ratios(own: list[float], other: list[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(own, other, strict=True)]


def measured(rows: int, rounds: int, folder: str) -> None:
    """All figures."""
    data = table(rows)
    columns = {name: _column(data.column(name)) for name in data.column_names}
    batch = Batch("bench", 0, 0, np.arange(rows), columns)
    with_arrow = make_environment(Path(folder, "arrow"), ["numpy", "pandas", "pyarrow"])
    plain = make_environment(Path(folder, "plain"), ["numpy", "pandas"])
    peers = Peer(with_arrow, "arrow", folder), Peer(with_arrow, "pickle", folder)
    workers = worker_in(with_arrow, folder), worker_in(plain, folder), worker_in(with_arrow, folder)
    frame = data.to_pandas()
    for name in frame.columns[frame.dtypes == "category"]:
        frame[name] = frame[name].astype("str")
    tasks: dict[str, Callable[[], object]] = {
        "an Arrow file": lambda: arrow(peers[0], data),
        "ours": lambda: ours(workers[0], batch),
        "ours, as a run asks": lambda: as_a_run(workers[0], batch),
        "ours, without pyarrow": lambda: ours(workers[1], batch),
        "so, as a run asks": lambda: as_a_run(workers[1], batch),
        "pickle": lambda: pickled(peers[1], frame),
        "ours, two versions": lambda: both([workers[0], workers[2]], batch),
    }
    answers = [task() for task in list(tasks.values())[:6]]  # warmed, and right
    for one in answers[1:]:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(answers[0]))
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    processor: dict[str, list[float]] = {name: [] for name in tasks}
    shares = []
    pids = [os.getpid(), *(peer.process.pid for peer in peers), *(one._process.pid for one in workers)]
    for _ in range(rounds):
        for name, task in tasks.items():
            before = sum(map(spent, pids))
            seconds[name].append(timed(task))
            processor[name].append(sum(map(spent, pids)) - before)
        with outbox.packed(batch):
            began = time.perf_counter()
            with outbox.packed(batch):
                shares.append((time.perf_counter() - began) / seconds["ours"][-1])
    pids = [os.getpid(), workers[0]._process.pid, workers[2]._process.pid]
    two = data.nbytes + peak(pids, lambda: both([workers[0], workers[2]], batch))
    one = data.nbytes + peak(pids[:2], lambda: ours(workers[0], batch))
    mib = data.nbytes / 2**20
    print(
        f"{rows:,} rows x {len(columns)}, {mib:.0f} MiB in Arrow, {rounds} rounds; Python {sys.version.split()[0]}"
    )
    for name, found in seconds.items():
        busy = statistics.median(processor[name]) * 1000
        print(f"  {name:<24} {statistics.median(found) * 1000:7.0f} ms, {busy:.0f} ms of processor time")
    own, other, run = seconds["ours"], seconds["an Arrow file"], seconds["ours, as a run asks"]
    line("to an environment with pyarrow / an Arrow file", "<= 1.1x", ratios(own, other))
    line("the same in calls of several blocks, as a run asks", "<= 1.1x", ratios(run, other))
    line(
        "to numpy and pandas alone / an Arrow file",
        "<= 3.5x",
        ratios(seconds["ours, without pyarrow"], other),
    )
    line(
        "the same in calls of several blocks, as a run asks",
        "<= 3.5x",
        ratios(seconds["so, as a run asks"], other),
    )
    line("pickle through a pipe / with pyarrow", ">= 2.5x", ratios(seconds["pickle"], own))
    line("pickle through a pipe / as a run asks", ">= 2.5x", ratios(seconds["pickle"], run))
    line(
        "of processor time: with pyarrow / an Arrow file",
        "-",
        ratios(processor["ours"], processor["an Arrow file"]),
    )
    line("of processor time: pickle / with pyarrow", "-", ratios(processor["pickle"], processor["ours"]))
    line("packing for the second version / the first transfer", "<= 0.15x", shares)
    line("wall time of both versions at once / of one", "-", ratios(seconds["ours, two versions"], own))
    line("peak of host and one worker / the table", "< 3x", [one / data.nbytes])
    line("peak of host and both workers / the table", "< 3x", [two / data.nbytes])
    for process in workers:
        process.stop()
    for peer in peers:
        peer.close()


def main() -> None:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=9)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bench_model.py").write_text(MODEL)
        measured(given.rows, given.rounds, folder)


if __name__ == "__main__":
    main()
