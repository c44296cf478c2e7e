"""`harness compare`: the same run without pytest."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path

from harness import system
from harness.errors import HarnessError
from harness.run import journal, past, tombstone
from harness.run.conclude import Circumstances, Conclusion, conclude, fail_early, publish
from harness.run.plan import Request, make_plan
from harness.run.session import Session
from harness.run.stopping import Stopping
from harness.run.tree import Tree, tree_of
from harness.settings import Settings


def compare_versions(
    settings: Settings, request: Request, folder: Path, command: str, progress: Callable[[str], None]
) -> Conclusion:
    """Plan, drive every source, conclude, publish. The verdict is in the conclusion; nothing is raised for it, but
    HarnessError E60 where versions cannot be run at all."""
    system.demand()
    tombstone.refuse_folder(folder, settings.root)
    with tombstone.held(folder):
        return _compare(settings, request, folder, command, progress)


def _compare(
    settings: Settings, request: Request, folder: Path, command: str, progress: Callable[[str], None]
) -> Conclusion:
    run_id = tombstone.new_run_id()
    journal.begin(folder, run_id)
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    tree = Tree()

    def around(*troubles: HarnessError) -> Circumstances:
        return Circumstances(command, started, time.monotonic() - began, tree, troubles=troubles)

    try:
        tree = tree_of(settings.root, folder)
        session = Session(make_plan(settings, request, run_id, folder), progress, tree=tree)
    except HarnessError as error:
        return publish(
            fail_early(request, settings, run_id, error, around()), folder, tree, settings=settings
        )
    troubles: list[HarnessError] = []
    with Stopping() as stopping:
        try:
            session.drive()
        except KeyboardInterrupt:
            troubles.append(stopping.trouble(command))
        finally:
            stopping.ends()
            session.close()
        try:
            tree = tree_of(settings.root, folder)
        except HarnessError as error:
            troubles.append(error)
        seen = session.seen(around(*troubles))
        done = conclude(session.plan, session.states(), seen)
        bound = session.bound()
        past.note(session.plan, seen, done, bound)
        return publish(done, folder, tree, bound, settings)
