"""One block of a run as bytes: the cases, and what each version answered, faults included.

Nothing is lost on the way: comparing what is read gives the same tally, byte for byte, as comparing what was
answered. That is what lets a run be judged again without a model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import files, worker
from harness.compare.tally import Tally
from harness.errors import Exit, HarnessError
from harness.inputs import Step
from harness.reporting import jsonable
from harness.tables import Batch, Bools, Column, Fault, Outcome

FORMAT = 2
SIDES = ("baseline", "candidate", "anchor")
PROBES = "probes.answers"
KEPT = "block-*.answers"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A batch and its outcomes; `anchor` is None where nothing was asked of an anchor."""

    batch: Batch
    baseline: Outcome
    candidate: Outcome
    anchor: Outcome | None = None


@dataclass(slots=True, eq=False)
class KeptTable:
    """A fixed table of a past run: its cases as they were kept, whatever has become of the file. So many of its blocks
    were asked `together` in one call; 0 where nobody noted it."""

    name: str
    where: str
    labelled: bool
    rows: int
    folder: Path
    search: bool = False
    together: int = 0

    def planned(self) -> int:
        """Rows of the plan."""
        return self.rows

    def batches(self) -> Iterator[Batch]:
        """The blocks that were answered."""
        return (block.batch for block in read(self.folder))

    def kinds(self) -> dict[str, str] | None:
        """The kind of each column as the first block holds it ("" for no values); None where no block is."""
        first = next(self.batches(), None)
        return None if first is None else {name: column.kind_known for name, column in first.whole.items()}

    def beside(self) -> frozenset[str]:
        """The columns that no version was given: those that were kept."""
        first = next(self.batches(), None)
        return frozenset() if first is None else frozenset(first.beside)

    def drive(self, step: Step) -> Tally:
        """Every block in order."""
        return sum((step(batch) for batch in self.batches()), Tally())


def keep(folder: Path, block: Block) -> Path:
    """Write one block of the plan; a block that is compared again replaces what was kept of it."""
    path = folder / f"block-{block.batch.block:08}.answers"
    with files.replacing(path, durable=False) as file:
        for part in parts_of(block):
            file.write(part)
    return path


class Keeping:
    """Keeps the blocks of one source: written as they are answered, so that they are there whoever kills us, and made
    to outlive a loss of power while the next ones are asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="harness-keep")
        self._waiting: list[Future[None]] = []

    def keep(self, block: Block) -> None:
        """Write one block of the plan."""
        self._waiting.append(self._thread.submit(files.make_durable, keep(self._folder, block)))

    def finish(self) -> None:
        """Wait for the disk. OSError where it could not hold a block."""
        waiting, self._waiting = self._waiting, []
        self._thread.shutdown()
        for one in waiting:
            one.result()
        files.make_durable(self._folder)


def keep_probes(folder: Path, probes: Iterable[Block]) -> None:
    """Write the cases outside the plan: what a search asked to shrink its findings."""
    files.write_atomic(folder / PROBES, b"".join(to_bytes(block) for block in probes))


def read(folder: Path) -> Iterator[Block]:
    """Every planned block of a source, in order."""
    for path in sorted(folder.glob(KEPT)):
        yield from _blocks(path)


def read_probes(folder: Path) -> dict[str, Block]:
    """The blocks outside the plan, by the fingerprint of their cases."""
    path = folder / PROBES
    found = _blocks(path) if path.exists() else ()
    return {fingerprint(block.batch): block for block in found}


def fingerprint(batch: Batch, names: Collection[str] | None = None) -> str:
    """sha256 of the cases of a batch: keys and input columns (those of `names`, or all), whatever their order."""
    columns = sorted((name, c) for name, c in batch.columns.items() if names is None or name in names)
    return _digest([("key", _keys(batch)), *((f"input:{name}", column) for name, column in columns)])


def _digest(columns: Iterable[tuple[str, Column]]) -> str:
    specs, chunks = worker.pack((*column.named(name)[:3], _mask(column)) for name, column in columns)
    digest = hashlib.sha256(json.dumps(specs, sort_keys=True).encode())
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def same_cases(one: Batch, other: Batch) -> bool:
    """Whether two batches hold the same cases in the same order, labels included."""
    targets = [batch.target for batch in (one, other)]
    labels = [None if target is None else jsonable(target.tolist()) for target in targets]
    # a rule that is new or gone names other columns beside the inputs; those of both times hold the same
    both = one.beside.keys() & other.beside.keys()
    beside = [_digest((name, batch.beside[name]) for name in sorted(both)) for batch in (one, other)]
    return labels[0] == labels[1] and beside[0] == beside[1] and fingerprint(one) == fingerprint(other)


def to_bytes(block: Block) -> bytes:
    """The block as one frame of the wire."""
    return b"".join(parts_of(block))


def parts_of(block: Block) -> list[Any]:
    """The frame in parts, most of them where the answers lie."""
    batch = block.batch
    columns = [("key", _keys(batch))]
    columns += [(f"input:{name}", column) for name, column in batch.columns.items()]
    columns += [(f"beside:{name}", column) for name, column in batch.beside.items()]
    if batch.target is not None:
        columns.append(("target", batch.target))
    sides = {}
    for side in SIDES:
        answers = getattr(block, side)
        if answers is not None:
            columns.append((f"answered:{side}", Column("bool", answers.answered)))
            columns += [(f"{side}:{name}", column) for name, column in answers.columns.items()]
            sides[side] = beside(answers)
    header = {"source": batch.source, "block": batch.block, "start": batch.start, "sides": sides}
    return _frame(columns, "answers", FORMAT, header)


def packed(columns: Iterable[tuple[str, Column]], what: str, format: int, more: Mapping[str, Any]) -> bytes:
    """Named columns as one frame, with a format number and whatever else its header says."""
    return b"".join(_frame(columns, what, format, more))


def _frame(
    columns: Iterable[tuple[str, Column]], what: str, format: int, more: Mapping[str, Any]
) -> list[Any]:
    specs, chunks = worker.pack(column.named(name) for name, column in columns)
    return worker.frame({"format": format, "what": what, **more, "columns": specs}, chunks)


def unpacked(content: memoryview) -> tuple[dict[str, Any], list[tuple[str, Column]], int]:
    """The header, the columns and the length of the frame that `content` begins with. ValueError for anything else."""
    if len(content) < worker.HEAD.size:
        raise ValueError("a frame is cut short")
    header, payload = worker.lengths(bytes(content[: worker.HEAD.size]), len(content))
    start = worker.HEAD.size + header
    said = json.loads(bytes(content[worker.HEAD.size : start]))
    columns = [
        (name, Column.told(said, values, null))
        for name, said, values, null in worker.unpack(said["columns"], content[start : start + payload])
    ]
    return said, columns, start + payload


def _blocks(path: Path) -> Iterator[Block]:
    try:
        content = memoryview(path.read_bytes())
        while len(content):
            header, columns, length = unpacked(content)
            yield _block(header, dict(columns))
            content = content[length:]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HarnessError(
            f"kept answers cannot be read: {type(error).__name__}: {error}",
            where=str(path),
            hint="run the comparison again: it keeps them anew",
            exit=Exit.INCONCLUSIVE,
        ) from None


def _block(header: Mapping[str, Any], columns: Mapping[str, Column]) -> Block:
    if header["format"] != FORMAT:
        raise ValueError(f"format {header['format']}, this harness reads {FORMAT}")

    def part(prefix: str) -> dict[str, Column]:
        return {name.removeprefix(prefix): c for name, c in columns.items() if name.startswith(prefix)}

    outcomes = {
        side: outcome(part(f"{side}:"), columns[f"answered:{side}"].values, said)
        for side, said in header["sides"].items()
    }
    batch = Batch(
        header["source"],
        header["block"],
        header["start"],
        columns["key"].values,
        part("input:"),
        columns.get("target"),
        part("beside:"),
    )
    return Block(batch, outcomes["baseline"], outcomes["candidate"], outcomes.get("anchor"))


def outcome(columns: Mapping[str, Column], answered: Bools, said: Mapping[str, Any]) -> Outcome:
    """An outcome from its columns and what `beside` said of it."""
    return Outcome(
        columns,
        answered,
        tuple(Fault(row, error, message, tuple(frames)) for row, error, message, frames in said["faults"]),
        tuple(said["dropped"]),
        said["reordered"],
        said["extra"],
        said["seconds"],
        tuple(said["notes"]),
    )


def beside(outcome: Outcome) -> dict[str, Any]:
    """What an outcome holds beside its columns."""
    return {
        "faults": [[one.row, one.error, one.message, list(one.frames)] for one in outcome.faults],
        "dropped": [int(row) for row in outcome.dropped],
        "reordered": outcome.reordered,
        "extra": outcome.extra,
        "seconds": outcome.seconds,
        "notes": list(outcome.notes),
    }


def _keys(batch: Batch) -> Column:
    """Keys are shown and compared as text; whole numbers and texts stay what they are."""
    column = Column.of(batch.keys)
    if column.kind in ("int", "str") and column.null is None:
        return column
    return Column("str", np.array([str(key) for key in batch.keys], object))


def _mask(column: Column) -> Any:
    """No null and a mask without any are the same cases."""
    return None if column.null is None or not column.null.any() else column.null
