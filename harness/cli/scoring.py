"""`harness score`: how ready for production the project is by the ML Test Score, as far as the harness knows."""

from __future__ import annotations

import argparse
import json

from harness.cli.options import Commands, folder_of, settings_of
from harness.errors import Exit


def add(commands: Commands) -> None:
    """Declare it."""
    score = commands.add(
        "score", _score, "say which of the 28 tests of the ML Test Score a run evidences", report=True
    )
    score.add_argument(
        "--run", dest="of_run", default="last", metavar="RUN", help="by which run (default: last)"
    )
    score.add_argument("--json", action="store_true", help="as JSON, for a script")
    score.add_argument(
        "--at-least", type=float, default=0.0, metavar="POINTS", help="exit with 1 where the score is lower"
    )


def _score(options: argparse.Namespace) -> int:
    from harness.reporting import score as words
    from harness.run import score as scoring

    settings = settings_of(options)
    found = scoring.score(settings, folder_of(options, settings), options.of_run)
    told = found.to_json()
    if options.json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        for line in words.lines(told):
            print(line)
    # a limit that is no number is never reached
    return Exit.PASS if found.score >= options.at_least else Exit.FAIL
