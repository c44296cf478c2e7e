"""Several canonical blocks asked in one call: what a call costs beside its rows is paid once for all of them.

Which blocks go together is a matter of the plan: of how many bytes the rows of the table are, whatever holds them, and
of nothing that differs from run to run. Answers are cut back into blocks, and everything after that is by block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness import texts
from harness.tables import Batch, Column, Outcome

ASKED = 8 * 2**20
"""Bytes of input up to which blocks are asked in one call."""

MOST = 16
"""Blocks in one call, at most: what a model makes of its rows on the way can be far wider than they are."""

_NUMBER, _NESTED = 8, 64
"""Bytes that a number, and a nested value, is taken for."""


def size(batch: Batch) -> int:
    """Bytes of the inputs of a batch, as the values themselves say."""
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
