"""Who uses a kept environment: held by a lock while a process lives, so that what is in use is never removed.

The kernel gives a lock back, however its holder ended. The lock's file also says what the environment was used for
and, by its time, when last.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".used"

_held: dict[Path, int] = {}
_one = threading.Lock()


def hold(folder: Path, purpose: str = "") -> None:
    """From now on, and until this process ends, `folder` (which need not be there yet) is in use, for `purpose`.

    Waits while somebody is removing it. In a cache that cannot be written nobody can remove anything, so there it
    does nothing.
    """
    path = folder.with_name(folder.name + SUFFIX)
    with _one:
        handle = _held.get(path)
        if handle is not None and not _is(handle, path):
            os.close(_held.pop(path))
            handle = None
        if handle is None:
            handle = _taken(path, fcntl.LOCK_SH)
            if handle is None:
                return
            _held[path] = handle
    with contextlib.suppress(OSError):
        os.utime(path)
        line = " ".join(purpose.split())
        if line and line not in purposes(folder):
            # one short write at the end: of two processes neither overwrites the other
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def purposes(folder: Path) -> list[str]:
    """What it was used for, the newest purpose last."""
    try:
        text = folder.with_name(folder.name + SUFFIX).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(dict.fromkeys(line for line in text.splitlines() if line))


def last_used(folder: Path) -> float:
    """When it was last taken into use, in seconds since 1970; when it was made, where nobody ever said."""
    for path in (folder.with_name(folder.name + SUFFIX), folder):
        with contextlib.suppress(OSError):
            return path.stat().st_mtime
    return 0.0


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether nobody uses `folder`, and nobody can begin to while this lasts."""
    path = folder.with_name(folder.name + SUFFIX)
    handle, known = None, path.exists()
    # who only looks holds it for a moment
    for pause in (0.0, 0.02, 0.05):
        time.sleep(pause)
        handle = _taken(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if handle is not None:
            break
    if handle is not None and not known:
        # looking is no use
        with contextlib.suppress(OSError):
            made = folder.stat().st_mtime
            os.utime(path, (made, made))
    try:
        yield handle is not None and not _runs_from(folder)
    finally:
        if handle is not None:
            os.close(handle)


def forget(folder: Path) -> None:
    """Remove what is known of a folder that is gone; only while `alone`."""
    for suffix in (SUFFIX, ".lock"):
        with contextlib.suppress(OSError):
            folder.with_name(folder.name + suffix).unlink()


def _taken(path: Path, how: int) -> int | None:
    """The file, open and locked; None where it cannot be, or somebody else holds it."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return None
        try:
            fcntl.flock(handle, how)
        except OSError:
            os.close(handle)
            return None
        # whoever had it before us may have removed it: then it is no lock any more
        if _is(handle, path):
            return handle
        os.close(handle)


def _is(handle: int, path: Path) -> bool:
    """Whether the open file still is the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def _runs_from(folder: Path) -> bool:
    """Whether a process was started from it: by hand, or by a harness that held nothing yet."""
    mark = os.fsencode(str(folder) + os.sep)
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if mark in Path("/proc", name, "cmdline").read_bytes():
                    return True
    return False
