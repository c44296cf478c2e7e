"""The bytes that a table is read from: a file that stays where it is, or what a query gave. What is read is what was
digested, or an error.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from harness.errors import HarnessError
from harness.training.config.data import FILES


@dataclass(frozen=True, slots=True)
class Content:
    """`held` is a file, which is never whole in memory, or the bytes themselves; `seen` what the file was when it was
    found: its size, time and number; `sha256` is empty until it was `digested`."""

    suffix: str
    held: Path | bytes
    size: int
    seen: tuple[int, int, int] | None = None
    sha256: str = ""

    def open(self) -> BinaryIO:
        """The bytes, from their beginning. Raises OSError."""
        return io.BytesIO(self.held) if isinstance(self.held, bytes) else self.held.open("rb")

    def digested(self) -> Content:
        """The same with its digest. Raises OSError."""
        with self.open() as file:
            return replace(self, sha256=hashlib.file_digest(_readable(file), "sha256").hexdigest())

    def check(self) -> None:
        """Raise HarnessError where the file is another than the one that was found."""
        if isinstance(self.held, Path) and _seen(self.held.stat()) != self.seen:
            raise HarnessError(
                "the training data changed while they were read",
                where=str(self.held),
                hint="train again once nobody writes the file",
            )


def of_bytes(content: bytes, suffix: str) -> Content:
    """What a query or a bundled set gave."""
    return Content(suffix, content, len(content))


def of_file(path: Path) -> Content:
    """A file of one of the types that are read. Raises HarnessError."""
    if path.suffix not in FILES:
        raise HarnessError(
            f"training data of type {path.suffix or 'unknown'} is not read",
            where=str(path),
            hint="write the table as .csv, .jsonl or .parquet",
        )
    try:
        with path.open("rb") as file:
            seen = _seen(os.fstat(file.fileno()))
    except OSError as error:
        raise HarnessError(
            f"cannot read the training data: {error.strerror}",
            where=str(path),
            hint="mend path under [data]; it is relative to the configuration file",
        ) from None
    return Content(path.suffix, path, seen[0], seen)


def _readable(file: BinaryIO) -> Any:
    """The file, which can all that a digest asks of it, though its type does not say so."""
    return file


def _seen(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ino
