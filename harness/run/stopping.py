"""SIGTERM ends a run as Ctrl-C does: workers are stopped, the partial report is written, and the verdict says so."""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType, TracebackType

from harness.errors import Exit, HarnessError


class Stopped(KeyboardInterrupt):
    """SIGTERM, as the exception that pytest and the command take for the user's own wish to stop."""


class Stopping:
    """While it is held, SIGTERM raises `Stopped` in the main thread; once the run `ends`, it is noted only, so that
    nothing is raised into the writing of the verdict.

    A handler that somebody else has set is left alone, and so is a process whose main thread we are not in.
    """

    def __init__(self) -> None:
        self.terminated = False
        self._ending = self._held = False

    def hold(self) -> None:
        """From now on SIGTERM is ours."""
        if threading.current_thread() is threading.main_thread() and (
            signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, self._signalled)
            self._held = True

    def ends(self) -> None:
        """What is to be said is being said: no exception from here on."""
        self._ending = True

    def release(self) -> None:
        """SIGTERM does again what it did before."""
        if self._held:
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._held = False

    def trouble(self, where: str) -> HarnessError:
        """Why a run that was stopped says nothing: E14, with the exit code of how it was stopped."""
        return HarnessError(
            "interrupted",
            where=where,
            hint="run the comparison again",
            code="E14",
            exit=Exit.TERMINATED if self.terminated else Exit.INTERRUPTED,
        )

    def __enter__(self) -> Stopping:
        self.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        first, self.terminated = not self.terminated, True
        if first and not self._ending:
            raise Stopped
