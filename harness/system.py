"""Where versions can be run: workers are watched, measured and ended by what Linux offers.

Imports nothing that only Linux has, so that whoever is elsewhere is told, in place of an ImportError.
"""

from __future__ import annotations

import os
import sys

from harness.errors import HarnessError

LINUX_ONLY = frozenset({"fcntl", "resource"})
"""Modules of the standard library that are missing on some systems."""


def demand() -> None:
    """Raise HarnessError E60 where versions cannot be run."""
    if missing := _missing():
        raise refused(missing)


def refused(missing: str) -> HarnessError:
    """What is said of a system that lacks something."""
    return HarnessError(
        f"this system cannot run versions of a model: {missing}",
        where=f"{sys.platform}, Python {sys.version.split()[0]}",
        hint="run it on Linux: a container, a virtual machine or WSL 2 will do",
        code="E60",
    )


def _missing() -> str:
    if sys.platform != "linux":
        return f"it is {sys.platform}, and only Linux is supported"
    if not os.path.exists("/proc/self/statm"):
        return "there is no /proc, by which the memory of workers is watched"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        why = getattr(error, "strerror", None) or "this Python does not know it"
        return f"pidfd_open does not work here ({why}); it came with Linux 5.3"
    return ""
