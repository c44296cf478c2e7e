"""Large batches are written once, to memory that both workers map: the second version does not pay again."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import worker
from harness.tables import Batch

INLINE = 64 * 2**10
"""Bytes up to which a batch travels in the frame itself."""

SHARED = Path("/dev/shm")  # noqa: S108  # files there are made by mkstemp, private and unguessable


@dataclass(slots=True)
class Parcel:
    """A packed batch: what stands in the header, and the payload or the file that holds it."""

    batch: Batch
    header: dict[str, Any]
    chunks: list[bytes]
    users: int = 0


_parcels: dict[int, Parcel] = {}
_lock = threading.Lock()


@contextmanager
def packed(batch: Batch) -> Iterator[Parcel]:
    """The batch, packed. Two threads that ask for the same batch at the same time share one parcel."""
    with _lock:
        parcel = _parcels.get(id(batch))
        if parcel is None:
            parcel = _parcels[id(batch)] = _pack(batch)
        parcel.users += 1
    try:
        yield parcel
    finally:
        with _lock:
            parcel.users -= 1
            if parcel.users == 0:
                del _parcels[id(batch)]
                if path := parcel.header.get("file"):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(path)


def _pack(batch: Batch) -> Parcel:
    specs, chunks = worker.pack(
        (name, column.kind, column.held, column.null) for name, column in batch.columns.items()
    )
    header = {"rows": len(batch), "columns": specs}
    size = sum(len(chunk) for chunk in chunks)
    if size <= INLINE:
        return Parcel(batch, header, chunks)
    return Parcel(batch, header | {"file": _written(chunks, size)}, [])


def _written(chunks: list[bytes], size: int) -> str:
    """The path of a file that holds the chunks: in shared memory where there is room, else on disk."""
    for folder in (SHARED, None):
        if folder is not None and not folder.is_dir():
            continue
        handle, name = tempfile.mkstemp(prefix="harness-", dir=folder)
        try:
            with open(handle, "wb", buffering=0) as file:
                # in a small /dev/shm a write would succeed and a later touch kill us: take the room first
                os.posix_fallocate(file.fileno(), 0, size)
                for chunk in chunks:
                    view = memoryview(chunk)
                    while len(view):
                        view = view[file.write(view) :]
            return name
        except OSError:
            os.unlink(name)
            if folder is None:
                raise
    raise AssertionError("unreachable")
