"""`harness environments`: what is kept between runs, as a person or a script reads it, and what is taken away."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import re
import time
from collections.abc import Iterable, Iterator

from harness.errors import HarnessError
from harness.predictors import kept
from harness.predictors.kept import Kept
from harness.reporting import text
from harness.settings.table import byte_size

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SHOWN = 3
"""Purposes of an environment that a line names."""


def lines(found: list[Kept], width: int, now: float) -> Iterator[str]:
    """A table, the environment used last first, within `width` columns; then what it sums up to."""
    if found:
        header = ("", "SIZE", "LAST USED", "PYTHON", "PACKAGES", "STATE", "FOR")
        rows = [header, *(_row(one, now) for one in found)]
        widths = [max(text.columns(row[place]) for row in rows) for place in range(len(header))]
        for row in rows:
            cells = [
                cell.rjust(size) if place == 1 else cell + " " * (size - text.columns(cell))
                for place, (cell, size) in enumerate(zip(row, widths, strict=True))
            ]
            line = "  ".join(cells).rstrip()
            yield text.cut(line, width) if width else line
        yield ""
    noun = "environment" if len(found) == 1 else "environments"
    size, own = sum(one.size for one in found), sum(one.own for one in found)
    shared = f", {amount(size - own)} of it shared with uv's cache" if size - own else ""
    yield f"{len(found)} {noun}, {amount(size)}{shared}, in {kept.environments_folder()}"
    if beside := [f"{name} {amount(count)}" for name, count in kept.rooms().items()]:
        yield f"beside them, not pruned: {', '.join(beside)}"


def as_json(found: Iterable[Kept]) -> str:
    """The same for scripts: sizes in bytes, times as ISO 8601 in UTC."""
    told = []
    for one in found:
        fields = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        fields |= {"folder": str(one.folder), "used": _iso(one.used), "purposes": list(one.purposes)}
        told.append(fields)
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def prune(older: str, largest: str, *, unused: bool, dry_run: bool) -> Iterator[str]:
    """Remove what is asked for, and say so line by line. Raises HarnessError for an age or a size that is none, before
    anything is removed."""
    where = "harness environments prune"
    age = _age(older, where) if older else None
    size = _bytes(largest, where) if largest else None
    now = time.time()
    found = kept.environments()
    going = kept.to_prune(found, now, older=age, largest=size, unused=unused)
    return _pruned(going, sum(one.state == "in use" for one in found), now, dry_run)


def _pruned(going: list[Kept], used: int, now: float, dry_run: bool) -> Iterator[str]:
    removed = freed = 0
    for one in going:
        words = f"{one.name} ({amount(one.size)}, used {_ago(now - one.used)}{_for(one)})"
        if dry_run:
            yield f"would be removed: {words}"
        elif kept.remove(one):
            yield f"removed: {words}"
        else:
            yield f"kept: {words}: somebody has just begun to use it"
            continue
        removed, freed = removed + 1, freed + one.own
    if used:
        yield f"{used} in use, kept"
    if not removed:
        yield "nothing to remove"
        return
    shared = sum(one.size - one.own for one in going)
    more = f"; {amount(shared)} more are shared with uv's cache (uv cache prune)" if shared else ""
    yield f"{amount(freed)} {'would be ' if dry_run else ''}freed{more}"


def amount(count: int) -> str:
    """Bytes for a person.

    >>> amount(0), amount(1536), amount(3 * 2**30)
    ('0 B', '1.5 KiB', '3 GiB')
    """
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if size >= 100 or size == int(size) else f"{size:.1f} {unit}"


def _row(one: Kept, now: float) -> tuple[str, ...]:
    packages = "" if one.packages is None else str(one.packages)
    lock = f" (lock {one.lock[:8]})" if one.lock else ""
    purposes = [text.clean(purpose, 60) for purpose in reversed(one.purposes[-SHOWN:])]
    if len(one.purposes) > SHOWN:
        purposes.append(f"and {len(one.purposes) - SHOWN} more")
    return (
        one.name,
        amount(one.size),
        _ago(now - one.used),
        text.clean(one.python, 30) or "?",
        packages + lock or "?",
        one.state,
        ", ".join(purposes) or "?",
    )


def _for(one: Kept) -> str:
    return f", for {text.clean(one.purposes[-1], 60)}" if one.purposes else ""


def _ago(seconds: float) -> str:
    """
    >>> _ago(30), _ago(5400), _ago(86400 * 45)
    ('just now', '1 hour ago', '45 days ago')
    """
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {noun}{'' if count == 1 else 's'} ago"
    return "just now"


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="seconds")


def _age(said: str, where: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", said.strip())
    if not found:
        raise HarnessError(
            f"{text.shown(said)} is no age", where=where, hint="write it as 30d, 2w, 12h or 90m"
        )
    return float(found[1]) * _UNITS[found[2]]


def _bytes(said: str, where: str) -> int:
    # `2GiB` as the configuration has it: `2 GiB`
    spaced = re.sub(r"(?<=[\d.])\s*(?=[A-Za-z])", " ", said.strip(), count=1)
    try:
        return byte_size(spaced, where)
    except HarnessError:
        raise HarnessError(
            f"{text.shown(said)} is no size", where=where, hint="write it as 5GiB, 500MiB or bytes"
        ) from None


def terminal_width() -> int:
    """Columns of the terminal that is written to; 0 where it is none, and nothing is cut."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0
