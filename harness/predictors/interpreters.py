"""Which Pythons this machine has: on PATH, in pyenv's folder, and those that uv installed. None is ever downloaded.

pyenv's shims stand on PATH for every version and refuse all but the chosen ones; what they stand for is looked up in
pyenv's own folder instead.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 8)
"""The oldest Python that the worker is written for."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One Python of this machine: `version` as (3, 11, 7), the `path` of its program, and who installed it: `pyenv`,
    `uv`, or `PATH` where it was found there and nobody is known."""

    version: tuple[int, int, int]
    path: str
    origin: str
    implementation: str = "cpython"

    @property
    def title(self) -> str:
        """`3.11.7`, or `pypy 3.10.14`."""
        number = ".".join(map(str, self.version))
        return number if self.implementation == "cpython" else f"{self.implementation} {number}"


def search_path(environment: Mapping[str, str]) -> str:
    """PATH as it shows every interpreter: without pyenv's shims, with the folders of pyenv's versions behind, newest
    first."""
    folders = [folder for folder in environment.get("PATH", os.defpath).split(os.pathsep) if folder]
    roots = list(dict.fromkeys(_pyenv_roots(environment, folders)))
    shims = {root / "shims" for root in roots}
    versions = sorted(
        (
            place
            for root in roots
            for place in root.glob("versions/*")
            # pyenv-virtualenv keeps environments among the versions
            if (place / "bin" / "python").exists() and not (place / "pyvenv.cfg").exists()
        ),
        key=lambda place: _number(place.name),
        reverse=True,
    )
    kept = [folder for folder in folders if Path(folder) not in shims]
    return os.pathsep.join([*kept, *(str(place / "bin") for place in versions)])


def listed(listing: str, managed: str, environment: Mapping[str, str]) -> list[Interpreter]:
    """The interpreters in uv's list (`uv python list --output-format json`), newest first, each once; `managed`: the
    folder of those that uv installed."""
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    pyenv = [str(root / "versions") for root in _pyenv_roots(environment, folders)]
    found: dict[str, Interpreter] = {}
    for item in json.loads(listing):
        path = item.get("path")
        if not path:
            continue
        parts = item["version_parts"]
        real = os.path.realpath(path)
        origin = "uv" if _within(path, [managed]) else "pyenv" if _within(path, pyenv) else "PATH"
        one = Interpreter(
            (parts["major"], parts["minor"], parts["patch"]), path, origin, item["implementation"]
        )
        # python, python3 and python3.11 are one program
        found.setdefault(real, one)
    return sorted(found.values(), key=lambda one: (one.version, one.implementation), reverse=True)


def in_words(found: Iterable[Interpreter]) -> str:
    """`3.13.0 (pyenv), 3.11.7 (pyenv), 3.11.2 (PATH)`: those under which a version can run."""
    fit = [one for one in found if one.version[:2] >= OLDEST]
    return (
        ", ".join(dict.fromkeys(f"{one.title} ({one.origin})" for one in fit)) or "none that is 3.8 or newer"
    )


def too_old(version: str) -> bool:
    """Whether `3.7`, `3.7.16` or the like is older than any version can run under; what is no number is not."""
    number = re.match(r"(\d+)\.(\d+)", version)
    return number is not None and (int(number[1]), int(number[2])) < OLDEST


def _pyenv_roots(environment: Mapping[str, str], folders: Iterable[str]) -> list[Path]:
    named = environment.get("PYENV_ROOT")
    roots = [Path(named)] if named else []
    roots += [Path(folder).parent for folder in folders if Path(folder).name == "shims"]
    if environment.get("HOME"):
        roots.append(Path(environment["HOME"], ".pyenv"))
    return [root for root in roots if (root / "versions").is_dir()]


def _number(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", name))


def _within(path: str, folders: Iterable[str]) -> bool:
    """Whether it lies in one of them, as it is written or as it is once links are followed."""
    return any(
        folder and spelled(path).startswith(spelled(folder) + os.sep)
        for folder in folders
        for spelled in (os.path.abspath, os.path.realpath)
    )
