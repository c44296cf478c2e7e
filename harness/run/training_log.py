"""The log of one training, beside the wheel that it writes: what went in, what was decided, how long it took.

Every line has the time and the seconds since the beginning. It is for people; nothing reads it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def kept(path: Path, say: Callable[[str], None]) -> Iterator[logging.Logger]:
    """A logger that writes this file anew. Where it cannot be written `say` says so, and the training goes on."""
    # a logger of its own, which the process' configuration of logging neither moves nor is moved by
    logger = logging.Logger("harness.train", logging.INFO)
    began = time.monotonic()
    handler: logging.Handler = logging.NullHandler()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _Quiet(path, mode="w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        say(f"no log of this training: {path.name}: {error.strerror or error}")
    handler.setFormatter(_Elapsed(began))
    logger.addHandler(handler)
    try:
        yield logger
    except BaseException as error:
        words = str(error).splitlines() or [type(error).__name__]
        for line in words:
            logger.error("%s", line)
        logger.info("ended after %.3f s without a wheel", time.monotonic() - began)
        raise
    else:
        logger.info("ended after %.3f s", time.monotonic() - began)
    finally:
        handler.close()


class _Quiet(logging.FileHandler):
    """A full disk takes the log, and nothing else."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Not even a traceback."""

    def close(self) -> None:
        """What could not be flushed is lost."""
        with contextlib.suppress(OSError):
            super().close()


class _Elapsed(logging.Formatter):
    """`2026-11-25T11:20:00+0000 +1.234s INFO fitted: …`."""

    def __init__(self, began: float) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        self._began = began

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message is."""
        at, _, rest = super().format(record).partition(" ")
        words = " ".join(rest.split())
        return f"{at} +{time.monotonic() - self._began:.3f}s {words}"
