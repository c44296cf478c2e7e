"""The answers of a run, kept block by block: nothing that a model has answered is lost, and the statistics that
are no sums (a bootstrap, a rank) are judged from them in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.run import blocks
from harness.tables import Batch, Bools, Column, Outcome
from harness.tables import blocks as row_blocks

FORMAT = 2
"""Of recorded outcomes, which live in the store; the blocks of a run have a format of their own. 1 is still read."""

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


def recorded(
    given: Iterable[tuple[Batch, Outcome]],
    names: Collection[str] | None,
    environment: Mapping[str, str],
    together: Callable[[int], int] = lambda block: 1,
) -> bytes:
    """The answers of one version to one table as the baseline store keeps them: one frame for each canonical block,
    since an output that is whole numbers in one block and floats in another is judged as that.

    `names` are the input columns that the version takes (None: all): with the keys they say to which cases these
    answers belong. `environment` says where they were given; answers are used again only in an environment like it.
    `together` says how many blocks were asked in the call of each: whoever is compared with them is asked so
    too. The same answers are the same bytes: seconds are left out.
    """
    frames = []
    for batch, outcome in given:
        answered = Column("bool", outcome.answered)
        columns = [("key", Column.of(batch.keys)), ("answered", answered), *outcome.columns.items()]
        said = {
            "cases": blocks.fingerprint(batch, names),
            "beside": {**blocks.beside(outcome), "seconds": 0.0},
            "environment": dict(environment),
            "together": max(1, together(batch.block)),
        }
        frames.append(blocks.packed(columns, RECORDED, FORMAT, said))
    return b"".join(frames)


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Recorded answers of a release to one table: for each canonical block the fingerprint of its cases, and the
    outcome. `environment` is where they were given. Format 1 kept neither environment nor faults: `whole` says
    whether nothing was lost."""

    cases: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    asked: tuple[int, ...] = ()

    def together(self, block: int) -> int:
        """How many blocks were asked in the call of this one; 1 where the record does not say, 0 where it has none."""
        if block >= len(self.outcomes):
            return 0
        return self.asked[block] if self.asked else 1

    @property
    def most_together(self) -> int:
        """How many blocks were asked in one call, at most."""
        return max(self.asked, default=1)

    @classmethod
    def parse(cls, content: bytes) -> Recorded:
        """The inverse of `recorded`. ValueError for what is none, or of a newer format."""
        try:
            rest = memoryview(content)
            if blocks.unpacked(rest)[0]["format"] == 1:
                return cls._of_format_1(rest)
            cases, outcomes, environments, asked = [], [], [], []
            while len(rest):
                header, columns, length = blocks.unpacked(rest)
                (_, (_, answered), *outputs) = _checked(header, FORMAT, columns)
                cases.append(header["cases"])
                outcomes.append(blocks.outcome(dict(outputs), answered.values, header["beside"]))
                environments.append(dict(header["environment"]))
                asked.append(max(1, int(header.get("together", 1))))
                rest = rest[length:]
            if any(one != environments[0] for one in environments):
                raise ValueError("blocks of several environments")
            return cls(tuple(cases), tuple(outcomes), environments[0], asked=tuple(asked))
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"no recorded outcome: {error}") from None

    @classmethod
    def _of_format_1(cls, content: memoryview) -> Recorded:
        header, columns, _ = blocks.unpacked(content)
        (_, (_, answered), *outputs) = _checked(header, 1, columns)
        cases = tuple(header.get("blocks", ()))
        outcomes = []
        for number, start, stop in row_blocks(len(answered)):
            if number < len(cases):
                rows = slice(start, stop)
                taken = {name: column.take(rows) for name, column in outputs}
                outcomes.append(Outcome(taken, answered.values[rows]))
        return cls(cases, tuple(outcomes), whole=bool(answered.values.all()))

    def of(self, batch: Batch, names: Collection[str] | None) -> Outcome | None:
        """The answers to a canonical block, or None where they were given to other cases than these."""
        if not 0 <= batch.block < len(self.outcomes):
            return None
        outcome = self.outcomes[batch.block]
        same = len(outcome) == len(batch) and self.cases[batch.block] == blocks.fingerprint(batch, names)
        return outcome if same else None


def _checked(
    header: Mapping[str, Any], format: int, columns: list[tuple[str, Column]]
) -> list[tuple[str, Column]]:
    """The columns by place: an output may be named key or answered itself."""
    if header["format"] != format or header["what"] != RECORDED:
        raise ValueError(f"{header['what']} of format {header['format']}")
    if len(columns) < 2:
        raise ValueError("a recorded outcome without keys or answers")
    return columns


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
