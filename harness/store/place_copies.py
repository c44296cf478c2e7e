"""Copies of objects on local disk: each beside the mark that its object had, and verified at every use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import files
from harness.errors import Exit, HarnessError
from harness.store.place import said


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of one store, in a folder of their own in the cache."""

    cache: Path
    address: str

    def path(self, name: str) -> Path:
        """Where the copy of an object lies, if there is one."""
        return self.cache / _sha256(self.address.encode())[:32] / name

    def good(self, name: str, mark: str) -> bool:
        """Whether there is a copy of the object in this state, as it was written."""
        known = _noted(_note(self.path(name)))
        try:
            return known.get("mark") == mark and known.get("sha256") == _sha256(self.path(name).read_bytes())
        except OSError:
            return False

    def keep(self, name: str, content: bytes, mark: str) -> None:
        """Write a copy. An error where the cache cannot be written."""
        try:
            self.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.write_atomic(self.path(name), content)
            files.write_json(_note(self.path(name)), {"mark": mark, "sha256": _sha256(content)})
        except OSError as error:
            raise HarnessError(
                f"the cache cannot be written: {said(error)}",
                where=str(self.cache),
                hint="set MODEL_HARNESS_CACHE to a folder that can be written",
                exit=Exit.INCONCLUSIVE,
            ) from None


def _note(copy: Path) -> Path:
    return copy.with_name(copy.name + ".json")


def _noted(path: Path) -> Mapping[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
