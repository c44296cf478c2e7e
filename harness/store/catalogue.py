"""`catalogue.json`: the releases of every model and channel, oldest first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from harness import files
from harness.errors import Exit, HarnessError
from harness.store.place import Held, Place, said

FILE = "catalogue.json"
FORMAT = 2
"""2 knows of the ledger and of rollbacks; 1 is read as a catalogue that knows of neither."""

ACTS = ("release", "promotion", "rollback", "rebase")


@dataclass(frozen=True, slots=True)
class Release:
    """One released version. `sha256` is the wheel's, `identity` the version's digest, `outcomes` the recorded
    answers on each fixed table, `parent` the sha256 of the release before, which orders the channel. `act` is how it
    became the newest of its channel (one of ACTS), `ledger` the head of the ledger with the event that tells of it."""

    model: str
    channel: str
    version: str
    sha256: str
    file: str
    identity: str
    released: str
    reason: str
    by: str
    commit: str
    evidence: str
    parent: str = ""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    act: str = "release"
    ledger: str = ""

    @classmethod
    def parse(cls, data: Any, place: Place) -> Release:
        """A release from its JSON form; E46 for anything damaged."""
        names = {item.name for item in fields(cls)}
        if not isinstance(data, dict) or not names - _OPTIONAL <= data.keys() <= names:
            raise damaged("a release with other fields than this harness writes", place)
        if any(not isinstance(data[name], str) for name in data if name != "outcomes"):
            raise damaged("a release with a field that is no text", place)
        kept = data.get("outcomes", {})
        if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
            raise damaged("a release whose outcomes are no table of digests", place)
        if data.get("act", ACTS[0]) not in ACTS:
            raise damaged(f"a release that became one by {data['act'][:40]!r}", place)
        return cls(**data)


_OPTIONAL = {"parent", "outcomes", "act", "ledger"}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every release, oldest first. `held` is the file that they were read from, which `write` replaces."""

    releases: tuple[Release, ...] = ()
    held: Held = field(default=Held(), compare=False, repr=False)

    def of(self, model: str, channel: str = "") -> tuple[Release, ...]:
        """The releases of one model (in one channel), oldest first."""
        return tuple(one for one in self.releases if one.model == model and channel in ("", one.channel))


def read(place: Place) -> Catalogue:
    """The catalogue; an empty one where there is none. E51 where a newer harness wrote it, E46 where it is damaged."""
    try:
        held = place.held(FILE)
    except OSError as error:
        raise damaged(f"the catalogue cannot be read: {said(error)}", place) from None
    if held.content is None:
        return Catalogue()
    try:
        data = json.loads(held.content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        merge = b"\n<<<<<<< " in b"\n" + held.content
        unmerged = "an unfinished merge: two branches both released; take one side whole, and release the later again"
        raise damaged(f"the catalogue is {unmerged if merge else f'no JSON: {error}'}", place) from None
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise damaged("the catalogue has no format number", place)
    if data["format"] > FORMAT:
        raise HarnessError(
            f"the store has format {data['format']}, newer than {FORMAT}",
            where=place.where(FILE),
            hint="upgrade pytest-model-harness; nothing was changed",
            code="E51",
        )
    releases = data.get("releases")
    if not isinstance(releases, list):
        raise damaged("the catalogue has no releases", place)
    return Catalogue(tuple(Release.parse(item, place) for item in releases), held)


def write(place: Place, catalogue: Catalogue) -> None:
    """Replace the catalogue that `catalogue` was read from; hold `place.locked()` around reading and writing. E49 where
    it moved all the same."""
    data = {"format": FORMAT, "releases": [asdict(one) for one in catalogue.releases]}
    place.swap(FILE, files.json_bytes(data), catalogue.held)


def damaged(words: str, place: Place) -> HarnessError:
    """The store is not what this harness writes."""
    return HarnessError(
        words,
        where=place.where(FILE),
        hint=f"restore the file from {place.copies}; it is written by the commands of harness alone",
        code="E46",
        exit=Exit.STORE,
    )
