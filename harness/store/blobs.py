"""Contents by digest: `blobs/<first two digits>/<sha256>`. A name is the promise of what is inside."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.store.place import Place, said

FOLDER = "blobs/"

_DIGEST = re.compile(r"[0-9a-f]{64}")


def name_of(place: Place, sha256: str) -> str:
    """What a blob is called in its place; E54 for a digest that is none."""
    if not _DIGEST.fullmatch(sha256):
        raise HarnessError(
            f"refused: {sha256[:80]!r} is no digest",
            where=place.where("catalogue.json"),
            hint=f"restore the catalogue from {place.copies}, and find out who wrote it",
            code="E54",
            exit=Exit.REFUSED,
        )
    return f"{FOLDER}{sha256[:2]}/{sha256}"


def put(place: Place, content: bytes) -> str:
    """Keep a content; returns its sha256. A blob that is there already is verified, not written."""
    sha256 = hashlib.sha256(content).hexdigest()
    if not place.create(name_of(place, sha256), content):
        verified(place, sha256)
    return sha256


def verified(place: Place, sha256: str) -> Path:
    """The path of a blob whose content was just verified. E47 where it is gone, E46 where it is another."""
    name = name_of(place, sha256)
    with _reading(place, name, sha256):
        path = place.local(name)
        content = path.read_bytes()
    _compare(place, name, sha256, content)
    return path


def check(place: Place, sha256: str) -> None:
    """Read a blob from the storage itself, whatever copies there are. E47 where it is gone, E46 where it is another."""
    name = name_of(place, sha256)
    with _reading(place, name, sha256):
        content = place.read(name)
    _compare(place, name, sha256, content)


@contextmanager
def _reading(place: Place, name: str, sha256: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        raise HarnessError(
            f"blob {sha256[:12]} is missing" if gone else f"blob {sha256[:12]}: {said(error)}",
            where=place.where(name),
            hint=f"restore it from {place.copies}; without it this release cannot be compared with",
            code="E47",
            exit=Exit.STORE,
        ) from None


def _compare(place: Place, name: str, sha256: str, content: bytes) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise HarnessError(
            f"digest mismatch: expected {sha256[:12]}, got {found[:12]}",
            where=place.where(name),
            hint=f"the blob was changed or damaged: restore it from {place.copies}, and find out who wrote it",
            code="E46",
            exit=Exit.STORE,
        )
