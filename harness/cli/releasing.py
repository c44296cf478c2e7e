"""`harness verify` and `harness release`: from a verdict to a release."""

from __future__ import annotations

import argparse

from harness import settings as configuration
from harness.cli.options import Commands, folder_of, say, settings_of
from harness.errors import Exit, HarnessError


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
    release.add_argument("--reason", default="", help="why; required with --first")
    release.add_argument("--dry-run", action="store_true", help="check everything, write nothing")


def _verify(options: argparse.Namespace) -> int:
    from harness.run.verify import verify

    settings = settings_of(options)
    verdict, candidate = verify(settings, folder_of(options, settings), options.change)
    say(f"PASS: {verdict['reason']}")
    print(f"sha256:{candidate.sha256}" if candidate.sha256 else candidate.digest)
    return Exit.PASS


def _release(options: argparse.Namespace) -> int:
    from harness.run.promote import release_first, release_verified

    settings = settings_of(options)
    if options.first:
        if not options.reason:
            raise HarnessError(
                "a first release has no verdict, so it needs a reason",
                where="harness release --first",
                hint='add --reason "…": the ledger keeps it',
            )
        done = release_first(settings, options.reason, options.dry_run)
    else:
        done = release_verified(settings, folder_of(options, settings), options.reason, options.dry_run)
    would = "would be released" if options.dry_run else "released"
    print(f"{settings.model} {done.version} {would} to {done.channel}  sha256:{done.sha256}")
    return Exit.PASS
