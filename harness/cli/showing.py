"""`harness schema` and `harness report`: what is known already, written for a reader."""

from __future__ import annotations

import argparse

from harness.cli.options import Commands, folder_of, settings_of
from harness.errors import Exit


def add(commands: Commands) -> None:
    """Declare them."""
    schema = commands.add("schema", _schema, "print the JSON Schema of the configuration, for editors")
    schema.add_argument(
        "--pyproject", action="store_true", help="of pyproject.toml, with [tool.harness] in it"
    )
    schema.add_argument("--training", action="store_true", help="of the training configuration")
    commands.add("report", _report, "render the reports again from report.json", report=True)


def _schema(options: argparse.Namespace) -> int:
    from harness.run import configuration_schema, extensions

    if options.training:
        from harness.run.train import TRAINING

        print(TRAINING["schema"](), end="")
        return Exit.PASS
    if options.config:
        extensions.load(settings_of(options))
    print(configuration_schema.text(pyproject=options.pyproject), end="")
    return Exit.PASS


def _report(options: argparse.Namespace) -> int:
    from harness import reporting
    from harness.run import extensions

    settings = settings_of(options)
    extensions.load(settings)
    for path in reporting.render_again(folder_of(options, settings)):
        print(path)
    return Exit.PASS
