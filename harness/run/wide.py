"""Several canonical blocks asked in one call: what a call costs beside its rows is paid once for all of them.

Models do not give the same last bits whatever the size of a batch, so which blocks go together is a matter of the plan:
of the table alone, and of no clock. Answers are cut back into blocks, and everything after that is by block.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness import texts
from harness.predictors import outbox
from harness.predictors.predictor import Predictor, Wide
from harness.tables import Batch, Column, Outcome

ASKED = 8 * 2**20
"""Bytes of input that a call is meant to have, at most; one whose blocks grow ends at twice as many."""

MOST = 16
"""Blocks in one call, at most: what a model makes of its rows on the way can be far wider than they are."""

ODD = 2
"""Calls of several blocks that come to nothing, one after the other, after which blocks are asked alone."""

_NUMBER, _NESTED = 8, 64
"""Bytes that a number, and a nested value, is taken for."""


def width(first: Batch) -> int:
    """How many blocks of a table go together, as its first block says."""
    return max(1, min(MOST, ASKED // max(1, size(first))))


class Cutting:
    """The blocks of a table, in their order, as the calls in which they are asked.

    The first is asked alone: it warms the models. After it a call ends where the number of the next block is a multiple
    of `together`, so that a change in one place of a table moves no call elsewhere.
    """

    def __init__(self, together: int) -> None:
        self.together = together
        self._waiting: list[Batch] = []
        self._bytes = 0

    def add(self, batch: Batch) -> list[Batch]:
        """The blocks of a call, once the last of them is added; else none."""
        self._waiting.append(batch)
        if self.together > 1:
            self._bytes += size(batch)
        last = (batch.block + 1) % self.together == 0 or self._bytes >= 2 * ASKED
        return self.rest() if last or batch.block == 0 else []

    def rest(self) -> list[Batch]:
        """The blocks that wait for others."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        return waiting


@dataclass(slots=True)
class Call:
    """Blocks that are asked in one call: `whole` is all of them as one batch, and `parts` what each version is given of
    it, packed already."""

    batches: Sequence[Batch]
    whole: Batch
    parts: Sequence[Batch]
    _held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def pack(self, parts: Sequence[Batch]) -> None:
        """Pack these of the parts now, while the versions are busy with the call before."""
        for part in {id(part): part for part in parts}.values():
            self._held.enter_context(outbox.packed(part))

    def close(self) -> None:
        """Nobody asks it any more."""
        self._held.close()


def answers(
    predictor: Predictor, batches: Iterable[Batch], given: Callable[[Batch], Batch]
) -> Iterator[tuple[Batch, Outcome, int]]:
    """One version alone is asked a table as a run asks it: each block, its outcome, and how many blocks were asked in
    its call. `given` makes of a block what the version takes of it."""
    cutting: Cutting | None = None
    odd, seconds = 0, 0.0

    def ask(blocks: list[Batch]) -> Iterator[tuple[Batch, Outcome, int]]:
        nonlocal odd, seconds
        found: list[Outcome] | None = None
        if len(blocks) > 1 and odd < ODD and isinstance(predictor, Wide):
            outcome = predictor.whole(given(together(blocks)), len(blocks), len(blocks) * seconds)
            found = None if outcome is None else apart(outcome, blocks)
            odd = odd + 1 if found is None else 0
        # the first is asked alone, and belongs to the others
        alone = found is None and (len(blocks) > 1 or blocks[0].block > 0)
        for number, batch in enumerate(blocks):
            one = predictor.predict(given(batch)) if found is None else found[number]
            seconds = one.seconds
            yield batch, one, 1 if alone or cutting is None else cutting.together

    for batch in batches:
        if cutting is None:
            cutting = Cutting(width(batch) if isinstance(predictor, Wide) else 1)
        if call := cutting.add(batch):
            yield from ask(call)
    if cutting is not None and (call := cutting.rest()):
        yield from ask(call)


def size(batch: Batch) -> int:
    """Bytes of the inputs of a batch, as the values themselves say, whatever holds them."""
    return sum(_size(column) for column in batch.columns.values())


def _size(column: Column) -> int:
    rows = len(column)
    if column.kind not in ("str", "bytes"):
        return rows * (_NESTED if column.kind == "json" else _NUMBER)
    held = column.held
    if isinstance(held, texts.Codes):
        return rows * _NUMBER + int(np.diff(held.words.marks)[held.codes].sum())
    if isinstance(held, texts.Texts):
        return rows * _NUMBER + int(held.marks[-1] - held.marks[0])
    return rows * _NESTED


def together(batches: Sequence[Batch]) -> Batch:
    """Blocks that follow one another as one batch; labels, which no model sees, are left out."""
    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    columns = {name: Column.concat([one.columns[name] for one in batches]) for name in first.columns}
    return Batch(
        first.source, first.block, first.start, np.concatenate([one.keys for one in batches]), columns
    )


def apart(outcome: Outcome, batches: Sequence[Batch]) -> list[Outcome]:
    """An outcome in which every row is answered, cut into those of the blocks that were asked together."""
    found, start = [], 0
    for batch in batches:
        rows = slice(start, start + len(batch))
        columns = {name: _cut(column, rows) for name, column in outcome.columns.items()}
        share = outcome.seconds * len(batch) / len(outcome)
        found.append(Outcome(columns, outcome.answered[rows], seconds=share, notes=outcome.notes))
        start = rows.stop
    return found


def _cut(column: Column, rows: slice) -> Column:
    part = column.take(rows)
    if part.null is None or part.null.any():
        return part
    return Column(part.kind, part.held, None, part.form)
