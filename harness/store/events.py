"""What the ledger is made of: events in a chain, each naming the one before by its sha256.

One event is one line of JSON. Its place in the chain says when it came: clocks are noted, and order nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("verdict", "waiver", "approval", "release", "promotion", "rollback", "rebase", "void")
"""A `rebase` is a release that nothing was compared with, since the one before can no longer run; a `void` takes back a
release that was cut off before the catalogue knew of it, or a verdict that was noted and never published."""

_TEXTS = ("parent", "kind", "at", "by", "model", "channel", "origin")


class Broken(ValueError):
    """The ledger is not a chain: what is wrong, and in which line (from 1)."""

    def __init__(self, words: str, line: int) -> None:
        super().__init__(words)
        self.words, self.line = words, line


@dataclass(frozen=True, slots=True)
class Head:
    """Where a ledger stands: the number of its events and the digest of the last.

    >>> Head.parse(str(Head(2, "ab"))) == Head(2, "ab")
    True
    """

    events: int = 0
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Head:
        """From `12:sha256`; ValueError for anything else."""
        count, colon, digest = text.partition(":")
        if not colon or not count.isdecimal():
            raise ValueError(f"{text[:80]!r} is no head of a ledger")
        return cls(int(count), digest)

    def __str__(self) -> str:
        return f"{self.events}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was decided or done. `at` is the time by the clock of whoever wrote it, `by` the name that they
    gave; `origin` the digest that the event had in the ledger that it was carried over from."""

    kind: str
    at: str
    by: str
    model: str
    channel: str
    body: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    parent: str = ""

    @property
    def line(self) -> bytes:
        """The event as its line of the file, with the line's end: the same bytes for the same event."""
        data = {name: getattr(self, name) for name in (*_TEXTS, "body")}
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"

    @property
    def digest(self) -> str:
        """sha256 of its line."""
        return hashlib.sha256(self.line).hexdigest()


@dataclass(frozen=True, slots=True)
class Chain:
    """Events, oldest first, each of which names the one before."""

    events: tuple[Event, ...] = ()

    @property
    def head(self) -> Head:
        """Where it stands."""
        return Head(len(self.events), self.events[-1].digest) if self.events else Head()

    def after(self, events: Iterable[Event]) -> Chain:
        """The chain with these at its end."""
        found, parent = list(self.events), self.head.digest
        for event in events:
            linked = Event(
                event.kind, event.at, event.by, event.model, event.channel, event.body, event.origin, parent
            )
            found.append(linked)
            parent = linked.digest
        return Chain(tuple(found))

    def holds(self, head: Head) -> bool:
        """Whether the ledger stood there once: nothing up to that head was taken out or changed."""
        if head.events > len(self.events):
            return False
        return head.events == 0 or self.events[head.events - 1].digest == head.digest

    def dump(self) -> bytes:
        """The file."""
        return b"".join(event.line for event in self.events)


def parse(content: bytes) -> Chain:
    """The chain of a file. Raises Broken where a line is no event, is out of its place, or is cut off."""
    if content and not content.endswith(b"\n"):
        raise Broken("the last line is cut off", content.count(b"\n") + 1)
    found: list[Event] = []
    parent = ""
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        event = _event(line, number)
        if event.parent != parent:
            raise Broken(
                "it does not follow the line before: a line was taken out, put in, moved or edited", number
            )
        found.append(event)
        # the line is the event's own, byte for byte: `event.digest` without writing it once more
        parent = hashlib.sha256(line).hexdigest()
    return Chain(tuple(found))


def _event(line: bytes, number: int) -> Event:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise Broken("it is no JSON", number) from None
    if not isinstance(data, dict) or data.keys() != {*_TEXTS, "body"}:
        raise Broken("it is no event", number)
    if not all(isinstance(data[name], str) for name in _TEXTS) or not isinstance(data["body"], dict):
        raise Broken("it is no event", number)
    if data["kind"] not in KINDS:
        raise Broken(f"an event of the kind {data['kind'][:40]!r}, which a newer harness may know", number)
    event = Event(**data)
    if event.line != line:
        raise Broken("it is not written as the harness writes it", number)
    return event
