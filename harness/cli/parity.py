"""`harness parity`: whether the forms of one version answer alike, and where they part ways."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.cli.options import Commands, folder_of, say, settings_of
from harness.errors import Exit

if TYPE_CHECKING:
    from harness.run.parity import Pairing

WORDS = {"PASS": "agree", "FAIL": "part ways", "INCONCLUSIVE": "cannot say"}


def add(commands: Commands) -> None:
    """Declare it."""
    parity = commands.add(
        "parity",
        _parity,
        "compare the forms of one version (package, endpoint, …) pair by pair, and say where they part ways",
        report=True,
    )
    parity.add_argument("specs", nargs="+", metavar="SPEC", help="two forms or more")


def _parity(options: argparse.Namespace) -> int:
    from harness.run import parity

    settings = settings_of(options)
    folder = folder_of(options, settings)
    command = shlex.join(["harness", *sys.argv[1:]])
    found = []
    for one in parity.pairings(settings, options.specs, folder, command, lambda line: None):
        found.append(one)
        for line in _lines(one):
            print(line, flush=True)
        say(f"model harness: {one.folder / 'report.html'}")
        if one.exit in (Exit.INTERRUPTED, Exit.TERMINATED):
            return one.exit
    groups = parity.alike(options.specs, found)
    print(f"{len(options.specs)} forms, {len(groups)} different: " + "  |  ".join(map(" = ".join, groups)))
    return parity.worst(found)


def _lines(one: Pairing) -> Iterator[str]:
    """What a pair's run found: whether they agree, what failed, and the worst case of it."""
    from harness.reporting import view
    from harness.reporting.text import clean

    result = one.record["result"]
    first, second = one.specs
    yield f"{first} and {second} {WORDS[one.verdict]}: {result['compared']:,} of {result['planned']:,} cases compared"
    if one.agrees:
        return
    yield f"  {clean(result['reason'], 600)}"
    for rule in view.rules_worst_first(one.record):
        if rule.status == "FAIL" and (case := view.worst_case(one.record, rule)):
            yield f"  {rule.name} on {rule.inputs}, worst case {case}"
