"""Asking the next batch meanwhile changes nothing of what is seen, kept and said."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.rules import make
from harness.compare.ruleset import Bound
from harness.compare.tally import Tally
from harness.predictors import outbox
from harness.run import blocks
from harness.run.drive import Ahead, Recording
from harness.run.wide import ASKED, MOST, Call, Cutting, apart, together, width
from harness.tables import Batch, Column, Outcome
from harness.texts import Texts


class Pair:
    """Answers twice the input, and half more in the candidate for every seventh row; raises where it is told.

    `wide`: it can be asked several blocks at once, unless one of `odd` is among them.
    """

    def __init__(self, fails_at: int = -1, wide: bool = False, odd: tuple[int, ...] = ()) -> None:
        self.fails_at, self.asked, self.threads = fails_at, [], set()
        self.wide, self.odd, self.whole = wide, odd, []

    def together(self, first: Batch) -> int:
        return width(first) if self.wide else 1

    def call(self, batches: list[Batch]) -> Call:
        whole = together(batches)
        call = Call(batches, whole, [whole, whole])
        call.pack(call.parts)
        return call

    def ask_whole(self, call: Call, seconds: float) -> list[tuple[Outcome, Outcome]] | None:
        batches = call.batches
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
    # the first alone, the rest together; where a call comes to nothing twice, alone
    assert pair.asked[0] == 0
    assert pair.whole == [list(range(1, MOST)), list(range(MOST, 2 * MOST)), list(range(2 * MOST, 40))]
    assert ahead.together == MOST
    assert ahead.alone == [n for group in pair.whole if set(group) & set(odd) for n in group]
    assert not outbox._parcels  # nothing is left packed


def test_how_many_blocks_go_together_is_a_matter_of_their_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.run.wide.ASKED", 3 * 80)
    pair = Pair(wide=True)
    ahead = Ahead(recording(pair, tmp_path / "ahead"))
    for number in range(10):
        ahead(batch(number))
    ahead.finish()
    assert pair.whole == [[1, 2], [3, 4, 5], [6, 7, 8]]


def test_a_run_that_is_made_again_asks_as_many_together_as_it_did(tmp_path):
    pair = Pair(wide=True)
    ahead = Ahead(recording(pair, tmp_path / "ahead"), together=4)
    for number in range(10):
        ahead(batch(number))
    ahead.finish()
    assert pair.whole == [[1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_call_that_was_packed_and_never_asked_is_put_away(tmp_path):
    ahead = Ahead(recording(Pair(fails_at=0, wide=True), tmp_path / "ahead"))
    ahead(batch(0))
    for number in range(1, MOST - 1):
        ahead(batch(number))
    with pytest.raises(RuntimeError, match="the worker ended"):
        ahead(batch(MOST - 1))
    assert outbox._parcels
    ahead.leave()
    ahead.close()
    assert not outbox._parcels


@given(st.lists(st.integers(1, 3 * ASKED), min_size=1, max_size=60), st.integers(1, MOST))
def test_calls_hold_every_block_once_in_order_and_begin_where_the_table_says(sizes, at_once):
    def cut(sizes: list[int]) -> list[list[int]]:
        cutting, calls = Cutting(at_once), []
        for number, size in enumerate(sizes):
            one = batch(number)
            column = Column("str", Texts(True, np.array([0, size]), np.empty(0, np.uint8)))
            calls.append(cutting.add(Batch("rows", number, 0, one.keys[:1], {"x": column})))
        calls.append(cutting.rest())
        return [[one.block for one in call] for call in calls if call]

    calls = cut(sizes)
    assert [number for call in calls for number in call] == list(range(len(sizes)))
    assert calls[0] == [0]
    for call in calls:
        # no call crosses a multiple of the width, whatever came before it
        assert len({number // at_once for number in call}) == 1
        assert sum(sizes[number] for number in call[:-1]) < 2 * ASKED
    # a block that is another moves no call beyond the next multiple
    other = cut([3 * ASKED, *sizes[1:]])
    assert [c for c in other if c[0] >= at_once] == [c for c in calls if c[0] >= at_once]


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
