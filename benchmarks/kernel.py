"""The numeric kernel against what engineers have today: ratios of medians, measured side by side in one run.

Prints goal and measured beside each other and asserts nothing: machines differ. polars and datacompy are needed for
two of the lines only (dependency group `bench`); where they are missing, these lines say so.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compare.kernel import measure
from harness.compare.measured import Measured, Rows
from harness.compare.rules import Close, Exact
from harness.compare.rules.rankings import Scores, by_sorting, pair_by_pair
from harness.tables import BLOCK, Column
from harness.texts import Codes, texts

TOLERANCES = [(0.0, 1e-3), (1e-8, 1e-5), (0.1, 0.0)]
Array = npt.NDArray[Any]
MIXED = "--mixed"


def medians(rounds: int, *tasks: Callable[[], object]) -> list[list[float]]:
    """Seconds of each task, one after another in every round, so that a busy moment hits all of them."""
    found: list[list[float]] = [[] for _ in tasks]
    for _ in range(rounds):
        for seconds, task in zip(found, tasks, strict=True):
            began = time.perf_counter()
            task()
            seconds.append(time.perf_counter() - began)
    return found


def ratio(own: Sequence[float], other: Sequence[float]) -> str:
    """Median and range of the rounds' ratios."""
    ratios = [a / b for a, b in zip(own, other, strict=True)]
    return f"{statistics.median(ratios):.2f}x [{min(ratios):.2f}-{max(ratios):.2f}]"


def line(what: str, goal: str, measured: str) -> None:
    """One row of the table."""
    print(f"{what:<66} {goal:>10}   {measured}", flush=True)


def pair(rows: int, seed: int = 7) -> tuple[Array, Array]:
    """Two columns, the second with a relative noise of a thousandth."""
    random = np.random.default_rng(seed)
    b = random.normal(100, 30, rows)
    return b, b * (1 + random.normal(0, 1e-3, rows))


def against_isclose() -> None:
    """Everything, against one `numpy.isclose` over the same arrays."""
    for rows, goal, rounds in ((10_000_000, "<= 1.00x", 15), (1_000_000, "<= 1.25x", 31)):
        b, c = pair(rows)
        same = b.copy()
        isclose, own, identical = medians(
            rounds,
            lambda b=b, c=c: np.isclose(c, b, rtol=1e-3, atol=1e-8),
            lambda b=b, c=c: measure(b, c, TOLERANCES),
            lambda b=b, same=same: measure(b, same, TOLERANCES),
        )
        line(f"{rows:,} float64 pairs, everything / one numpy.isclose", goal, ratio(own, isclose))
        line(f"{rows:,} identical pairs / one numpy.isclose", "<= 0.25x", ratio(identical, isclose))
    b, c = pair(10_000)
    (own,) = medians(101, lambda: measure(b, c, TOLERANCES))
    line("10,000 pairs, everything", "<= 1 ms", f"{statistics.median(own) * 1e3:.2f} ms")


def row_by_row() -> None:
    """The rule `close` in a run: rows, magnitudes and masks of one tolerance, and everything else in the same pass,
    against the kernel alone; and the block of a run."""
    for rows, rounds in ((1_000_000, 15), (4096, 301)):
        b, c = (Column("float", values) for values in pair(rows))

        def rule(b: Column = b, c: Column = c) -> object:
            return measure(b.values, c.values, TOLERANCES, worst=0, rows=Rows(len(b), len(TOLERANCES)))

        alone, with_rows, judged = medians(
            rounds,
            lambda b=b, c=c: measure(b.values, c.values, TOLERANCES, worst=0),
            rule,
            lambda b=b, c=c: Close(1e-8, 1e-5).judge(b, c),
        )
        line(f"{rows:,} pairs, everything with three rules' rows / without", "", ratio(with_rows, alone))
        line("  a rule `close` by itself / everything without rows", "", ratio(judged, alone))


def scratch() -> None:
    """Memory beyond the two columns: the most at any moment, buffers of the thread included."""
    for rows in (10_000, 1_000_000, 20_000_000):
        b, c = pair(rows)
        tracemalloc.start()
        _in_a_new_thread(lambda b=b, c=c: measure(b, c, TOLERANCES))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        line(f"scratch memory at {rows:,} pairs", "<= 8 MB", f"{most / 1e6:.1f} MB")


def _in_a_new_thread(task: Callable[[], object]) -> None:
    # buffers are kept for each thread: a new one starts without
    from threading import Thread

    thread = Thread(target=task)
    thread.start()
    thread.join()


def against_datacompy() -> None:
    """One column of 1M rows, joined on the index."""
    try:
        import datacompy
        import pandas as pd
    except ImportError as error:
        return line(
            "datacompy on the index / everything (1,000,000 pairs)", ">= 5x", f"not measured: {error}"
        )
    compare = getattr(datacompy, "PandasCompare", None) or datacompy.Compare
    b, c = pair(1_000_000)
    old, new = pd.DataFrame({"x": b}), pd.DataFrame({"x": c})
    theirs, own = medians(
        5,
        lambda: compare(old, new, on_index=True, rel_tol=1e-3, abs_tol=1e-8).matches(),
        lambda: measure(b, c, TOLERANCES),
    )
    return line("datacompy on the index / everything (1,000,000 pairs)", ">= 5x", ratio(theirs, own))


def frame(rows: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """8 columns of floats, 4 of integers, 2 of booleans, 3 of categories, 3 of text, and the same a little changed."""
    random = np.random.default_rng(8)
    old: dict[str, Array] = {}
    new: dict[str, Array] = {}
    words = np.array([f"name-{number}" for number in range(50_000)], object)
    others = np.array([f"name-{number}" for number in range(50_000)], object)
    for number in range(8):
        old[f"float{number}"] = random.normal(100, 30, rows)
        new[f"float{number}"] = old[f"float{number}"] * (1 + random.normal(0, 1e-3, rows))
    for number in range(4):
        old[f"int{number}"] = random.integers(0, 1000, rows)
        new[f"int{number}"] = old[f"int{number}"] + (random.random(rows) < 0.01)
    for number in range(2):
        old[f"bool{number}"] = random.random(rows) < 0.5
        new[f"bool{number}"] = old[f"bool{number}"] ^ (random.random(rows) < 0.01)
    for number in range(6):
        # the first three have few values, as categories do; every text is an object of its own side
        few = 5 if number < 3 else 50_000
        codes = random.integers(0, few, rows)
        changed = np.where(random.random(rows) < 0.01, (codes + 1) % few, codes)
        kind = "category" if number < 3 else "text"
        old[f"{kind}{number}"], new[f"{kind}{number}"] = words[codes], others[changed]
    return old, new


def _held(name: str, values: Array) -> Column:
    """A column as a table or the wire gives it: text as buffers, categories as codes."""
    if name.startswith("category"):
        words = sorted(set(values))
        codes = np.searchsorted(np.array(words, object), values).astype(np.int32)
        return Column("str", Codes(codes, texts(words)))
    if name.startswith("text"):
        return Column("str", texts(values.tolist()))
    return Column({"f": "float", "i": "int", "b": "bool"}[values.dtype.kind], values)


def rankings() -> None:
    """Kendall's tau of one list of 10,000 items, by sorting and pair by pair."""
    random = np.random.default_rng(9)
    b = random.random((1, 10_000))
    c = b + random.random((1, 10_000)) * 0.1
    none = np.zeros(b.shape, bool)
    scores = Scores(b, c, none, none, none)
    fast, slow = medians(5, lambda: by_sorting(scores), lambda: pair_by_pair(scores))
    line("a ranking of 10,000 items: every pair / by sorting", "", ratio(slow, fast))


def linear() -> None:
    """100M rows that are all of their own, in files that are mapped and read a part at a time, against their parts of
    10M: seconds for each row. All are read once before, so that nothing waits for the disk where memory holds them."""
    size, parts = 2442 * BLOCK, 10  # 10M rows in whole blocks, so that parts add up to the whole
    what = f"{size * parts:,} pairs, all different / {parts} x {size:,}"
    with tempfile.TemporaryDirectory(dir=os.environ.get("HARNESS_BENCH_DIR")) as folder:
        files = [Path(folder) / name for name in ("baseline", "candidate")]
        if shutil.disk_usage(folder).free < 2.1 * 8 * size * parts:
            return line(what, "1x", "not measured: no room for 1.6 GB")
        for path in files:
            np.memmap(path, np.float64, "w+", shape=(size * parts,)).flush()
        for number in range(parts):
            for path, values in zip(files, pair(size, seed=number), strict=True):
                np.memmap(path, np.float64, "r+", offset=8 * size * number, shape=(size,))[:] = values

        def blockwise(first: int, count: int) -> Measured:
            total = Measured()
            for number in range(first, first + count):
                # mapped anew each time: pages of one part are given back before the next
                b, c = (np.memmap(path, np.float64, "r", 8 * size * number, (size,)) for path in files)
                total = total + measure(b, c, TOLERANCES, start=number * size)
            return total

        seen = blockwise(0, parts)
        whole = [np.memmap(path, np.float64, "r") for path in files]
        same = seen == measure(whole[0], whole[1], TOLERANCES)
        del whole
        each, all_of_them = [], []
        for _ in range(3):
            seconds = medians(1, *(partial(blockwise, number, 1) for number in range(parts)))
            each.append([one[0] for one in seconds])
            all_of_them += medians(1, lambda: blockwise(0, parts))[0]
        tens = [parts * statistics.median(one) for one in each]
        words = "" if same and seen.rows == size * parts else "  THE PARTS DISAGREE WITH THE WHOLE"
        line(what, "1x", ratio(all_of_them, tens) + words)
        return line(
            "  their tenth part / their first part",
            "1x",
            ratio([one[-1] for one in each], [one[0] for one in each]),
        )


def against_polars() -> None:
    """A mixed frame of 1M x 20, in processes of their own, since polars fixes its threads when it is imported."""
    for threads in (1, 2):
        run = subprocess.run(
            [sys.executable, __file__, MIXED, str(threads)],
            env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
            check=False,
        )
        if run.returncode:
            line(f"mixed frame, {threads} threads", "<= 2x", f"not measured: exit {run.returncode}")


def mixed(threads: int) -> None:
    """Numbers by the kernel, all else by the rule `exact`, as a run compares them; polars counts violations.

    Both sides have as many threads: polars its own, here one for each column that is being looked at.
    """
    what = f"mixed frame 1,000,000 x 20, all statistics / polars, counts, {threads} thread{'s'[: threads - 1]} each"
    try:
        import polars as pl
    except ImportError as error:
        return line(what, "<= 2x", f"not measured: {error}")
    assert pl.thread_pool_size() == threads
    old, new = frame(1_000_000)
    columns = {}
    expressions = []
    for name in old:
        a, b = (pl.Series(f"{side}_{name}", values[name]) for side, values in (("a", old), ("b", new)))
        if name.startswith("category"):
            kind = pl.Enum([f"name-{number}" for number in range(5)])
            a, b = a.cast(kind), b.cast(kind)
        columns |= {a.name: a, b.name: b}
        x, y = pl.col(a.name), pl.col(b.name)
        differs = (y - x).abs() > 1e-8 + 1e-3 * x.abs() if name.startswith("float") else x != y
        expressions.append(differs.sum().alias(name))
    table = pl.DataFrame(columns)
    ours = [(_kind(name), _held(name, old[name]), _held(name, new[name])) for name in old]
    pool = ThreadPoolExecutor(threads)

    def count(one: tuple[str, Column, Column]) -> int:
        kind, b, c = one
        if kind in ("float", "int"):
            limits = (1e-8, 1e-3) if kind == "float" else (0.0, 0.0)
            return measure(b.values, c.values, [limits]).violations[0]
        return int(np.count_nonzero(Exact().judge(b, c).violates))

    def whole(only: str = "") -> list[int]:
        chosen = [one for one in ours if only in ("", one[0])]
        return list(map(count, chosen) if threads == 1 else pool.map(count, chosen))

    def counts() -> Any:
        return table.lazy().select(expressions).collect()

    agreed = whole() == list(counts().row(0))
    kinds = ("float", "int", "bool", "category", "text")
    theirs, own, *parts = medians(15, counts, whole, *(lambda kind=kind: whole(kind) for kind in kinds))
    line(what, "<= 2x", ratio(own, theirs) + ("" if agreed else "  THE COUNTS DISAGREE"))
    for kind, seconds in zip(kinds, parts, strict=True):
        line(f"  of these: {sum(kind == one[0] for one in ours)} of {kind}", "", ratio(seconds, theirs))
    return line(f"  polars {pl.__version__}", "", f"{statistics.median(theirs) * 1e3:.0f} ms")


def _kind(name: str) -> str:
    return name.rstrip("0123456789")


def main() -> None:
    """The whole table."""
    line(f"(numpy {np.__version__})", "goal", "measured, median [range]")
    against_isclose()
    row_by_row()
    linear()
    scratch()
    rankings()
    against_datacompy()
    against_polars()


if __name__ == "__main__":
    if sys.argv[1:2] == [MIXED]:
        mixed(int(sys.argv[2]))
    else:
        main()
