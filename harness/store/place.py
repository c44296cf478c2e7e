"""Where a store lies: what every kind of storage has to promise, and how its trouble is said.

Names in a place are relative, with slashes between their parts (`blobs/ab/ab…`). What is written is there whole or not
at all; what was read can be replaced only while it is still what was read.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from harness.errors import Exit, HarnessError


@dataclass(frozen=True, slots=True)
class Held:
    """A file as it was read. `mark` tells this state of it from every other; where there is no file, `content` is
    None and the mark empty."""

    content: bytes | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a listing: its size in bytes, and when it was written, in seconds since the epoch by the clock of
    the storage."""

    name: str
    size: int
    modified: float


class Place(Protocol):
    """A folder, or a prefix in object storage. Trouble with the storage is an OSError (FileNotFoundError where there
    is no such file), which `writing` and whoever reads put into words."""

    @property
    def address(self) -> str:
        """How messages name the place."""

    @property
    def copies(self) -> str:
        """Where what was lost can be restored from: `git`."""

    def where(self, name: str) -> str:
        """How messages name a file in it."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def held(self, name: str) -> Held:
        """The content of a file with what `swap` knows it again by; an empty `Held` where there is none."""

    def local(self, name: str) -> Path:
        """A file of this machine with the content, for whoever needs a path. It is not verified here."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file whose name is a promise of its content. False: there is one, which was left as it is."""

    def swap(self, name: str, content: bytes, held: Held) -> None:
        """Replace a file that is still what `held` says, or create it where that is empty; E49 where it moved."""

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """The files whose names begin so, in the order of their names; what a killed process left half among them."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""

    def locked(self) -> AbstractContextManager[None]:
        """Nobody else moves what is swapped meanwhile; E49 where somebody holds on to it."""


def moved(place: Place, name: str) -> HarnessError:
    """E49: what was to be replaced is no longer what was read."""
    return HarnessError(
        f"{name} moved meanwhile: somebody else has written the store",
        where=place.where(name),
        hint="nothing was changed by this command; run it again",
        code="E49",
        exit=Exit.STORE,
    )


def check_name(name: str, place: str) -> None:
    """E54 for a name that leads out of the store."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise HarnessError(
            f"refused: {name[:80]!r} leads out of the store",
            where=place,
            hint="find out who wrote this name",
            code="E54",
            exit=Exit.REFUSED,
        )


@contextmanager
def writing(place: Place) -> Iterator[None]:
    """What the storage says while it is written, in words: E44 no space, E50 not writable."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise HarnessError(
            "no space writing baseline" if full else f"the store cannot be written: {said(error)}",
            where=place.address,
            hint="the old baseline is untouched; make room and release again"
            if full
            else "the old baseline is untouched; release from where the store can be written",
            code="E44" if full else "E50",
            exit=Exit.STORE,
        ) from None


def said(error: OSError) -> str:
    """What the storage said, on one line."""
    return error.strerror or " ".join(str(error).split()) or type(error).__name__
