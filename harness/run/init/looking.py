"""What lies in a folder that a comparison can begin with: model files, services, packages, requirements, tables, git.

Files are read and nothing is run: no model is opened, no module imported.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.predictors.sources import git
from harness.predictors.sources.python import is_package
from harness.run.init import made_with
from harness.run.init.service import Service, services
from harness.versions.version import PICKLES, SKOPS

MODELS = (*PICKLES, SKOPS)
TABLES = (".csv", ".parquet", ".jsonl")
LARGEST = 200 * 2**20
"""Bytes of a table that is looked into."""

MOST = 20_000
"""Files that are looked at."""

_LEFT_OUT = {"node_modules", "__pycache__", "site-packages", "build", "dist", "reports", "baselines"}
_PREDICTS = re.compile(r"(make_)?(predict|prediction|predictions|score|infer)\w*")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file: its path below the folder, its digest, and what it says it was made with: the versions of
    scikit-learn and of skops."""

    path: str
    size: int
    sha256: str
    sklearn: str
    skops: str

    @property
    def pickled(self) -> bool:
        """Whether opening it runs the code in it."""
        return Path(self.path).suffix in PICKLES


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a service or a package needs: `file` where a profile can name it as it is, else the `lines` of it."""

    source: str
    file: str
    lines: tuple[str, ...]

    def names(self, package: str) -> bool:
        """Whether it names this package."""
        return any(_name(line) == package for line in self.lines)

    def pins(self, package: str) -> str:
        """The version that it pins this package to, if it does."""
        for line in self.lines:
            if _name(line) == package and (found := re.search(r"===?\s*([\w.+!]+)", line)):
                return found[1]
        return ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that its own build backend can build, and a function in it that predicts, as `module:function`."""

    entry: str
    others: tuple[str, ...]
    pass_as: str


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was found; what is not there is empty."""

    root: Path
    name: str
    models: tuple[ModelFile, ...]
    services: tuple[Service, ...]
    package: Package | None
    requirements: Requirements | None
    tables: tuple[str, ...]


def look(root: Path) -> Found:
    """Look around in `root`."""
    files = list(_files(root))
    python = [path for path in files if path.suffix == ".py"]
    found = services(root, python)
    models = [_model(root, path) for path in files if path.suffix in MODELS]
    said = {Path(text).name for service in found for text in service.texts}
    # a file that the service names, then the one closest to the top
    models.sort(key=lambda one: (Path(one.path).name not in said, one.path.count("/"), one.path))
    tables = [
        str(path) for path in files
        if path.suffix in TABLES and 0 < (root / path).stat().st_size <= LARGEST
    ]  # fmt: skip
    return Found(
        root=root,
        name=_name_of(root),
        models=tuple(models),
        services=tuple(found),
        package=_package(root, python),
        requirements=_requirements(root),
        tables=tuple(sorted(tables, key=lambda name: (not _held_out(name), name.count("/"), name))),
    )


@dataclass(frozen=True, slots=True)
class Before:
    """The version to compare with: a ref as `git:` takes it, and why that one."""

    ref: str
    why: str


def before(root: Path, path: str) -> Before | None:
    """Where in git the baseline is that has this file: the last tag; else where the branch left the main one. None
    where there is no such commit."""
    for ref, why in (
        ("last-tag", "the newest tag before what lies there now"),
        *(
            (f"merge-base({name})", f"where a branch left {name}")
            for name in ("origin/HEAD", "origin/main", "origin/master", "main", "master")
        ),
        ("HEAD", "the last commit"),
    ):
        try:
            git.file_at(root, git.commit_of(root, ref), path)
        except HarnessError:
            continue
        return Before(ref, why)
    return None


def _files(root: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders
            if name not in _LEFT_OUT and not name.startswith(".") and not name.endswith(".egg-info")
            and not Path(place, name, "pyvenv.cfg").exists()
        )  # fmt: skip
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root)
                count += 1
            if count >= MOST:
                return


def _model(root: Path, path: Path) -> ModelFile:
    try:
        content = (root / path).read_bytes()
    except OSError as error:
        raise HarnessError(
            f"the model file cannot be read: {error.strerror}",
            where=str(root / path),
            hint="mend its permissions",
        ) from None
    of_skops = path.suffix == SKOPS
    sklearn, skops = made_with.of_skops(content) if of_skops else (made_with.sklearn_of_pickle(content), "")
    return ModelFile(path.as_posix(), len(content), hashlib.sha256(content).hexdigest(), sklearn, skops)


def _name_of(root: Path) -> str:
    name = str(_project(root).get("name") or root.resolve().name)
    return re.sub(r"[^\w.-]+", "-", name).strip("-._") or "model"


def _project(root: Path) -> dict[str, object]:
    try:
        found = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _requirements(root: Path) -> Requirements | None:
    for name in ("requirements.txt", "requirements.lock", "requirements/prod.txt", "requirements/base.txt"):
        if (root / name).is_file():
            lines, whole = _lines(root / name, 0)
            if lines:
                return Requirements(name, name if whole else "", tuple(lines))
    stated = _project(root).get("dependencies")
    if isinstance(stated, list) and stated:
        return Requirements("pyproject.toml", "", tuple(map(str, stated)))
    return None


def _lines(path: Path, depth: int) -> tuple[list[str], bool]:
    """Its requirements, those of files that it names among them; and whether it can be used as it is."""
    found: list[str] = []
    whole = True
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return [], False
    for line in text.replace("\\\n", " ").splitlines():
        line = re.split(r"(?:^|\s)#", line)[0].strip()
        other = re.fullmatch(r"(?:-r|--requirement)[ =]\s*(.+)", line)
        if other and depth < 5:
            found += _lines(path.parent / other[1], depth + 1)[0]
            whole = False
        elif (
            line.startswith(("-e", "--editable", "-c", "--constraint", "./", "../", "file:"))
            or " @ file:" in line
        ):
            # relative to a folder that an environment does not know
            whole = False
        elif line and not line.startswith("-"):
            found.append(re.split(r"\s--hash", line)[0].strip())
    return found, whole


def _name(line: str) -> str:
    found = re.match(r"[A-Za-z0-9][\w.-]*", line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _held_out(name: str) -> bool:
    return bool(re.search(r"hold|test|valid|eval", name.lower()))


def _package(root: Path, python: Iterable[Path]) -> Package | None:
    if not is_package(root):
        return None
    entries = sorted(
        _entries(root, python), key=lambda one: (one[0].count("."), "make" not in one[0], one[0])
    )
    if not entries:
        return None
    return Package(entries[0][0], tuple(entry for entry, _ in entries[1:]), entries[0][1])


def _entries(root: Path, python: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Functions of importable packages that look as if they predicted, with what they seem to take."""
    for path in python:
        parts = path.with_suffix("").parts
        parts = parts[1:] if parts[0] == "src" else parts
        if parts[0] in ("tests", "test", "docs", "scripts", "examples", "benchmarks", "setup", "conftest"):
            continue
        if not (root / path.parent / "__init__.py").is_file():
            continue
        try:
            tree = ast.parse((root / path).read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and _PREDICTS.fullmatch(node.name) and node.args.args:
                first = node.args.args[0]
                said = (ast.unparse(first.annotation) if first.annotation else first.arg).lower()
                yield (
                    f"{module}:{node.name}",
                    "records" if re.search(r"record|list|dict|row", said) else "frame",
                )
