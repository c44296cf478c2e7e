"""Looking the store over, and taking out of it what nothing needs. Both write nothing that a release is made of."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.store import blobs, catalogue, ledger
from harness.store.catalogue import Catalogue, Release
from harness.store.events import Chain
from harness.store.place import Entry, Place, writing

GRACE = 3600.0
"""Seconds that a file which nothing names is left alone: a release that is just being written names its blobs last."""

_BLOB = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_OURS = (catalogue.FILE, ledger.FILE)


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen: `damage` keeps a store from being trusted, anything else is told."""

    words: str
    where: str
    damage: bool


def check(place: Place) -> Iterator[Found]:
    """Everything that is wrong with a store: catalogue, lines, blobs, ledger; then what nothing names. E51 is raised
    for a store of a newer harness, of which nothing can be said."""
    try:
        known = catalogue.read(place)
    except HarnessError as error:
        if error.code == "E51":
            raise
        yield _damage(error)
        return
    yield from _lines(known, place)
    for sha256 in sorted(named(known)):
        try:
            blobs.check(place, sha256)
        except HarnessError as error:
            yield _damage(error)
    try:
        chain = ledger.checked(place, known)
    except HarnessError as error:
        yield _damage(error)
    else:
        yield from _told(known, chain, place)
    for entry in unnamed(place, known):
        yield Found(f"nothing needs {entry.name} ({entry.size:,} bytes)", place.where(entry.name), False)


def prune(place: Place, *, dry_run: bool, grace: float = GRACE) -> Iterator[Entry]:
    """Remove what nothing names and is older than `grace` seconds; yields each file. A catalogue that cannot be read
    is an error, since then everything would look as if nothing named it."""
    with writing(place), place.locked():
        known = catalogue.read(place)
        ledger.checked(place, known)
        for entry in list(unnamed(place, known)):
            if time.time() - entry.modified < grace:
                continue
            if not dry_run:
                place.remove(entry.name)
            yield entry


def named(known: Catalogue) -> set[str]:
    """The digests that a release is made of."""
    return {sha256 for one in known.releases for sha256 in (one.sha256, *one.outcomes.values())}


def unnamed(place: Place, known: Catalogue) -> Iterator[Entry]:
    """Files that no release needs: blobs, and what killed processes left half."""
    needed = named(known)
    for entry in place.entries():
        blob = _BLOB.fullmatch(entry.name)
        temporary = entry.name.rpartition("/")[2].startswith(".") and entry.name.endswith(".tmp")
        if (blob and blob[2] not in needed) or temporary:
            yield entry


def _lines(known: Catalogue, place: Place) -> Iterator[Found]:
    newest: dict[tuple[str, str], Release] = {}
    for one in known.releases:
        before = newest.get((one.model, one.channel))
        if one.parent != (before.sha256 if before else ""):
            words = f"{one.model} {one.version}: the release before it in {one.channel} is not the one that it names"
            yield Found(words, place.where(catalogue.FILE), True)
        newest[(one.model, one.channel)] = one


def _told(known: Catalogue, chain: Chain, place: Place) -> Iterator[Found]:
    told = {one.digest: one for one in chain.events}
    for one in known.releases:
        if not one.ledger:
            continue
        event = told.get(ledger.head_of(one, place).digest)
        if event is None or event.kind != one.act or event.body.get("sha256") != one.sha256:
            yield Found(
                f"the ledger does not tell of {one.version} in {one.channel}", place.where(ledger.FILE), True
            )
    for event in ledger.unfinished(chain, known):
        words = (
            f"a {event.kind} of {event.body.get('version')} to {event.channel} was cut off: it is no release"
        )
        yield Found(f"{words}; the next one says so in the ledger", place.where(ledger.FILE), False)


def _damage(error: HarnessError) -> Found:
    return Found(error.headline, error.where, True)
