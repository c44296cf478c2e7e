"""The answers of a run, kept block by block: nothing that a model has answered is lost, and the statistics that
are no sums (a bootstrap, a rank) are judged from them in the order of the rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import files, worker
from harness.tables import Batch, Bools, Column, Outcome

FORMAT = 1


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


def keep(folder: Path, batch: Batch, baseline: Outcome, candidate: Outcome) -> None:
    """Write the answers to one block; a block that is compared again replaces what was kept of it."""
    content = _bytes(kept(batch, baseline, candidate))
    files.write_atomic(folder / f"block-{batch.block:08}.answers", content)


def gather(folder: Path) -> Kept | None:
    """Everything that was kept in this folder, in order; None where nothing was."""
    parts = [_read(path.read_bytes()) for path in sorted(folder.glob("block-*.answers"))]
    return joined(parts) if parts else None


def recorded(whole: Kept) -> bytes:
    """The candidate's answers alone, as the baseline store keeps them."""
    answered = Column("bool", whole.by_candidate)
    return _frame([("key", whole.keys), ("answered", answered), *whole.candidate.items()], "recorded outcome")


def _bytes(one: Kept) -> bytes:
    columns = [
        ("row", Column("int", one.rows)),
        ("key", one.keys),
        ("answered", Column("bool", one.answered)),
        ("by_candidate", Column("bool", one.by_candidate)),
    ]
    if one.target is not None:
        columns.append(("target", one.target))
    columns += [(f"baseline:{name}", column) for name, column in one.baseline.items()]
    columns += [(f"candidate:{name}", column) for name, column in one.candidate.items()]
    return _frame(columns, "answers")


def _frame(columns: Sequence[tuple[str, Column]], what: str) -> bytes:
    specs, chunks = worker.pack((name, c.kind, c.values, c.null) for name, c in columns)
    return b"".join(worker.frame({"format": FORMAT, "what": what, "columns": specs}, chunks))


def _read(content: bytes) -> Kept:
    header, payload = worker.lengths(content[: worker.HEAD.size])
    start = worker.HEAD.size
    specs = json.loads(content[start : start + header])["columns"]
    start += header
    columns = {
        name: Column(kind, values, null)
        for name, kind, values, null in worker.unpack(specs, content[start : start + payload])
    }

    def side(prefix: str) -> dict[str, Column]:
        return {name.removeprefix(prefix): c for name, c in columns.items() if name.startswith(prefix)}

    return Kept(
        columns["row"].values,
        columns["key"],
        columns.get("target"),
        side("baseline:"),
        side("candidate:"),
        columns["answered"].values,
        columns["by_candidate"].values,
    )


def _joined(parts: Sequence[Mapping[str, Column]], sizes: Sequence[int]) -> dict[str, Column]:
    names = list(dict.fromkeys(name for part in parts for name in part))
    return {
        name: Column.concat(
            [
                part[name] if name in part else _absent(next(p[name] for p in parts if name in p), size)
                for part, size in zip(parts, sizes, strict=True)
            ]
        )
        for name in names
    }


def _absent(like: Column, size: int) -> Column:
    return Column(like.kind, np.zeros(size, like.values.dtype), np.ones(size, bool))
