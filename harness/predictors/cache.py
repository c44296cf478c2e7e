"""Where environments and unpacked packages are kept between runs: made once, by whoever comes first."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.files import cache_folder

__all__ = ["cache_folder", "made"]


def made(folder: Path, usable: Callable[[Path], bool], make: Callable[[Path], None]) -> Path:
    """`folder`, made by `make(beside)` and renamed into place if it is not `usable` yet.

    Two processes that come at once: one makes, the other waits and finds it made.
    """
    if usable(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(folder.name + ".lock").open("w")
    except OSError as error:
        raise HarnessError(
            f"the cache cannot be written: {error.strerror}",
            where=str(folder.parent),
            hint="set MODEL_HARNESS_CACHE to a folder that can be written",
            exit=Exit.INCONCLUSIVE,
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if usable(folder):
            return folder
        beside = Path(tempfile.mkdtemp(prefix=folder.name[:12] + "-", dir=folder.parent))
        try:
            make(beside)
            # what stands there is not usable: cut off while it was removed, or damaged
            shutil.rmtree(folder, ignore_errors=True)
            beside.rename(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    return folder
