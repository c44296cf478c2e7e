"""`ledger.jsonl`: every verdict, approval, waiver, release, promotion and rollback, in one chain that only grows.

The catalogue says what is released, and each of its entries names the head that the ledger had then: so a ledger that
was cut, emptied or edited is noticed. What stands behind the last head and claims a release that the catalogue does not
know was cut off in between: the catalogue is believed, and the next writer voids it.
"""

from __future__ import annotations

import datetime
import getpass
from collections.abc import Iterable, Iterator, Sequence

from harness.errors import Exit, HarnessError
from harness.store.catalogue import Catalogue, Release
from harness.store.events import Broken, Chain, Event, Head, parse
from harness.store.place import Held, Place, said

FILE = "ledger.jsonl"
RELEASING = ("release", "promotion", "rollback")


def read(place: Place) -> tuple[Chain, Held]:
    """The ledger, an empty one where there is none, and what `swap` knows it by. E46 where it is broken."""
    try:
        held = place.held(FILE)
    except OSError as error:
        raise _broken(f"the ledger cannot be read: {said(error)}", place) from None
    try:
        return parse(held.content or b""), held
    except Broken as error:
        raise _broken(f"the ledger is broken in line {error.line}: {error.words}", place) from None


def append(place: Place, events: Iterable[Event]) -> Chain:
    """Write events at its end; hold `place.locked()`. Raises HarnessError E46, E49."""
    chain, held = read(place)
    grown = chain.after(events)
    if len(grown.events) > len(chain.events):
        place.swap(FILE, grown.dump(), held)
    return grown


def event(kind: str, model: str, channel: str, body: dict[str, object], by: str = "") -> Event:
    """An event of now."""
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Event(kind, at, by or getpass.getuser(), model, channel, body)


def checked(place: Place, catalogue: Catalogue) -> Chain:
    """The ledger, which holds every head that the catalogue names. E46 otherwise."""
    chain, _ = read(place)
    for release in catalogue.releases:
        head = head_of(release, place)
        if not chain.holds(head):
            raise _broken(
                f"the ledger is not the one of release {release.version} ({release.channel}): it had {head.events} "
                f"events then and has {len(chain.events)}, or others in their place",
                place,
            )
    return chain


def head_of(release: Release, place: Place) -> Head:
    """The head that the ledger had when this was released; that of an empty one before there were ledgers."""
    try:
        return Head.parse(release.ledger) if release.ledger else Head()
    except ValueError as error:
        raise _broken(f"the catalogue names no head: {error}", place) from None


def unfinished(chain: Chain, catalogue: Catalogue) -> Iterator[Event]:
    """Releases that the ledger tells of and the catalogue does not know: they were cut off in between."""
    known = {release.ledger.partition(":")[2] for release in catalogue.releases}
    voided = {one.body.get("of") for one in chain.events if one.kind == "void"}
    for one in chain.events:
        if one.kind in RELEASING and one.digest not in known and one.digest not in voided:
            yield one


def carried(chain: Chain, others: Sequence[Event]) -> list[Event]:
    """Events of another ledger that this one does not have yet, as they are written here."""
    known = {one.origin for one in chain.events if one.origin}
    return [
        Event(one.kind, one.at, one.by, one.model, one.channel, one.body, origin=one.digest)
        for one in others
        if one.digest not in known
    ]


def _broken(words: str, place: Place) -> HarnessError:
    return HarnessError(
        words,
        where=place.where(FILE),
        hint=f"restore the file from {place.copies} and find out who wrote it; where two branches both released, "
        "release the later one again on top of the other",
        code="E46",
        exit=Exit.STORE,
    )
