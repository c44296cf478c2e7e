"""`ledger.jsonl`: every verdict, approval, waiver, release, promotion and rollback, in one chain that only grows.

The catalogue says what is released, and each of its entries names the head that the ledger had then: so a ledger that
was cut, emptied or edited is noticed. What stands behind the last head and claims a release that the catalogue does not
know was cut off in between: the catalogue is believed, and the next writer voids it.
"""

from __future__ import annotations

import datetime
import getpass
import os
from collections.abc import Iterable, Iterator, Sequence

from harness.errors import Exit, HarnessError
from harness.store.catalogue import Catalogue, Release
from harness.store.events import Broken, Chain, Event, Head, parse
from harness.store.place import Held, Place, said

FILE = "ledger.jsonl"
RELEASING = ("release", "promotion", "rollback", "rebase")
_TOLD = ("version", "sha256", "identity", "parent", "reason", "commit", "evidence")


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
    return Event(kind, at, by or account(), model, channel, body)


def account() -> str:
    """The account that runs this process; its number where the machine has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def checked(place: Place, catalogue: Catalogue) -> Chain:
    """The ledger, which holds every head that the catalogue names. E46 otherwise."""
    chain, _ = read(place)
    before = 0
    for release in catalogue.releases:
        head = head_of(release, place)
        if not chain.holds(head):
            raise _broken(
                f"the ledger is not the one of release {release.version} ({release.channel}): it had {head.events} "
                f"events then and has {len(chain.events)}, or others in their place",
                place,
            )
        if not head.events and not before and release.act == "release":
            continue  # before there were ledgers
        if head.events <= before:
            raise _broken(
                f"release {release.version} ({release.channel}) does not stand where the ledger tells of it",
                place,
            )
        before = head.events
        _check_told(release, chain.events[before - 1], place)
    _check_all_known(chain, catalogue, before, place)
    return chain


def told(release: Release) -> dict[str, object]:
    """What the event of a release says of it."""
    return {name: getattr(release, name) for name in _TOLD}


def _check_told(release: Release, event: Event, place: Place) -> None:
    """E46 where the catalogue says something of a release that its event does not."""
    entry = (event.kind, event.model, event.channel, {name: event.body.get(name) for name in _TOLD})
    # ledgers of before know nothing of recorded answers: what they do not tell cannot be held against them
    known = event.body.get("outcomes", dict(release.outcomes)) == dict(release.outcomes)
    if entry != (release.act, release.model, release.channel, told(release)) or not known:
        raise _broken(
            f"release {release.version} ({release.channel}) was changed: the ledger tells of it otherwise",
            place,
        )


def _check_all_known(chain: Chain, catalogue: Catalogue, covered: int, place: Place) -> None:
    """E46 where the ledger tells of a release that was in the catalogue: one between others that is gone, or one whose
    place in the ledger is gone. Only what stands behind the last head can have been cut off."""
    unknown = list(unfinished(chain, catalogue))
    if not unknown:
        return
    digests = {one.digest for one in chain.events[:covered]}
    entered = [(one.act, one.model, one.channel, told(one)) for one in catalogue.releases]
    for one in unknown:
        entry = (one.kind, one.model, one.channel, {name: one.body.get(name) for name in _TOLD})
        # those of a writer that was killed and began again within a second say the same, and stand behind the head
        if one.digest in digests or (entry in entered and not covered):
            raise _broken(
                f"the catalogue does not know of the {one.kind} of {one.body.get('version')} to {one.channel}, of "
                "which the ledger tells",
                place,
            )


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
