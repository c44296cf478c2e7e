"""Asking the next batch meanwhile changes nothing of what is seen, kept and said."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from harness.compare.rules import make
from harness.compare.ruleset import Bound
from harness.compare.tally import Tally
from harness.run import blocks
from harness.run.drive import Ahead, Recording
from harness.tables import Batch, Column, Outcome


class Pair:
    """Answers twice the input, and half more in the candidate for every seventh row; raises where it is told."""

    def __init__(self, fails_at: int = -1) -> None:
        self.fails_at, self.asked, self.threads = fails_at, [], set()

    def ask(self, batch: Batch) -> tuple[Outcome, Outcome]:
        self.threads.add(threading.current_thread().name)
        if batch.block == self.fails_at:
            raise RuntimeError("the worker ended")
        self.asked.append(batch.block)
        x = batch.columns["x"].values
        every = np.ones(len(x), dtype=bool)
        old, new = 2 * x, 2 * x + 0.5 * (x % 7 == 0)
        return tuple(Outcome({"y": Column("float", y)}, every) for y in (old, new))


def batch(number: int) -> Batch:
    rows = np.arange(10 * number, 10 * number + 10)
    return Batch("rows", number, int(rows[0]), rows, {"x": Column("float", rows.astype(float))})


def recording(pair: Pair, folder) -> Recording:
    folder.mkdir()
    bounds = [Bound("near", "exact", "rows", rule=make("exact", {}, name="near", equal_nan=True), output="*")]
    return Recording(pair, bounds, folder, lambda line: None, 100)


def kept(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_one_batch_ahead_is_as_one_after_the_other(tmp_path):
    plain = recording(Pair(), tmp_path / "plain")
    tally = sum((plain(batch(number)) for number in range(8)), Tally())
    pair = Pair()
    step = recording(pair, tmp_path / "ahead")
    ahead = Ahead(step)
    early = sum((ahead(batch(number)) for number in range(8)), Tally())
    assert early.blocks != tally.blocks  # the last is not settled yet
    assert early + ahead.finish() == tally == step.total
    assert pair.asked == list(range(8))
    assert not any("MainThread" in name for name in pair.threads)
    assert kept(tmp_path / "ahead") == kept(tmp_path / "plain")


def test_answers_before_the_trouble_are_kept(tmp_path):
    step = recording(Pair(fails_at=3), tmp_path / "ahead")
    ahead = Ahead(step)
    for number in range(4):
        ahead(batch(number))
    with pytest.raises(RuntimeError, match="the worker ended"):
        ahead(batch(4))
    ahead.leave()
    assert len(list(blocks.read(tmp_path / "ahead"))) == 3
    assert step.total.blocks == {0: 1, 1: 1, 2: 1}


def test_an_answer_that_was_given_is_kept_when_the_table_ends_badly(tmp_path):
    step = recording(Pair(), tmp_path / "ahead")
    ahead = Ahead(step)
    ahead(batch(0))
    ahead(batch(1))
    ahead.leave()  # the table could not be read on
    assert len(list(blocks.read(tmp_path / "ahead"))) == 2
