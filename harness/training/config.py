"""The training configuration: one TOML file that says all that a version is made from.

Reading it imports no third party and resolves no step: the harness reads it to find the lock file, before there is
an environment to train in.
"""

from __future__ import annotations

import keyword
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.versions.manifest import TASKS, digest

KINDS = ("float", "int", "bool", "str")
"""Kinds that a feature can have: what a table of text can hold and a pipeline can take."""

DOORS = ("sklearn", "feature_engine")
"""Packages that steps may come from. A step that lived in `harness` would run today's code inside yesterday's
model, since a pickle names its classes by module path."""

_VERSION = re.compile(
    r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*((a|b|rc)(0|[1-9]\d*))?(\.post(0|[1-9]\d*))?(\.dev(0|[1-9]\d*))?"
)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PACKAGE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_TOP: Mapping[str, type] = {
    "model": str,
    "package": str,
    "version": str,
    "task": str,
    "seed": int,
    "lock": str,
    "data": dict,
    "split": dict,
    "steps": list,
}
_DATA: Mapping[str, type] = {"path": str, "key": str, "target": str, "features": list, "kinds": dict}
_SPLIT: Mapping[str, type] = {"share": float, "salt": str}
_OPTIONAL = ("features", "kinds")
_SAID = {str: "text", int: "a whole number", float: "a number", list: "a list", dict: "a table"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the pipeline: the class by dotted name, its parameters, and the columns that it is limited to
    (none named: it takes all that the step before gives)."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The name of the class alone: `Ridge`."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Config:
    """A training configuration, checked. Paths are absolute; `features` is empty where the table decides.

    `share` of the rows, chosen by a hash of `salt` and key, is held out of every training.
    """

    path: Path
    model: str
    package: str
    version: str
    task: str
    seed: int
    lock: Path
    data: Path
    data_as_written: str
    key: str
    target: str
    features: tuple[str, ...]
    kinds: Mapping[str, str]
    share: float
    salt: str
    steps: tuple[Step, ...]

    @property
    def sha256(self) -> str:
        """Digest of what is configured. The version number is left out; so are data and lock, which have digests
        of their own, so that a moved file is no retrain."""
        return digest(
            {
                "model": self.model,
                "package": self.package,
                "task": self.task,
                "seed": self.seed,
                "key": self.key,
                "target": self.target,
                "features": list(self.features),
                "kinds": dict(self.kinds),
                "share": self.share,
                "salt": self.salt,
                "steps": [
                    {"step": step.name, "parameters": dict(step.parameters), "columns": list(step.columns)}
                    for step in self.steps
                ],
            }
        )


def read_config(path: Path | str) -> Config:
    """The configuration in a TOML file. Raises HarnessError that names the file and the key."""
    path = Path(path).absolute()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HarnessError(
            f"cannot read the training configuration: {error.strerror}",
            where=str(path),
            hint="name it as training in [tool.harness], or as the argument of harness train",
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HarnessError(
            f"the training configuration is no TOML: {error}", where=str(path), hint="mend it at that place"
        ) from None
    where = str(path)
    _check(table, _TOP, where)
    data, split = table["data"], table["split"]
    _check(data, _DATA, f"{where}: [data]")
    _check(split, _SPLIT, f"{where}: [split]")
    _check_names(table, where)
    if not 0 < split["share"] < 1:
        raise HarnessError(
            f"share is {split['share']}, which leaves no rows on one side",
            where=f"{where}: [split]",
            hint="hold out a share between 0 and 1, such as 0.3",
        )
    features = _texts(data.get("features", []), "features", f"{where}: [data]")
    return Config(
        path=path,
        model=table["model"],
        package=table["package"],
        version=table["version"],
        task=table["task"],
        seed=table["seed"],
        lock=path.parent / table["lock"],
        data=path.parent / data["path"],
        data_as_written=data["path"],
        key=data["key"],
        target=data["target"],
        features=features,
        kinds=_kinds(data, features, f"{where}: [data]"),
        share=float(split["share"]),
        salt=split["salt"],
        steps=_steps(table["steps"], where),
    )


def _check(table: Mapping[str, Any], keys: Mapping[str, type], where: str) -> None:
    """Unknown keys, missing keys, wrong types."""
    for key in table:
        if key not in keys:
            raise HarnessError(f'unknown key "{key}"', where=where, hint=did_you_mean(key, keys))
    for key, kind in keys.items():
        if key not in table:
            if key in _OPTIONAL:
                continue
            raise HarnessError(f'"{key}" is missing', where=where, hint=f"give {key} = {_SAID[kind]}")
        value = table[key]
        fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not fits or (kind is str and not value):
            raise HarnessError(f"{key} is {value!r}", where=where, hint=f"{key} is {_SAID[kind]}")


def _check_names(table: Mapping[str, Any], where: str) -> None:
    package, version, task = table["package"], table["version"], table["task"]
    if not _MODEL.fullmatch(table["model"]):
        raise HarnessError(
            f"{table['model']!r} is no name for a model",
            where=where,
            hint="use letters, digits, dots, dashes and underscores, such as house-prices",
        )
    taken = package in {*sys.stdlib_module_names, "harness", *DOORS} or keyword.iskeyword(package)
    if not _PACKAGE.fullmatch(package) or taken:
        raise HarnessError(
            f'"{package}" is {"taken" if taken else "no name"} for an import package',
            where=where,
            hint="use lower-case words joined by single underscores, such as house_prices",
        )
    if not _VERSION.fullmatch(version):
        raise HarnessError(
            f'"{version}" is no version number', where=where, hint="write it as 1.2.0, 1.2.0rc1 or 1.2.0.dev3"
        )
    if task not in TASKS:
        raise HarnessError(f'unknown task "{task}"', where=where, hint=did_you_mean(task, TASKS))
    if not 0 <= table["seed"] < 2**32 - 1:
        raise HarnessError(
            f"seed is {table['seed']}", where=where, hint="choose a whole number from 0 to 4294967294"
        )


def _kinds(data: Mapping[str, Any], features: tuple[str, ...], where: str) -> dict[str, str]:
    for name, kind in data.get("kinds", {}).items():
        if kind not in KINDS:
            raise HarnessError(
                f"{name} has unknown kind {kind!r}", where=where, hint=did_you_mean(str(kind), KINDS)
            )
        if features and name not in features:
            raise HarnessError(
                f'kinds names "{name}", which is no feature', where=where, hint=did_you_mean(name, features)
            )
    return dict(data.get("kinds", {}))


def _steps(items: list[Any], where: str) -> tuple[Step, ...]:
    if not items:
        raise HarnessError("no steps", where=where, hint='add [[steps]] with step = "sklearn.…"')
    return tuple(_step(item, f"{where}: [[steps]] {place}") for place, item in enumerate(items, start=1))


def _step(item: Any, where: str) -> Step:
    name = item.get("step") if isinstance(item, dict) else None
    if not isinstance(name, str):
        raise HarnessError(
            "the step has no name", where=where, hint='add step = "sklearn.linear_model.Ridge", or another'
        )
    parts = name.split(".")
    if len(parts) < 2 or parts[0] not in DOORS or not all(part.isidentifier() for part in parts):
        raise HarnessError(
            f"{name} may not be a step",
            where=where,
            hint=f"steps come from {' or '.join(DOORS)}, by their full names: yesterday's models would run today's "
            "code of any other module",
        )
    for key, value in item.items():
        if key.endswith("random_state"):
            raise HarnessError(
                f"{key} is set for one step",
                where=where,
                hint="set seed, above the steps: it reaches each of them",
            )
        if not _plain(value):
            raise HarnessError(
                f"{key} is {value!r}", where=where, hint="use text, numbers, true, false, lists, tables"
            )
    parameters = {key: value for key, value in item.items() if key not in ("step", "columns")}
    return Step(name, parameters, _texts(item.get("columns", []), "columns", where))


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_plain, value.values()))
    if isinstance(value, list):
        return all(map(_plain, value))
    return isinstance(value, (str, int, float, bool))


def _texts(values: Any, key: str, where: str) -> tuple[str, ...]:
    """A list of names, each once."""
    if not isinstance(values, Iterable) or not all(isinstance(value, str) for value in values):
        raise HarnessError(f"{key} is {values!r}", where=where, hint=f"{key} is a list of column names")
    names = tuple(values)
    for name in names:
        if names.count(name) > 1:
            raise HarnessError(f'{key} names "{name}" twice', where=where, hint="name each column once")
    return names
