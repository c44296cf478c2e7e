"""`harness workflow`: a workflow for GitHub Actions that judges pull requests, also those of strangers; and one that
trains, compares, verifies and releases.

The trusted job of the first judges the candidate by the base branch's configuration, rules, tables, store and harness.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness import __version__, files
from harness.errors import HarnessError
from harness.settings import Settings

TEMPLATE = Path(__file__).parent / "workflows" / "github.yml"
PLAIN = Path(__file__).parent / "workflows" / "github_plain.yml"
CHAIN = Path(__file__).parent / "workflows" / "github_release.yml"
PLACE = Path(".github") / "workflows" / "model-gate.yml"
CHAIN_PLACE = Path(".github") / "workflows" / "model-release.yml"
PYTHON = "3.12"
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")


def text(settings: Settings, build: str) -> str:
    """The workflow for this configuration. `build`: the commands that leave one wheel in `dist`; by default
    `harness train`. HarnessError where there is neither, or where a name would not stand safely in it."""
    config, folder = _places(settings)
    values = {"@BUILD@": _build(settings, build), "@CONFIG@": config, "@FOLDER@": folder}
    return _filled(TEMPLATE, values)


def chain(settings: Settings, build: str) -> str:
    """The workflow that releases: every step of the way in one job, and the store pushed at its end where it lies in
    the repository. HarnessError as `text`, and where nobody could approve, or the store would go with the runner."""
    _, folder = _places(settings)
    if settings.require_approval:
        raise HarnessError(
            "one job cannot train and release where approvals are demanded: nobody could give them in between",
            where=f"require_approval in {settings.path.name}",
            hint="let the gate judge, and approve and release by hand; or demand reviewers of an environment of GitHub",
            code="E27",
        )
    _check_plain(settings.reports, settings)
    store = _store(settings)
    values = {
        "@BUILD@": _build(settings, build),
        "@NAME@": settings.path.name,
        "@HERE@": folder.rstrip("/") or ".",
        "@FOLDER@": folder,
        "@REPORTS@": settings.reports,
        "@WRITES@": "write" if store else "read",
        "@KEPT@": "" if store else _ELSEWHERE,
        "@PUSH@": _PUSH.replace("@STORE@", store) if store else "",
    }
    return _filled(CHAIN, values)


_ELSEWHERE = """\
# - The store is no folder of this repository: give the job what it is opened with, as a secret or by OpenID Connect.
"""
_PUSH = """\
      - name: Keep the release, which is a commit of the store
        env:
          TOKEN: ${{ github.token }}
        run: |
          git add -- "@STORE@"
          git -c user.name="github-actions[bot]" -c user.email="github-actions[bot]@users.noreply.github.com" \\
            commit -m "A release by the chain" -- "@STORE@"
          authorization="$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
          git -c http.extraheader="AUTHORIZATION: basic $authorization" push origin "HEAD:$GITHUB_REF_NAME"
"""


def _store(settings: Settings) -> str:
    """The store's path in the repository; empty where it is no folder."""
    protocol, separator, rest = settings.store.partition("://")
    if separator and protocol not in ("file", "local"):
        return ""
    root = repository(settings.root)
    path = Path(os.path.normpath(rest if separator else settings.root.resolve() / settings.store))
    found = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    if found:
        _check_plain(found, settings)
    else:
        raise HarnessError(
            f"the release would be lost with the runner: {settings.store} is no folder of the repository",
            where=f"store in {settings.path.name}",
            hint="name a folder of the repository, or object storage",
            code="E27",
        )
    return found


def _build(settings: Settings, build: str) -> str:
    """The commands that leave one wheel in `dist`, typed where the repository begins, indented as they stand in a
    template."""
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
    return ("\n" + " " * 10).join(line.rstrip() for line in command.strip().splitlines())


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
    for name in filter(None, (config, folder)):
        _check_plain(name, settings)
    return config, folder


def _check_plain(name: str, settings: Settings) -> None:
    if not _PLAIN.fullmatch(name):
        raise HarnessError(
            f"a path that cannot stand in a workflow: {name!r}",
            where=str(settings.path),
            hint="use letters, digits, dots, dashes and underscores",
            code="E27",
        )


def _filled(template: Path, values: Mapping[str, str]) -> str:
    filled = template.read_text(encoding="utf-8")
    for name, value in {"@HARNESS@": __version__, "@PYTHON@": PYTHON, **values}.items():
        filled = filled.replace(name, value)
    return filled


def write(settings: Settings, content: str, place: Path, replace: bool) -> Path:
    """Write a workflow into the repository; its path. One that is there and says something else is left alone, unless
    it is to be replaced."""
    path = repository(settings.root) / place
    if path.exists() and path.read_text(encoding="utf-8") != content and not replace:
        raise HarnessError(
            f"{place} is there already, and says something else",
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
