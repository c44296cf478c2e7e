"""The answers of a run, kept block by block: nothing that a model has answered is lost, and the statistics that
are no sums (a bootstrap, a rank) are judged from them in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.run import blocks
from harness.tables import Batch, Bools, Column, Outcome

FORMAT = 1
"""Of recorded outcomes, which live in the store; the blocks of a run have a format of their own."""

RECORDED = "recorded outcome"


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Answers to n cases in the order of their rows: `rows` (n,) are places in the source, `keys` name the cases,
    `answered` (n,) says which rows both versions answered, `by_candidate` (n,) which the candidate did."""

    rows: npt.NDArray[np.int64]
    keys: Column
    target: Column | None
    baseline: Mapping[str, Column]
    candidate: Mapping[str, Column]
    answered: Bools
    by_candidate: Bools

    def take(self, rows: Any) -> Kept:
        """The same for these rows only."""
        return Kept(
            self.rows[rows],
            self.keys.take(rows),
            None if self.target is None else self.target.take(rows),
            {name: column.take(rows) for name, column in self.baseline.items()},
            {name: column.take(rows) for name, column in self.candidate.items()},
            self.answered[rows],
            self.by_candidate[rows],
        )


def kept(batch: Batch, baseline: Outcome, candidate: Outcome) -> Kept:
    """Both outcomes of one batch."""
    return Kept(
        np.arange(batch.start, batch.start + len(batch), dtype=np.int64),
        Column.of(batch.keys),
        batch.target,
        baseline.columns,
        candidate.columns,
        baseline.answered & candidate.answered,
        candidate.answered,
    )


def joined(parts: Sequence[Kept]) -> Kept:
    """Parts one after another. A column that one part lacks is null there."""
    targets = [part.target for part in parts if part.target is not None]
    return Kept(
        np.concatenate([part.rows for part in parts]),
        Column.concat([part.keys for part in parts]),
        Column.concat(targets) if len(targets) == len(parts) else None,
        _joined([part.baseline for part in parts], [len(part.rows) for part in parts]),
        _joined([part.candidate for part in parts], [len(part.rows) for part in parts]),
        np.concatenate([part.answered for part in parts]),
        np.concatenate([part.by_candidate for part in parts]),
    )


def gather(folder: Path) -> Kept | None:
    """Everything that was kept in this folder, in order; None where nothing was."""
    parts = [kept(block.batch, block.baseline, block.candidate) for block in blocks.read(folder)]
    return joined(parts) if parts else None


def recorded(whole: Kept, fingerprints: Sequence[str] = ()) -> bytes:
    """The candidate's answers alone, as the baseline store keeps them; `fingerprints` name the cases of each block,
    so that the answers are used again for exactly these."""
    answered = Column("bool", whole.by_candidate)
    columns = [("key", whole.keys), ("answered", answered), *whole.candidate.items()]
    return blocks.packed(columns, RECORDED, FORMAT, {"blocks": list(fingerprints)})


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Recorded answers of a release to one table: whole columns, and the fingerprint of each canonical block."""

    answered: Bools
    columns: Mapping[str, Column]
    fingerprints: tuple[str, ...]

    @classmethod
    def parse(cls, content: bytes) -> Recorded:
        """The inverse of `recorded`. ValueError for what is none, or of another format."""
        try:
            header, columns, _ = blocks.unpacked(memoryview(content))
            if header["format"] != FORMAT or header["what"] != RECORDED:
                raise ValueError(f"{header['what']} of format {header['format']}")
            # by place: an output may be named key or answered itself
            (_, (_, answered), *outputs) = columns
            return cls(answered.values, dict(outputs), tuple(header.get("blocks", ())))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no recorded outcome: {error}") from None

    def of(self, batch: Batch, names: Collection[str] | None) -> Outcome | None:
        """The answers to a canonical block, or None where they were given to other cases than these."""
        known = batch.block < len(self.fingerprints)
        if not known or self.fingerprints[batch.block] != blocks.fingerprint(batch, names):
            return None
        rows = slice(batch.start, batch.start + len(batch))
        return Outcome(
            {name: column.take(rows) for name, column in self.columns.items()}, self.answered[rows]
        )


def _joined(parts: Sequence[Mapping[str, Column]], sizes: Sequence[int]) -> dict[str, Column]:
    names = list(dict.fromkeys(name for part in parts for name in part))
    return {
        name: Column.concat(
            [
                part[name] if name in part else Column.absent(next(p[name] for p in parts if name in p), size)
                for part, size in zip(parts, sizes, strict=True)
            ]
        )
        for name in names
    }
