"""`harness sensitivity`: which planted faults the present rules and inputs would catch."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from harness.cli.options import Commands, folder_of, settings_of
from harness.cli.progress import Bar
from harness.errors import Exit


def add(commands: Commands) -> None:
    """Declare it."""
    sensitivity = commands.add(
        "sensitivity",
        _sensitivity,
        "plant known faults into the released version; say which the present rules and inputs would catch",
        report=True,
    )
    sensitivity.add_argument(
        "version", nargs="?", default="previous", metavar="VERSION", help="a version spec (default: previous)"
    )
    sensitivity.add_argument(
        "--change",
        choices=("refactor", "upgrade", "retrain"),
        help="judge as this kind (default: the configured one; for auto a retrain where the model is trained here)",
    )
    sensitivity.add_argument("--fault", default="", metavar="FAULT", help="this kind of fault alone")
    sensitivity.add_argument("--feature", default="", metavar="NAME", help="faults of this feature alone")
    sensitivity.add_argument("--json", action="store_true", help="as JSON, for a script")


def _sensitivity(options: argparse.Namespace) -> int:
    from harness.run import catching

    settings = settings_of(options)
    version, manifest = catching.released(settings, options.version)
    planned = catching.chosen(manifest, catching.has_trees(version), options.fault, options.feature)
    change = options.change or catching.default_change(settings)
    found = []
    with tempfile.TemporaryDirectory(prefix="sensitivity-") as folder, Bar(len(planned)) as bar:
        for answer in catching.answers(settings, version, planned, change, Path(folder)):
            found.append(answer)
            bar.step(f"{answer.ladder.title}: {answer.words()}")
    whole = catching.of(settings, version, change, found)
    if not options.fault and not options.feature:
        catching.note(folder_of(options, settings), whole)
    if options.json:
        print(json.dumps(whole.to_json(), indent=1, ensure_ascii=False))
        return Exit.PASS
    for line in catching.table(whole):
        print(line)
    return Exit.PASS
