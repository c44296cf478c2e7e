"""`harness data synth` and `harness data plant`: the test bed."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import Commands, Parser, say
from harness.errors import Exit


def add(commands: Commands) -> None:
    """Declare them."""
    data = commands.add(
        "data", _nothing, "make the test bed: a table whose truth is known, faults on purpose"
    )
    actions = data.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    synth = actions.add_parser("synth", help="write a table of house prices, the same to the bit everywhere")
    synth.set_defaults(run=_synth)
    synth.add_argument("file", type=Path, metavar="FILE", help="a .parquet, .csv or .jsonl file")
    synth.add_argument(
        "--rows", type=int, default=10_000, metavar="N", help="how many houses (default: 10000)"
    )
    synth.add_argument(
        "--first", type=int, default=0, metavar="N", help="number of the first house, for a table in parts"
    )
    synth.add_argument("--seed", type=int, default=8123, metavar="N", help="another seed is another town")
    synth.add_argument(
        "--drift", type=float, default=0.0, metavar="X", help="how far the market moved, 0 to 1"
    )
    synth.add_argument(
        "--missing", type=float, default=1.0, metavar="X", help="times the usual rates of gaps, to 3"
    )
    synth.add_argument(
        "--missing-at-random", type=float, metavar="X", help="the same of gaps at random alone"
    )
    synth.add_argument(
        "--missing-not-at-random", type=float, metavar="X", help="the same of the other gaps alone"
    )
    synth.add_argument("--outliers", type=float, default=0.002, metavar="X", help="share of mistyped gardens")
    synth.add_argument(
        "--noise", type=float, default=0.08, metavar="X", help="noise of the price, as a share of it"
    )
    synth.add_argument("--truth", type=Path, metavar="FILE", help="also write each price before its noise")
    synth.add_argument("--plant", default="", metavar="FAULT", help="plant a fault into the table")
    _keys(synth)
    plant = actions.add_parser("plant", help="write a version package that is WHEEL but for one known fault")
    plant.set_defaults(run=_plant)
    plant.add_argument("fault", metavar="FAULT", help="which fault; docs/training.md lists them")
    plant.add_argument("wheel", type=Path, metavar="WHEEL", help="a version package")
    _keys(plant)
    plant.add_argument("--out", type=Path, default=Path("planted"), metavar="DIR", help="default: planted")
    plant.add_argument(
        "--version", default="", metavar="NUMBER", help="default: that of WHEEL, with +planted"
    )


def _keys(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="keys",
        help="what the fault needs to know",
    )


def _nothing(options: argparse.Namespace) -> int:
    return Exit.USAGE


def _synth(options: argparse.Namespace) -> int:
    from harness.run.test_bed import keys_of, synth

    knobs = {name: getattr(options, name) for name in ("seed", "drift", "outliers", "noise")}
    for name in ("missing_at_random", "missing_not_at_random"):
        own = getattr(options, name)
        knobs[name] = options.missing if own is None else own
    said = synth(
        options.file,
        options.rows,
        options.first,
        knobs,
        options.truth,
        options.plant,
        keys_of(options.keys),
        say,
    )
    if said:
        say(f"planted: {said}")
    print(options.file)
    return Exit.PASS


def _plant(options: argparse.Namespace) -> int:
    from harness.run.test_bed import keys_of, plant

    made = plant(options.wheel, options.fault, keys_of(options.keys), options.out, options.version)
    say(f"planted: {made.recipe.says}")
    say(f"it can touch: {made.recipe.where or 'every row'}")
    print(made.wheel)
    return Exit.PASS
