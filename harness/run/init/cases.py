"""The first fixture: cases out of a table that fits the model, or made from what its inputs are said to be."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.inputs.fixed import TableSource
from harness.predictors.probing import About
from harness.run.init.service import RequestField
from harness.settings import Input

COUNT = 300
"""Cases of a fixture, at most; so many are made where there is no table."""

SEED = 8123
_TARGETS = ("target", "label", "y", "outcome", "class", "price", "actual", "truth")
_NAMES = ("id", "key", "case", "index", "uuid")


@dataclass(frozen=True, slots=True)
class Cases:
    """`columns` of one length: `key`, the inputs in the model's order, and `target` (a column, or nothing). `source`
    says where they are from, `guesses` what was guessed."""

    columns: dict[str, list[Any]]
    key: str
    target: str
    source: str
    guesses: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many."""
        return len(self.columns[self.key])

    def text(self) -> str:
        """As CSV."""
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(self.columns)
        for row in zip(*self.columns.values(), strict=True):
            writer.writerow(["" if value is None else _plain(value) for value in row])
        return written.getvalue()


def from_tables(
    root: Path, tables: Iterable[str], wanted: Sequence[str] | None, target: str, *, demanded: bool = False
) -> Cases | None:
    """Cases of the first table that has all `wanted` columns (None: whatever it has). `demanded`: the user named the
    table, so that what is wrong with it is said."""
    for name in tables:
        try:
            source = TableSource(Input(name="cases", path=_literal(name)), root, None)
            known = list(source.kinds())
        except (HarnessError, StopIteration):
            if demanded:
                raise
            continue
        missing = [column for column in wanted or () if column not in known]
        if not missing and (not target or target in known):
            return _taken(source, name, known, wanted, target)
        if demanded:
            raise HarnessError(
                f"the table lacks {', '.join(missing or [target])}",
                where=name,
                hint=f"it has {', '.join(known)}; the model takes {', '.join(wanted or known)}",
            )
    return None


def made(wanted: Sequence[str], fields: Sequence[RequestField], about: About | None) -> Cases:
    """Cases of these inputs, the same every time: within the bounds, choices and examples that the service states, and
    of the categories and the spread that the model has seen."""
    draw = random.Random(SEED)  # noqa: S311  # cases, no secrets
    by_name = {field.name: field for field in fields}
    guesses = []
    columns: dict[str, list[Any]] = {"case": list(range(COUNT))}
    for name in wanted:
        field = by_name.get(name, RequestField(name, ""))
        choices = field.choices or (about.choices.get(name, ()) if about else ())
        spread = about.spreads.get(name) if about else None
        if choices:
            columns[name] = [draw.choice(choices) for _ in range(COUNT)]
        elif field.kind == "bool":
            columns[name] = [draw.random() < 0.5 for _ in range(COUNT)]
        elif field.kind == "str":
            texts = [one for one in field.examples if isinstance(one, str)] or ["a", "b"]
            columns[name] = [draw.choice(texts) for _ in range(COUNT)]
            guesses.append(f"{name} is text, and what it may be is not stated: {', '.join(texts)}")
        else:
            columns[name] = [_number(draw, field, spread) for _ in range(COUNT)]
            if spread is None and field.lowest is None and field.highest is None and not _numbers(field):
                guesses.append(f"the range of {name} is stated nowhere: numbers around 0")
    return Cases(columns, "case", "", f"{COUNT} cases made from what is stated of the inputs", tuple(guesses))


def _taken(
    source: TableSource, name: str, known: list[str], wanted: Sequence[str] | None, target: str
) -> Cases:
    guesses = []
    rest = [column for column in known if column not in (wanted or ())]
    if not target:
        likely = [column for column in rest if column.lower() in _TARGETS]
        others = [column for column in rest if column.lower() not in _NAMES]
        target = likely[0] if likely else others[0] if wanted and len(others) == 1 else ""
        if target:
            guesses.append(
                f"{target} in {name} is the label: it is compared with the answers and never shown to the model"
            )
    inputs = list(wanted or [column for column in known if column != target and column.lower() not in _NAMES])
    chosen = _spread(source.planned(), COUNT)
    columns: dict[str, list[Any]] = {column: [] for column in [*inputs, *([target] if target else [])]}
    for batch in source.batches():
        here = [row - batch.start for row in chosen if batch.start <= row < batch.start + len(batch)]
        if here:
            part = batch.take(here)
            for column in columns:
                columns[column] += part.columns[column].tolist()
    key = next(one for one in ("case", "case_id", "harness_case") if one not in columns)
    whole = f"{source.planned():,} rows of {name}"
    said = whole if source.planned() <= COUNT else f"{len(chosen)} of the {whole}, evenly spread"
    return Cases({key: chosen, **columns}, key, target, said, tuple(guesses))


def _spread(planned: int, count: int) -> list[int]:
    """So many of the rows, evenly spread; all where there are no more.

    >>> _spread(10, 4), _spread(2, 4)
    ([0, 2, 5, 7], [0, 1])
    """
    if planned <= count:
        return list(range(planned))
    return [place * planned // count for place in range(count)]


def _number(draw: random.Random, field: RequestField, spread: tuple[float, float] | None) -> float | int:
    lowest, highest, near = field.lowest, field.highest, _numbers(field)
    if spread is not None:
        value = draw.gauss(*spread)
    elif lowest is not None and highest is not None:
        value = draw.uniform(lowest, highest)
    elif near:
        value = near[0] * draw.uniform(0.5, 1.5)
    elif lowest is not None:
        value = lowest + draw.expovariate(1 / 10)
    else:
        value = draw.gauss(0, 1)
    value = max(value, lowest) if lowest is not None else value
    value = min(value, highest) if highest is not None else value
    return round(value) if field.kind == "int" else round(value, 6)


def _numbers(field: RequestField) -> list[float]:
    return [
        float(one) for one in field.examples if isinstance(one, int | float) and not isinstance(one, bool)
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def _literal(name: str) -> str:
    """A path as a glob that matches it alone."""
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in name)
