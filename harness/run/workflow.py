"""`harness workflow`: a workflow for GitHub Actions that judges pull requests, also those of strangers.

Its trusted job judges the candidate by the base branch's configuration, rules, tables, store and harness.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness import __version__, files
from harness.errors import HarnessError
from harness.settings import Settings

TEMPLATE = Path(__file__).parent / "workflows" / "github.yml"
PLAIN = Path(__file__).parent / "workflows" / "github_plain.yml"
PLACE = Path(".github") / "workflows" / "model-gate.yml"
PYTHON = "3.12"
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")


def text(settings: Settings, build: str) -> str:
    """The workflow for this configuration. `build`: the commands that leave one wheel in `dist`; by default
    `harness train`. HarnessError where there is neither, or where a name would not stand safely in it."""
    config, folder = _places(settings)
    if not build and not settings.training:
        raise HarnessError(
            "the workflow does not know how the candidate is built",
            where=settings.path.name,
            hint='name training in the configuration, or give --build "COMMAND", which leaves one wheel in dist',
            code="E27",
        )
    # one command is typed where the configuration lies
    command = build or f'harness train --config "{config}" --out "{folder}dist"'
    lines = ("\n" + " " * 10).join(line.rstrip() for line in command.strip().splitlines())
    return _filled(TEMPLATE, {"@BUILD@": lines, "@CONFIG@": config, "@FOLDER@": folder})


def plain(settings: Settings) -> str:
    """The workflow of a repository whose candidate lies in it as it is, a model file or a package: one job, which
    guards against accidents. HarnessError as `text`."""
    config, folder = _places(settings)
    return _filled(PLAIN, {"@CONFIG@": config, "@FOLDER@": folder, "@REPORTS@": settings.reports})


def _places(settings: Settings) -> tuple[str, str]:
    """The configuration's path in its repository, and that of its folder with a slash behind."""
    root = repository(settings.root)
    config = settings.path.resolve().relative_to(root).as_posix()
    folder = (
        "" if settings.root.resolve() == root else f"{settings.root.resolve().relative_to(root).as_posix()}/"
    )
    for name in (config, folder):
        if name and not _PLAIN.fullmatch(name):
            raise HarnessError(
                f"a path that cannot stand in a workflow: {name!r}",
                where=str(settings.path),
                hint="use letters, digits, dots, dashes and underscores",
                code="E27",
            )
    return config, folder


def _filled(template: Path, values: Mapping[str, str]) -> str:
    filled = template.read_text(encoding="utf-8")
    for name, value in {"@HARNESS@": __version__, "@PYTHON@": PYTHON, **values}.items():
        filled = filled.replace(name, value)
    return filled


def write(settings: Settings, build: str, replace: bool) -> Path:
    """Write the workflow into the repository; the path. One that is there and says something else is left alone, unless
    it is to be replaced."""
    content = text(settings, build)
    path = repository(settings.root) / PLACE
    if path.exists() and path.read_text(encoding="utf-8") != content and not replace:
        raise HarnessError(
            f"{PLACE} is there already, and says something else",
            where=str(path),
            hint="compare it with what harness workflow prints; --replace writes over it",
        )
    files.write_atomic(path, content.encode("utf-8"))
    return path


def repository(folder: Path) -> Path:
    """The root of the git repository that holds this folder. HarnessError where there is none."""
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--show-toplevel"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HarnessError(
            "no git repository: a workflow belongs into one",
            where=str(folder),
            hint="git init, or type the command in the repository",
        )
    return Path(done.stdout.strip()).resolve()
