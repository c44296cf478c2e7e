"""Contents by digest: `blobs/<first two digits>/<sha256>`. A name is the promise of what is inside."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from harness import files
from harness.errors import Exit, HarnessError

_DIGEST = re.compile(r"[0-9a-f]{64}")


def path_of(store: Path, sha256: str) -> Path:
    """Where a blob lies; E54 for a digest that is none."""
    if not _DIGEST.fullmatch(sha256):
        raise HarnessError(
            f"refused: {sha256[:80]!r} is no digest",
            where=str(store / "catalogue.json"),
            hint="restore the catalogue from git, and find out who wrote it",
            code="E54",
            exit=Exit.REFUSED,
        )
    return store / "blobs" / sha256[:2] / sha256


def put(store: Path, content: bytes) -> str:
    """Keep a content; returns its sha256. A blob that is there already is verified, not written."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = path_of(store, sha256)
    if path.exists():
        verified(store, sha256)
    else:
        files.write_atomic(path, content)
    return sha256


def verified(store: Path, sha256: str) -> Path:
    """The path of a blob whose content was just verified. E47 where it is gone, E46 where it is another."""
    path = path_of(store, sha256)
    try:
        content = path.read_bytes()
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        raise HarnessError(
            f"blob {sha256[:12]} is missing" if gone else f"blob {sha256[:12]}: {error.strerror}",
            where=str(path),
            hint="restore it from git; without it this release cannot be compared with",
            code="E47",
            exit=Exit.STORE,
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise HarnessError(
            f"digest mismatch: expected {sha256[:12]}, got {found[:12]}",
            where=str(path),
            hint="the blob was changed or damaged: restore it from git, and find out who wrote it",
            code="E46",
            exit=Exit.STORE,
        )
    return path
