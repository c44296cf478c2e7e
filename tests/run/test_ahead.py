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
from harness.run.wide import MOST, apart, together
from harness.tables import Batch, Column, Outcome


class Pair:
    """Answers twice the input, and half more in the candidate for every seventh row; raises where it is told.

    `wide`: it can be asked several blocks at once, unless one of `odd` is among them.
    """

    def __init__(self, fails_at: int = -1, wide: bool = False, odd: tuple[int, ...] = ()) -> None:
        self.fails_at, self.asked, self.threads = fails_at, [], set()
        self.wide, self.odd, self.whole = wide, odd, []

    def asks_wide(self, source: str, seconds: float) -> bool:
        return self.wide

    def ask_whole(self, batches: list[Batch]) -> list[tuple[Outcome, Outcome]] | None:
        numbers = [one.block for one in batches]
        self.whole.append(numbers)
        if set(numbers) & {*self.odd, self.fails_at}:
            return None
        both = self.ask(together(batches))
        return list(zip(*(apart(one, batches) for one in both), strict=True))

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


@pytest.mark.parametrize("odd", [(), (2,), (30,), (3, 20), tuple(range(40))])
def test_blocks_asked_together_are_as_one_after_the_other(tmp_path, odd):
    plain = recording(Pair(), tmp_path / "plain")
    tally = sum((plain(batch(number)) for number in range(40)), Tally())
    pair = Pair(wide=True, odd=odd)
    step = recording(pair, tmp_path / "ahead")
    ahead = Ahead(step)
    early = sum((ahead(batch(number)) for number in range(40)), Tally())
    assert early + ahead.finish() == tally == step.total
    assert kept(tmp_path / "ahead") == kept(tmp_path / "plain")
    # two alone, the rest together; where a call comes to nothing twice, alone
    assert pair.asked[:2] == [0, 1]
    assert pair.whole[:2] == [list(range(2, 2 + MOST)), list(range(2 + MOST, 2 + 2 * MOST))]
    assert len(pair.whole) == 3


def test_how_many_blocks_go_together_is_a_matter_of_their_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.run.drive.ASKED", 3 * 80)
    pair = Pair(wide=True)
    ahead = Ahead(recording(pair, tmp_path / "ahead"))
    for number in range(10):
        ahead(batch(number))
    ahead.finish()
    assert pair.whole == [[2, 3, 4], [5, 6, 7], [8, 9]]


def test_answers_before_the_trouble_are_kept_of_blocks_asked_together(tmp_path):
    step = recording(Pair(fails_at=25, wide=True), tmp_path / "ahead")
    ahead = Ahead(step)
    for number in range(40):
        ahead(batch(number))
    with pytest.raises(RuntimeError, match="the worker ended"):
        ahead.finish()
    ahead.leave()
    assert sorted(step.total.blocks) == list(range(25))
    assert len(list(blocks.read(tmp_path / "ahead"))) == 25
