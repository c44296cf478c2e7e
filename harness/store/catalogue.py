"""`catalogue.json`: the releases of every model and channel, oldest first."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness import files
from harness.errors import Exit, HarnessError

FILE = "catalogue.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Release:
    """One released version. `sha256` is the wheel's, `identity` the version's digest, `outcomes` the recorded
    answers on each fixed table, `parent` the sha256 of the release before, which orders the channel."""

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

    @classmethod
    def parse(cls, data: Any, place: str) -> Release:
        """A release from its JSON form; E51 for keys of a newer harness, E46 for anything damaged."""
        names = {item.name for item in fields(cls)}
        if not isinstance(data, dict) or not names - {"parent", "outcomes"} <= data.keys() <= names:
            raise damaged("a release with other fields than this harness writes", place)
        if any(not isinstance(data[name], str) for name in data if name != "outcomes"):
            raise damaged("a release with a field that is no text", place)
        kept = data.get("outcomes", {})
        if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
            raise damaged("a release whose outcomes are no table of digests", place)
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every release, oldest first."""

    releases: tuple[Release, ...] = ()

    def of(self, model: str, channel: str = "") -> tuple[Release, ...]:
        """The releases of one model (in one channel), oldest first."""
        return tuple(one for one in self.releases if one.model == model and channel in ("", one.channel))


def read(store: Path) -> Catalogue:
    """The catalogue; an empty one where there is none. E51 where a newer harness wrote it, E46 where it is damaged."""
    path = store / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Catalogue()
    except OSError as error:
        raise damaged(f"the catalogue cannot be read: {error.strerror}", str(path)) from None
    except (ValueError, RecursionError) as error:
        raise damaged(f"the catalogue is no JSON: {error}", str(path)) from None
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise damaged("the catalogue has no format number", str(path))
    if data["format"] > FORMAT:
        raise HarnessError(
            f"the store has format {data['format']}, newer than {FORMAT}",
            where=str(path),
            hint="upgrade pytest-model-harness; nothing was changed",
            code="E51",
        )
    releases = data.get("releases")
    if not isinstance(releases, list):
        raise damaged("the catalogue has no releases", str(path))
    return Catalogue(tuple(Release.parse(item, str(path)) for item in releases))


def write(store: Path, catalogue: Catalogue) -> None:
    """Replace the catalogue; hold `locked` around reading and writing."""
    files.write_json(
        store / FILE, {"format": FORMAT, "releases": [asdict(one) for one in catalogue.releases]}
    )


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Nobody else moves the catalogue meanwhile. The lock goes with the process that holds it."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def damaged(words: str, place: str) -> HarnessError:
    """The store is not what this harness writes."""
    return HarnessError(
        words,
        where=place,
        hint="restore the file from git; it is written by harness release alone",
        code="E46",
        exit=Exit.STORE,
    )
