"""`harness train`."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import Commands, say, settings_of
from harness.errors import Exit, HarnessError
from harness.settings import Settings


def add(commands: Commands) -> None:
    """Declare them."""
    train = commands.add("train", _train, "train the candidate and write it as an installable wheel")
    train.add_argument(
        "training", nargs="?", help="training configuration (default: training in [tool.harness])"
    )
    train.add_argument("--out", default="dist", metavar="DIR", help="where the wheel goes (default: dist)")


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
    trained = train(path, Path(options.out).absolute(), say, settings)
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
