"""`harness init`: from a folder with a model to its first verdict."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.options import Commands, progress, say
from harness.errors import Exit, HarnessError

if TYPE_CHECKING:
    from harness.run.init.starting import Start

_STATES = {
    "new": "written",
    "added to": "added to",
    "replaced": "written over",
    "same": "there already",
    "kept": "left alone, another one is there: --replace writes over it",
}


def add(commands: Commands) -> None:
    """Declare it."""
    init = commands.add(
        "init", _init, "look around, write configuration, first cases and workflow, and compare once"
    )
    init.add_argument("--model", default="", metavar="FILE", help="the model file, where there are several")
    init.add_argument("--table", default="", metavar="FILE", help="take the first cases from this table")
    init.add_argument("--target", default="", metavar="COLUMN", help="the label in that table")
    init.add_argument(
        "--allow-pickle", action="store_true", help="open the model file, which runs the code in it"
    )
    init.add_argument(
        "--allow-type",
        action="append",
        default=[],
        metavar="TYPE",
        help="a type that a file of skops may hold, beside those that skops trusts; may be given again",
    )
    init.add_argument("--no-run", action="store_true", help="write, and do not compare")
    init.add_argument("--dry-run", action="store_true", help="say what would be written, write nothing")
    init.add_argument("--replace", action="store_true", help="write over what is there")


def _init(options: argparse.Namespace) -> int:
    from harness.run.init import starting

    root = Path.cwd()
    if options.config:
        raise HarnessError(
            "harness init writes a configuration and reads none",
            where="--config",
            hint="type it in the folder of the model, without --config",
        )
    there = starting.existing(root)
    if there is not None and not options.replace:
        allowed = [] if options.dry_run else starting.allow(there, options.allow_pickle, options.allow_type)
        for one in allowed:
            say(f"{there.name}: {one}")
        if not allowed:
            say(f"{there.name} configures the harness already: nothing is written (--replace writes it anew)")
        return Exit.PASS if options.dry_run or options.no_run else _compare(there)
    wishes = starting.Options(
        options.model,
        options.table,
        options.target,
        options.allow_pickle,
        tuple(options.allow_type),
        options.replace,
        options.dry_run,
    )
    start = starting.begin(root, wishes, progress())
    _tell(start, dry_run=options.dry_run)
    if options.dry_run:
        return Exit.PASS
    starting.write(start)
    code = int(Exit.PASS) if options.no_run else _compare(start.written[0].path)
    print("\nnext:")
    for line in start.following:
        print(f"  {line}")
    return code


def _tell(start: Start, *, dry_run: bool) -> None:
    print("found:")
    for line in start.found:
        print(f"  {line}")
    if start.guesses:
        print("guessed:")
        for line in start.guesses:
            print(f"  {line}")
    print("would be written:" if dry_run else "files:")
    for one in start.written:
        print(f"  {_shown(one.path)}  {_STATES[one.state]}")
    if dry_run:
        print(f"\n{_shown(start.written[0].path)}:\n{start.written[0].content.decode()}", end="")
    else:
        print(flush=True)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _compare(path: Path) -> int:
    """The first verdict, by the command that gives every later one."""
    from harness import settings as configuration
    from harness.reporting import console
    from harness.run.compare import compare_versions
    from harness.run.plan import Request

    settings = configuration.load(path)
    folder = settings.reports_path
    done = compare_versions(settings, Request("previous"), folder, "harness compare", progress())
    for line in console.lines(done.record, color=sys.stdout.isatty(), report=str(folder / "report.html")):
        print(line)
    return done.verdict.exit
