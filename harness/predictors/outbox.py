"""Large batches are written once, to memory that both workers map: the second version does not pay again.

Shared memory outlives whoever is killed. So a batch's file is held by a lock of its maker, which the kernel gives back,
and the next run takes away the files that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import texts, worker
from harness.tables import Batch

INLINE = 64 * 2**10
"""Bytes up to which a batch travels in the frame itself."""

PREFIX = "harness-batch-"

SHARED = Path("/dev/shm")  # noqa: S108  # files there are made by mkstemp, private and unguessable


@dataclass(slots=True)
class Parcel:
    """A packed batch: what stands in the header, and the payload or the file that holds it."""

    batch: Batch
    header: dict[str, Any]
    chunks: list[bytes]
    users: int = 0
    held: int = -1

    def drop(self) -> None:
        """Take the file away, if there is one."""
        if path := self.header.get("file"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            os.close(self.held)


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
                parcel.drop()


def _pack(batch: Batch) -> Parcel:
    specs, chunks = worker.pack(
        # in files and digests, codes stay as wide as they came
        (name, column.said, texts.narrow(column.held), column.null)
        for name, column in batch.columns.items()
    )
    header = {"rows": len(batch), "columns": specs, "key": batch.key}
    size = sum(len(chunk) for chunk in chunks)
    if size <= INLINE:
        return Parcel(batch, header, chunks)
    path, held = _written(chunks, size)
    return Parcel(batch, header | {"file": path}, [], held=held)


def _written(chunks: list[Any], size: int) -> tuple[str, int]:
    """The path of a file that holds the chunks, in shared memory where there is room, else on disk; and the handle
    whose lock says that it is in use."""
    for folder in (SHARED, None):
        if folder is not None and not os.access(folder, os.W_OK):
            continue
        handle, name = tempfile.mkstemp(prefix=f"{PREFIX}{os.getpid()}-", dir=folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # in a small /dev/shm a write would succeed and a later touch kill us: take the room first
            os.posix_fallocate(handle, 0, size)
            for chunk in chunks:
                view = memoryview(chunk)
                while len(view):
                    view = view[os.write(handle, view) :]
            return name, handle
        except OSError:
            os.unlink(name)
            os.close(handle)
            if folder is None:
                raise
    raise AssertionError("unreachable")


def sweep() -> None:
    """Remove the files of makers that were killed. Both must hold: no process of that number, and nobody's lock; a
    maker in another container has a number that says nothing here, and one that is just starting has no lock yet."""
    for folder in (SHARED, Path(tempfile.gettempdir())):
        for path in folder.glob(f"{PREFIX}*-*"):
            maker = path.name.removeprefix(PREFIX).partition("-")[0]
            if maker.isdigit() and not Path("/proc", maker).exists():
                with contextlib.suppress(OSError):
                    _remove_unheld(path)


def _remove_unheld(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if os.fstat(handle).st_uid == os.getuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
    finally:
        os.close(handle)
