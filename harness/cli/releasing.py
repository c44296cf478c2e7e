"""`harness verify`, `release`, `approve`, `promote` and `rollback`: from a verdict to a release and back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness import settings as configuration
from harness.cli.options import Commands, folder_of, say, settings_of
from harness.errors import Exit, HarnessError

if TYPE_CHECKING:
    from harness.settings import Settings
    from harness.store import Release


def add(commands: Commands) -> None:
    """Declare them."""
    verify = commands.add(
        "verify", _verify, "demand a PASS for this tree and these versions; print the digest", report=True
    )
    verify.add_argument("--change", choices=configuration.CHANGES[1:], help="demand this kind of change")
    release = commands.add(
        "release", _release, "make the verified candidate the newest release of its channel", report=True
    )
    release.add_argument("--first", action="store_true", help="the first release: nothing to compare with")
    release.add_argument(
        "--rebase",
        action="store_true",
        help="in place of a previous release that can no longer run; needs approval",
    )
    release.add_argument("--reason", default="", help="why; required with --first and --rebase")
    release.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
    approve = commands.add(
        "approve", _approve, "put a name under the verdict; it lifts no FAIL and no INCONCLUSIVE", report=True
    )
    approve.add_argument("--reason", required=True, help="why")
    approve.add_argument("--by", default="", metavar="NAME", help="who (default: git's user.email)")
    approve.add_argument("--first", action="store_true", help="a first release, which has no verdict")
    approve.add_argument(
        "--rebase", action="store_true", help="of a candidate that is released with --rebase"
    )
    approve.add_argument(
        "--until", default="", metavar="DAY", help="the last day on which it counts, as 2027-06-30"
    )
    promote = commands.add(
        "promote", _promote, "make the newest release of the channel that of another channel", report=True
    )
    promote.add_argument("--to", required=True, metavar="CHANNEL", help="such as staging or production")
    promote.add_argument(
        "--from", default="", dest="origin", metavar="CHANNEL", help="default: the configured channel"
    )
    promote.add_argument(
        "--first", action="store_true", help="the first release there: nothing was compared with it"
    )
    rollback = commands.add(
        "rollback", _rollback, "make an older release of the channel its newest again", report=True
    )
    rollback.add_argument(
        "version", nargs="?", default="", metavar="VERSION", help="default: the one before the newest"
    )
    for command in (promote, rollback):
        command.add_argument("--reason", required=True, help="why; the ledger keeps it")
    for command in (approve, promote, rollback):
        command.add_argument("--dry-run", action="store_true", help="check everything, write nothing")


def _verify(options: argparse.Namespace) -> int:
    from harness.run.verify import verify

    settings = settings_of(options)
    verdict, candidate = verify(settings, folder_of(options, settings), options.change)
    say(f"PASS: {verdict['reason']}")
    print(f"sha256:{candidate.sha256}" if candidate.sha256 else candidate.digest)
    return Exit.PASS


def _release(options: argparse.Namespace) -> int:
    from harness.run.promote import rebase, release_first, release_verified

    settings = settings_of(options)
    folder = folder_of(options, settings)
    if options.first or options.rebase:
        how = "--first" if options.first else "--rebase"
        if options.first and options.rebase:
            raise HarnessError(
                "--first and --rebase", where="harness release", hint="a first release takes nobody's place"
            )
        if not options.reason:
            raise HarnessError(
                f"a release with {how} has no verdict, so it needs a reason",
                where=f"harness release {how}",
                hint='add --reason "…": the ledger keeps it',
            )
        release = release_first if options.first else rebase
        done = release(settings, folder, options.reason, options.dry_run)
    else:
        done = release_verified(settings, folder, options.reason, options.dry_run)
    return _done(settings, folder, done, "released to", options.dry_run)


def _approve(options: argparse.Namespace) -> int:
    from harness.run.approval import FIRST, REBASED, approve, name_of

    settings = settings_of(options)
    by = options.by or name_of(settings.root)
    folder = folder_of(options, settings)
    without = FIRST if options.first else REBASED if options.rebase else ""
    given = approve(settings, folder, by, options.reason, options.until, options.dry_run, without=without)
    would = "would approve" if options.dry_run else "approves"
    print(
        f"{given.by} {would} of sha256:{given.candidate}" + (f" until {given.until}" if given.until else "")
    )
    if not options.dry_run:
        _tell(settings, folder)
    return Exit.PASS


def _promote(options: argparse.Namespace) -> int:
    from harness.run.promote import promote

    settings = settings_of(options)
    folder = folder_of(options, settings)
    origin = options.origin or settings.channel
    done = promote(settings, folder, origin, options.to, options.first, options.reason, options.dry_run)
    return _done(settings, folder, done, f"promoted from {origin} to", options.dry_run)


def _rollback(options: argparse.Namespace) -> int:
    from harness.run.promote import rollback

    settings = settings_of(options)
    folder = folder_of(options, settings)
    done = rollback(settings, folder, options.version, options.reason, options.dry_run)
    return _done(settings, folder, done, "the newest again in", options.dry_run)


def _done(settings: Settings, folder: Path, done: Release, words: str, dry_run: bool) -> int:
    from harness.run.promote import after_release

    would = "would be" if dry_run else "is"
    print(f"{settings.model} {done.version} {would} {words} {done.channel}  sha256:{done.sha256}")
    if not dry_run:
        _tell(settings, folder)
        after_release(settings, done)
    return Exit.PASS


def _tell(settings: Settings, folder: Path) -> None:
    """The ledger's page as it stands now. What was done is done, whether or not the page can be written."""
    from harness.run import site

    try:
        site.refresh(settings, folder)
    except HarnessError as error:
        say(str(error))
