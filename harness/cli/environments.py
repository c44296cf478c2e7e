"""`harness environments`: what the versions' environments take, and taking away those that nobody needs."""

from __future__ import annotations

import argparse
import time

from harness.cli.options import Commands, Parser
from harness.errors import Exit


def add(commands: Commands) -> None:
    """Declare them."""
    environments = commands.add(
        "environments", _ls, "look at the environments of versions, take out those that nobody needs"
    )
    actions = environments.add_subparsers(
        title="actions", metavar="ACTION", required=True, parser_class=Parser
    )
    listed = actions.add_parser(
        "ls", help="every environment: its size, what it is for, when it was used last"
    )
    listed.set_defaults(run=_ls)
    listed.add_argument("--format", choices=["text", "json"], default="text", help="default: text")
    prune = actions.add_parser(
        "prune", help="remove what can no longer run, and what is asked for; never what is in use"
    )
    prune.set_defaults(run=_prune)
    prune.add_argument(
        "--older-than", default="", metavar="AGE", help="also those that nobody used for 30d (or 12h, 2w)"
    )
    prune.add_argument(
        "--max-size",
        default="",
        metavar="SIZE",
        help="also the ones used longest ago, until the rest is within 5GiB (or 500MiB)",
    )
    prune.add_argument("--unused", action="store_true", help="also all that nobody uses at this moment")
    prune.add_argument("--dry-run", action="store_true", help="name them, remove nothing")


def _ls(options: argparse.Namespace) -> int:
    from harness.predictors import kept
    from harness.run import environments

    found = kept.environments()
    if options.format == "json":
        print(environments.as_json(found), end="")
        return Exit.PASS
    for line in environments.lines(found, environments.terminal_width(), time.time()):
        print(line)
    return Exit.PASS


def _prune(options: argparse.Namespace) -> int:
    from harness.run import environments

    for line in environments.prune(
        options.older_than, options.max_size, unused=options.unused, dry_run=options.dry_run
    ):
        print(line)
    return Exit.PASS
