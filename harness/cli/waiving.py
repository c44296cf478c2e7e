"""`harness waive`: a difference is accepted, in writing."""

from __future__ import annotations

import argparse
import datetime

from harness import settings as configuration
from harness.cli.options import Commands, folder_of, say, settings_of
from harness.errors import Exit, HarnessError


def add(commands: Commands) -> None:
    """Declare it."""
    waive = commands.add(
        "waive", _waive, "write a waiver into the configuration, tried on a past run first", report=True
    )
    waive.add_argument("rule", metavar="RULE", help="the rule whose violations are accepted")
    waive.add_argument("--name", metavar="NAME", help="of the waiver (default: RULE and the day)")
    waive.add_argument("--owner", required=True, metavar="WHO", help="who accepts the difference")
    waive.add_argument("--reason", required=True, metavar="TEXT", help="why")
    waive.add_argument("--until", required=True, metavar="DAY", help="its last day, such as 2027-06-30")
    waive.add_argument(
        "--inputs", action="append", metavar="SOURCE", help="only this input source; repeatable"
    )
    waive.add_argument("--where", metavar="CONDITION", help="only these cases")
    waive.add_argument("--direction", choices=configuration.DIRECTIONS, help="only changes up, or down")
    waive.add_argument("--max-magnitude", type=float, metavar="X", help="only changes up to this size")
    waive.add_argument("--versions", metavar="PAIR", help='"1.1.0 -> 1.2.0" (default: those of the run)')
    waive.add_argument("--run", dest="of_run", default="last", metavar="RUN", help="the run (default: last)")
    waive.add_argument(
        "--dry-run", action="store_true", help="print the waiver and the verdict; write nothing"
    )


def _waive(options: argparse.Namespace) -> int:
    from harness.run.waive import waive

    settings = settings_of(options)
    try:
        until = datetime.date.fromisoformat(options.until)
    except ValueError:
        raise HarnessError(
            f"{options.until!r} is no day", where="--until", hint="such as 2027-06-30", code="E27"
        ) from None
    values = {
        "name": options.name or f"{options.rule}-{datetime.date.today().isoformat()}",
        "rule": options.rule,
        "inputs": options.inputs,
        "where": options.where,
        "direction": options.direction,
        "max_magnitude": options.max_magnitude,
        "versions": options.versions,
        "owner": options.owner,
        "reason": options.reason,
        "until": until,
    }
    given = {key: value for key, value in values.items() if value is not None}
    done = waive(settings, given, options.of_run, folder_of(options, settings), options.dry_run)
    print(done.text, end="")
    noun = "violation" if done.covered == 1 else "violations"
    counts = f"{done.covered:,} {noun} covered, {done.outside:,} not"
    say(f"run {done.run_id}: {counts}; {done.before} -> {done.verdict}: {done.reason}")
    if options.dry_run:
        say(f"nothing written to {settings.path.name}")
    else:
        say(f"written to {settings.path.name}; next: harness judge {done.run_id}")
    return Exit.PASS
