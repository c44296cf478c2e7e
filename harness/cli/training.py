"""`harness train` and `harness reproduce`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from harness.cli.options import Commands, say, settings_of
from harness.cli.progress import Bar
from harness.errors import Exit, HarnessError
from harness.settings import Settings


def add(commands: Commands) -> None:
    """Declare them."""
    train = commands.add("train", _train, "train the candidate and write it as an installable wheel")
    train.add_argument(
        "training", nargs="?", help="training configuration (default: training in [tool.harness])"
    )
    train.add_argument("--out", default="dist", metavar="DIR", help="where the wheel goes (default: dist)")

    again = commands.add("reproduce", _reproduce, "make a version again from what it carries, and compare")
    again.add_argument("version", metavar="VERSION", help="a version spec: previous, 1.1.0, a wheel")
    again.add_argument("--data", type=Path, metavar="FILE", help="the table that it was trained on")
    again.add_argument(
        "--against", default="", metavar="SPEC", help="another version: what moved its answers?"
    )
    again.add_argument("--against-data", type=Path, metavar="FILE", help="the table of the other version")
    again.add_argument(
        "--ulps", type=int, default=0, metavar="N", help="how far apart is still equal (default: 0)"
    )


def _train(options: argparse.Namespace) -> int:
    from harness.run.train import train

    path = Path(options.training) if options.training else None
    settings = _settings(options, demanded=path is None)
    if path is None:
        assert settings is not None
        if not settings.training:
            raise HarnessError(
                "no training configuration",
                where=settings.path.name,
                hint='add training = "FILE.toml", or name the file: harness train FILE.toml',
            )
        path = settings.root / settings.training
    with Bar(0) as bar:
        trained = train(
            path,
            Path(options.out).absolute(),
            bar.say,
            settings,
            progress=lambda done, total: bar.at(done, total, "fits"),
        )
    for name in trained.removed:
        say(f"removed {name}: this candidate takes its place")
    for metric, value in trained.metrics.items():
        say(f"  {metric} on held-out rows: {value:.6g}")
    print(trained.wheel)
    return Exit.PASS


def _settings(options: argparse.Namespace, demanded: bool) -> Settings | None:
    """The settings; None where there is no configuration and none is needed."""
    try:
        return settings_of(options)
    except HarnessError as error:
        if demanded or options.config or not error.message.startswith("no configuration"):
            raise
        return None


def _reproduce(options: argparse.Namespace) -> int:
    from harness.run.reproduce import causes, note, reproduce

    settings = settings_of(options)
    with tempfile.TemporaryDirectory(prefix="reproduce-") as folder:
        if options.against:
            data = (options.data, options.against_data)
            for cause in causes(settings, options.version, options.against, data, Path(folder), say):
                print(f"{cause.factor}: {cause.apart.words()}")
            return Exit.PASS
        done = reproduce(settings, options.version, options.data, Path(folder), say)
        note(settings.reports_path, done, options.ulps)
    for line in done.around:
        print(f"not as it was: {line}")
    if not done.files:
        print(f"REPRODUCED: {done.version.title} is made again to the byte")
        return Exit.PASS
    equal = done.within(options.ulps)
    print(f"{'REPRODUCED' if equal else 'NOT REPRODUCED'}: {done.version.title}: {done.apart.words()}")
    print("files that differ: " + ", ".join(done.files))
    return Exit.PASS if equal else Exit.FAIL
