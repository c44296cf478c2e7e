"""How many answers are null, how many rows fail, which classes there are: counted for each version, judged at the end.

A count of a block adds to that of another; a set of classes is as good as a sum: the first so many of a sorted union
are the same in any order of work, and whether there are more is known too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.compare.results import FAIL, INCONCLUSIVE, PASS
from harness.compare.rules.protocol import missing
from harness.compare.rules.shares import ClassSet, ErrorRate, NullRate
from harness.tables import Bools, Column

LIMIT = 1000
"""Classes of one output; what has more is no set of classes."""

FEWEST = 2
"""Rows for each class, on average, below which an output is taken for free text and not for classes."""

BASELINE, CANDIDATE, TARGET = "baseline", "candidate", "target"


@dataclass(frozen=True, slots=True)
class NewClasses:
    """The built-in check of a retrained classifier: no class that the baseline does not know.

    Known is what it answers, what its manifest declares (`known`, by output) and what the labels of the table hold.
    `hidden` are outputs whose values are private.
    """

    known: Mapping[str, tuple[str, ...]]
    hidden: tuple[str, ...] = ()
    equal_nan: bool = True

    def says(self) -> str:
        """In words."""
        return "no class that the baseline, its manifest and the labels do not know"


KINDS = (NullRate, ErrorRate, ClassSet, NewClasses)
"""Rules whose budget is judged from counts of both versions."""

Census = NullRate | ErrorRate | ClassSet | NewClasses


@dataclass(frozen=True, slots=True)
class Count:
    """So many rows, and the first of them."""

    rows: int
    first_row: int
    first_key: str

    def __add__(self, other: Count) -> Count:
        first = min((self, other), key=lambda one: (one.first_row, one.first_key))
        return Count(self.rows + other.rows, first.first_row, first.first_key)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a count: its status, words for the report, and the rows that are too many."""

    status: str
    measured: str
    reason: str = ""
    code: str = ""
    rows: int = 0
    worst_key: str = ""


def key(side: str, output: str, value: str = "") -> str:
    """The name of one count: of a side, of an output, of a class."""
    return json.dumps([side, output, value])


def first(counts: Mapping[str, Count]) -> dict[str, Count]:
    """No more classes of each side and output than are needed to know that they are too many."""
    found: dict[str, Count] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for name in sorted(counts):
        side, output, _ = json.loads(name)
        if seen[side, output] <= LIMIT:
            seen[side, output] += 1
            found[name] = counts[name]
    return found


def of_rows(name: str, mask: Bools, start: int, keys: npt.NDArray[np.generic]) -> dict[str, Count]:
    """The count of the rows of a mask (n,) of a batch that begins at row `start`."""
    at = np.flatnonzero(mask)
    return {name: Count(len(at), start + int(at[0]), str(keys[at[0]]))} if len(at) else {}


def of_classes(
    side: str, output: str, column: Column, mask: Bools, start: int, keys: npt.NDArray[np.generic]
) -> dict[str, Count]:
    """The count of each class among the rows of a mask (n,)."""
    at = np.flatnonzero(mask & ~missing(column))
    found: dict[str, Count] = {}
    rows: Counter[str] = Counter()
    places: dict[str, int] = {}
    for place, value in zip(at.tolist(), column.take(at).tolist(), strict=True):
        # among nested values 1 and "1" are written alike, and are two classes
        kind = "text" if column.kind == "json" and isinstance(value, str) else column.kind
        name = f"{kind}\t{_text(value)}"
        rows[name] += 1
        places.setdefault(name, place)
    for name, place in places.items():
        found[key(side, output, name)] = Count(rows[name], start + place, str(keys[place]))
    return first(found)


def judge(rule: Census, counts: Mapping[str, Count], compared: int, outputs: Sequence[str]) -> Judged:
    """What the counts of all `compared` rows say about the rule."""
    if isinstance(rule, ClassSet):
        return _classes(rule, counts, outputs)
    if isinstance(rule, NewClasses):
        return _new_classes(rule, counts, outputs, compared)
    return max(
        (_rate(rule, counts, output, compared) for output in outputs),
        key=lambda one: (one.status == FAIL, one.rows),
    )


def limit_words(rule: Census) -> str:
    """The limit, in words."""
    if isinstance(rule, NullRate | ErrorRate):
        parts = [] if rule.max_rate is None else [f"{rule.max_rate * 100:.4g}% of the rows"]
        parts += [] if rule.max_increase is None else [f"baseline + {rule.max_increase * 100:.4g}%"]
        return "; ".join(parts)
    return "no other class"


def _rate(rule: NullRate | ErrorRate, counts: Mapping[str, Count], output: str, compared: int) -> Judged:
    old, new = (
        counts[name].rows if (name := key(side, output)) in counts else 0 for side in (BASELINE, CANDIDATE)
    )
    what = f"{output} NaN or null" if isinstance(rule, NullRate) else "errors"
    measured = f"{what} in {new:,} of {compared:,} rows (baseline {old:,})"
    limits = [] if rule.max_rate is None else [_allowed(rule.max_rate, compared)]
    limits += [] if rule.max_increase is None else [old + _allowed(rule.max_increase, compared)]
    if new <= min(limits):
        return Judged(PASS, measured, rows=0)
    worst = counts[key(CANDIDATE, output)].first_key
    return Judged(FAIL, measured, f"{measured}; the limit is {min(limits):,}", "", new - min(limits), worst)


def _allowed(share: float, compared: int) -> int:
    # as `Bound.limit` does: 0.07 * 100 is 7.000000000000001
    return int(share * compared + 1e-9)


def _classes(rule: ClassSet, counts: Mapping[str, Count], outputs: Sequence[str]) -> Judged:
    new: list[tuple[str, Count]] = []
    gone: list[tuple[str, Count]] = []
    unsure: list[str] = []
    total = 0
    for output in outputs:
        old, now = dict(_of(counts, BASELINE, output)), dict(_of(counts, CANDIDATE, output))
        total = max(total, len(old))
        if len(old) > LIMIT:
            unsure.append(output)
            continue
        arrived = [(name, one) for name, one in now.items() if name not in old]
        new += [one for one in arrived if not _among(one[0], rule.allow_new)]
        if len(now) > LIMIT and "*" not in rule.allow_gone:
            # which of the baseline's are gone cannot be told from the first so many
            unsure.append(output)
            continue
        left = [(name, one) for name, one in old.items() if name not in now]
        gone += [one for one in left if not _among(one[0], rule.allow_gone)]
    said = [f"{len(some)} {word} ({_list(some)})" for some, word in ((new, "new"), (gone, "gone")) if some]
    if said:
        words = f"classes changed: {', '.join(said)}"
        rows = sum(one.rows for _, one in new)
        return Judged(FAIL, ", ".join(said), words, "", rows, (new or gone)[0][1].first_key)
    if unsure:
        words = f"{unsure[0]} has more than {LIMIT:,} different answers: no set of classes"
        return Judged(INCONCLUSIVE, words, words, "E28")
    return Judged(PASS, f"{total:,} classes, none new or gone that may not be")


def _new_classes(
    rule: NewClasses, counts: Mapping[str, Count], outputs: Sequence[str], compared: int
) -> Judged:
    new: list[tuple[str, Count]] = []
    shown: list[tuple[str, Count]] = []
    total = 0
    for output in outputs:
        old = dict(_of(counts, BASELINE, output))
        if len(old) > LIMIT or len(old) * FEWEST > compared:
            continue
        total += len(old)
        labels = {_value(name) for name, _ in _of(counts, TARGET, output)} | set(rule.known.get(output, ()))
        found = [
            (name, one)
            for name, one in _of(counts, CANDIDATE, output)
            if name not in old and _value(name) not in labels
        ]
        new += found
        shown += [] if output in rule.hidden else found
    if not new:
        return Judged(PASS, f"{total:,} classes, no unknown one" if total else "no output holds classes")
    rows = sum(one.rows for _, one in new)
    names = f" ({_list(shown)})" if shown else ""
    classes = "class" if len(new) == 1 else "classes"
    words = f"{len(new)} {classes} that the baseline does not know{names}: {rows:,} of {compared:,} rows"
    return Judged(FAIL, words, f"the candidate answers {words}", "", rows, new[0][1].first_key)


def _of(counts: Mapping[str, Count], side: str, output: str) -> Iterator[tuple[str, Count]]:
    for name, one in counts.items():
        whose, of, value = json.loads(name)
        if (whose, of) == (side, output):
            yield value, one


def _among(name: str, allowed: Sequence[str]) -> bool:
    return "*" in allowed or _value(name) in allowed


def _value(name: str) -> str:
    return name.partition("\t")[2]


def _list(classes: Sequence[tuple[str, Count]]) -> str:
    names = [_value(name) for name, _ in classes[:3]]
    return ", ".join(names) + (", …" if len(classes) > len(names) else "")


def _text(value: object) -> str:
    """A class as it is shown, and as configuration writes it."""
    if isinstance(value, str):
        return value
    # -0.0 equals 0.0, and is no class of its own
    return json.dumps(value + 0.0 if isinstance(value, float) else value, sort_keys=True, default=repr)
