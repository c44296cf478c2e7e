"""`harness baselines` and `harness ledger`: what the store holds, whether it is whole, and who decided what."""

from __future__ import annotations

import argparse
import shutil

from harness.cli.options import Commands, Parser, folder_of, settings_of
from harness.errors import Exit, HarnessError


def add(commands: Commands) -> None:
    """Declare them."""
    baselines = commands.add(
        "baselines", _ls, "look at the baseline store, check it, take out what nothing needs"
    )
    actions = baselines.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    listed = actions.add_parser("ls", help="every release, oldest first")
    listed.set_defaults(run=_ls)
    show = actions.add_parser("show", help="one release: digests, reason, evidence, recorded answers")
    show.set_defaults(run=_show)
    show.add_argument("version", metavar="VERSION", help="a version number")
    fsck = actions.add_parser(
        "fsck", help="verify catalogue, blobs and ledger; exit 11 where something is damaged"
    )
    fsck.set_defaults(run=_fsck)
    prune = actions.add_parser("prune", help="remove what no release needs, and old runs")
    prune.set_defaults(run=_prune)
    prune.add_argument(
        "--keep-runs", type=int, metavar="N", help="also remove the reports' runs but the last N"
    )
    prune.add_argument("--report", metavar="DIR", help="folder of the verdict and the reports")
    prune.add_argument("--dry-run", action="store_true", help="name it, remove nothing")
    ledger = commands.add(
        "ledger", _ledger, "print every verdict, approval, release and rollback", report=True
    )
    ledger.add_argument("--format", choices=["text", "csv", "json"], default="text", help="default: text")


def _ls(options: argparse.Namespace) -> int:
    from harness.store import catalogue, open_place

    settings = settings_of(options)
    known = catalogue.read(open_place(settings))
    newest = {(one.model, one.channel): one for one in known.releases}
    for one in known.releases:
        mark = "*" if newest[(one.model, one.channel)] is one else " "
        act = "" if one.act == "release" else f"  ({one.act})"
        print(
            f"{mark} {one.released[:10]}  {one.model} {one.version}  {one.channel}  sha256:{one.sha256[:12]}{act}"
        )
    if not known.releases:
        print("no release yet")
    return Exit.PASS


def _show(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from harness.errors import did_you_mean
    from harness.store import catalogue, open_place

    settings = settings_of(options)
    place = open_place(settings)
    known = catalogue.read(place).of(settings.model)
    found = [one for one in known if one.version == options.version.removeprefix("v")]
    if not found:
        raise HarnessError(
            f'no release "{options.version}" of {settings.model}',
            where=place.address,
            hint=did_you_mean(options.version, [one.version for one in known]),
            code="E48",
        )
    for one in found:
        for name, value in asdict(one).items():
            if isinstance(value, dict):
                for table, sha256 in sorted(value.items()):
                    print(f"answers to {table}: sha256:{sha256}")
            elif value:
                print(f"{name}: {value}")
        print()
    return Exit.PASS


def _fsck(options: argparse.Namespace) -> int:
    from harness.store import open_place, upkeep

    place = open_place(settings_of(options))
    damaged = told = 0
    for found in upkeep.check(place):
        damaged, told = damaged + found.damage, told + (not found.damage)
        print(f"{'DAMAGED' if found.damage else 'note'}: {found.words}\n  where: {found.where}")
    print(
        f"{place.address}: "
        + (f"{damaged} damaged" if damaged else "whole")
        + (f", {told} notes" if told else "")
    )
    return Exit.STORE if damaged else Exit.PASS


def _prune(options: argparse.Namespace) -> int:
    from harness.run import bundle, past, tombstone
    from harness.store import open_place, upkeep

    settings = settings_of(options)
    removed = "would be removed" if options.dry_run else "removed"
    for entry in upkeep.prune(open_place(settings), dry_run=options.dry_run):
        print(f"{removed}: {entry.name} ({entry.size:,} bytes)")
    if options.keep_runs is not None:
        if options.keep_runs < 1:
            raise HarnessError(
                f"--keep-runs is {options.keep_runs}",
                where="harness baselines prune",
                hint="keep at least one run",
            )
        folder = folder_of(options, settings)
        with tombstone.held(folder):
            for run_id in past.ids(folder)[: -options.keep_runs]:
                if not options.dry_run:
                    shutil.rmtree(folder / "runs" / run_id)
                print(f"{removed}: run {run_id}")
            # of runs that are removed by a dry run in words alone, everything is still needed
            for path in bundle.needless(folder, past.bundles(folder)):
                if not options.dry_run:
                    path.unlink()
                print(f"{removed}: kept content {path.name[:12]}")
    return Exit.PASS


def _ledger(options: argparse.Namespace) -> int:
    from harness.run import account

    settings = settings_of(options)
    told = account.events(settings, folder_of(options, settings))
    if options.format != "text":
        print(account.as_json(told) if options.format == "json" else account.as_csv(told), end="")
        return Exit.PASS
    for one in told:
        at, kind, model, channel, version, by, verdict, reason, *_ = account.row(one)
        words = " ".join(part for part in (kind, verdict, model, version, channel and f"({channel})") if part)
        print(f"{at[:19]}  {words}  by {by}: {reason}" + ("" if one["kept"] else "  [not yet in the store]"))
    for name, count in account.judged(told).items():
        print(f"{name} has judged {count} time{'' if count == 1 else 's'}")
    if not told:
        print("nothing yet")
    return Exit.PASS
