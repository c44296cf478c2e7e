"""`harness compare`: the same run without pytest."""

from __future__ import annotations

import datetime
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from harness.errors import Exit, HarnessError
from harness.run import past, tombstone
from harness.run.conclude import Circumstances, Conclusion, conclude, fail_early, publish
from harness.run.plan import Request, make_plan
from harness.run.session import Session
from harness.run.tree import tree_of
from harness.settings import Settings


def compare_versions(
    settings: Settings, request: Request, folder: Path, command: str, progress: Callable[[str], None]
) -> Conclusion:
    """Plan, drive every source, conclude, publish. The verdict is in the conclusion; nothing is raised for it."""
    run_id = tombstone.new_run_id()
    tombstone.begin(folder, run_id)
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    tree = tree_of(settings.root, folder)

    def around(*troubles: HarnessError) -> Circumstances:
        return Circumstances(command, started, time.monotonic() - began, tree, troubles=troubles)

    try:
        session = Session(make_plan(settings, request, run_id, folder), progress)
    except HarnessError as error:
        return publish(fail_early(request, settings, run_id, error, around()), folder, tree)
    troubles: list[HarnessError] = []
    with _Terminated():
        try:
            for source in session.plan.sources:
                session.state(source)
        except (KeyboardInterrupt, _Stop) as stop:
            code = Exit.TERMINATED if isinstance(stop, _Stop) else Exit.INTERRUPTED
            troubles.append(
                HarnessError(
                    "interrupted", where=command, hint="run the comparison again", code="E14", exit=code
                )
            )
        finally:
            session.close()
    seen = session.seen(around(*troubles))
    done = conclude(session.plan, session.states(), seen)
    past.note(session.plan, seen, done)
    return publish(done, folder, tree)


class _Stop(BaseException):
    """SIGTERM, as an exception that no handler for ordinary errors swallows."""


class _Terminated:
    """While it is entered, SIGTERM raises `_Stop`: workers are stopped and the partial report is written."""

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, self._raise)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    @staticmethod
    def _raise(number: int, frame: FrameType | None) -> None:
        raise _Stop
