"""The folder that a worker has for HOME: its own, empty, and gone with the process that made it.

Who is killed cannot clear up. So a home is held by a lock of its maker, which the kernel gives back, and the next
run takes away the homes that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path

PREFIX = "harness-home-"


class Home:
    """A new folder `harness-home-PID-…` in the folder for temporary files, held until `remove`."""

    def __init__(self) -> None:
        sweep()
        self.name = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        # not passed on to the worker: only its maker holds it
        self._held = os.open(self.name, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._held, fcntl.LOCK_EX)
        # at the latest when this process ends of itself
        self._remove = weakref.finalize(self, _removed, self.name, self._held)

    def remove(self) -> None:
        """Take the folder away, whatever the model left in it."""
        self._remove()


def _removed(name: str, held: int) -> None:
    shutil.rmtree(name, ignore_errors=True)
    os.close(held)


def sweep() -> None:
    """Remove homes whose maker has died. Both must hold: no process of that number, and nobody's lock; a maker in
    another container has a number that says nothing here, and one that is just starting has no lock yet."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        maker = path.name.removeprefix(PREFIX).partition("-")[0]
        if maker.isdigit() and not Path("/proc", maker).exists():
            with contextlib.suppress(OSError):
                _remove_unheld(path)


def _remove_unheld(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.fstat(handle).st_uid == os.getuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)
