"""`harness show`, `replay`, `schema` and `report`: what is known already, for a reader; and whether it still holds."""

from __future__ import annotations

import argparse
import sys

from harness.cli.options import Commands, folder_of, progress, settings_of
from harness.errors import Exit


def add(commands: Commands) -> None:
    """Declare them."""
    schema = commands.add("schema", _schema, "print the JSON Schema of the configuration, for editors")
    schema.add_argument(
        "--pyproject", action="store_true", help="of pyproject.toml, with [tool.harness] in it"
    )
    schema.add_argument("--training", action="store_true", help="of the training configuration")
    schema.add_argument("--record", action="store_true", help="of the run record, report.json")
    show = commands.add("show", _show, "print a past run, or one of its cases", report=True)
    show.add_argument(
        "what", metavar="CASE|RUN", help="a case by its name in the report or by its key; or a run"
    )
    show.add_argument(
        "--run", dest="of_run", default="last", metavar="RUN", help="the run of CASE (default: last)"
    )
    replay = commands.add(
        "replay", _replay, "run a past run again from what was kept of it; say what moved", report=True
    )
    replay.add_argument(
        "id", metavar="RUN", help="a run in the folder runs, the beginning of its id, or last"
    )
    workflow = commands.add(
        "workflow", _workflow, "print a workflow for GitHub Actions that judges pull requests"
    )
    workflow.add_argument(
        "--build", default="", metavar="COMMAND", help="leaves one wheel in dist (default: harness train)"
    )
    workflow.add_argument(
        "--release", action="store_true", help="the workflow that trains, compares, verifies and releases"
    )
    workflow.add_argument(
        "--write",
        action="store_true",
        help="write it to .github/workflows: model-gate.yml or model-release.yml",
    )
    workflow.add_argument("--replace", action="store_true", help="write over another one that is there")
    commands.add("report", _report, "render the reports again from report.json", report=True)


def _schema(options: argparse.Namespace) -> int:
    from harness.run import configuration_schema, extensions

    if options.training:
        from harness.run.train import TRAINING

        print(TRAINING["schema"](), end="")
        return Exit.PASS
    if options.record:
        from harness.reporting import schema

        print(schema.text(), end="")
        return Exit.PASS
    if options.config:
        extensions.load(settings_of(options))
    print(configuration_schema.text(pyproject=options.pyproject), end="")
    return Exit.PASS


def _show(options: argparse.Namespace) -> int:
    from harness.run import show

    settings = settings_of(options)
    folder = folder_of(options, settings)
    if show.is_run(folder, options.what):
        lines = show.run_lines(folder, options.what, color=sys.stdout.isatty())
    else:
        lines = show.case_lines(settings, folder, options.of_run, options.what)
    for line in lines:
        print(line)
    return Exit.PASS


def _replay(options: argparse.Namespace) -> int:
    from harness.run.replay import error_of, replay

    settings = settings_of(options)
    done = replay(settings, options.id, folder_of(options, settings), progress())
    for line in done.moved:
        print(f"moved: {line}")
    if not done.same:
        if done.differing:
            print(f"differing in the result: {', '.join(done.differing)}")
        raise error_of(done)
    print(f"reproduced: {done.run.run_id}, {done.verdict}: {done.reason}  result {done.result_digest[:12]}")
    return Exit.PASS


def _workflow(options: argparse.Namespace) -> int:
    from harness.run import workflow

    settings = settings_of(options)
    made, place = (
        (workflow.chain, workflow.CHAIN_PLACE) if options.release else (workflow.text, workflow.PLACE)
    )
    content = made(settings, options.build)
    if options.write or options.replace:
        print(workflow.write(settings, content, place, options.replace))
    else:
        print(content, end="")
    return Exit.PASS


def _report(options: argparse.Namespace) -> int:
    from harness import reporting
    from harness.run import extensions, site

    settings = settings_of(options)
    extensions.load(settings)
    folder = folder_of(options, settings)
    for path in [*reporting.render_again(folder), *site.refresh(settings, folder)]:
        print(path)
    return Exit.PASS
