"""`harness …`: thin commands over the functions that pytest uses too."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from harness import __version__, system
from harness.cli import (
    catching,
    comparing,
    data,
    environments,
    keeping,
    parity,
    releasing,
    scoring,
    showing,
    starting,
    training,
    waiving,
)
from harness.cli.options import Commands, Parser
from harness.errors import Exit, HarnessError

ROOMS = (
    starting,
    training,
    data,
    comparing,
    parity,
    catching,
    waiving,
    releasing,
    keeping,
    environments,
    showing,
    scoring,
)
"""The modules of commands, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code."""
    parser = parser_of_commands()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return int(Exit.USAGE)
    try:
        return int(options.run(options))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return int(error.exit)
    except ModuleNotFoundError as error:
        if error.name not in system.LINUX_ONLY:
            raise
        print(system.refused(f"it has no {error.name}"), file=sys.stderr)
        return int(Exit.USAGE)
    except BrokenPipeError:
        # whoever read us has seen enough (| head); Python would complain about it once more at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.FAIL)
    except KeyboardInterrupt:
        print("E14 interrupted", file=sys.stderr)
        return int(Exit.INTERRUPTED)


def parser_of_commands() -> argparse.ArgumentParser:
    """Every command and its options; the documentation is held against it."""
    parser = Parser(prog="harness", description="Compare two versions of a model, and decide the release.")
    parser.add_argument("--version", action="version", version=f"pytest-model-harness {__version__}")
    commands = Commands(parser)
    for room in ROOMS:
        room.add(commands)
    return parser
