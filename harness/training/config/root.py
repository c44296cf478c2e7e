"""The whole file: the names at its top, and its sections.

A section that is optional stands in `SECTIONS`, with the class that reads it and a field of the same name in
`Config`. What it says beyond its defaults goes into the digest, and nothing else does.
"""

from __future__ import annotations

import keyword
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config import calibration as calibration_section
from harness.training.config import data as data_section
from harness.training.config import packaging as packaging_section
from harness.training.config import recipes as recipes_section
from harness.training.config import search as search_section
from harness.training.config import selection as selection_section
from harness.training.config import split as split_section
from harness.training.config import steps as steps_section
from harness.training.config import validation as validation_section
from harness.training.config.calibration import CalibrationSection
from harness.training.config.data import DataSection
from harness.training.config.packaging import PackagingSection
from harness.training.config.reading import changed
from harness.training.config.reading import section as _section
from harness.training.config.recipes import RecipesSection
from harness.training.config.search import SearchSection
from harness.training.config.selection import SelectionSection
from harness.training.config.split import SplitSection
from harness.training.config.steps import DOORS, Step
from harness.training.config.validation import ValidationSection
from harness.versions.manifest import TASKS, digest

_VERSION = re.compile(
    r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*((a|b|rc)(0|[1-9]\d*))?(\.post(0|[1-9]\d*))?(\.dev(0|[1-9]\d*))?"
)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PACKAGE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

SECTIONS: Mapping[str, Callable[[Any, str], Any]] = {
    "validation": validation_section.read,
    "recipes": recipes_section.read,
    "selection": selection_section.read,
    "search": search_section.read,
    "calibration": calibration_section.read,
    "packaging": packaging_section.read,
}
"""The optional sections, each by its name and the function that reads it: (what the file says, where) -> section."""


@dataclass(frozen=True, slots=True)
class Top:
    """The keys at the top of the file."""

    model: str
    package: str
    version: str
    task: str
    seed: int
    lock: str
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Config:
    """A training configuration, checked. Paths are absolute."""

    path: Path
    model: str
    package: str
    version: str
    task: str
    seed: int
    lock: Path
    data: DataSection
    split: SplitSection
    steps: tuple[Step, ...]
    replicas: int = 1
    validation: ValidationSection | None = None
    recipes: RecipesSection | None = None
    selection: SelectionSection | None = None
    search: SearchSection | None = None
    calibration: CalibrationSection | None = None
    packaging: PackagingSection | None = None

    @property
    def key(self) -> str:
        """The column that names each row."""
        return self.data.key

    @property
    def target(self) -> str:
        """The column to predict."""
        return self.data.target

    @property
    def features(self) -> tuple[str, ...]:
        """The columns to predict from; empty where the table decides."""
        return self.data.features

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of columns, where they are not to be found from the values."""
        return self.data.kinds

    @property
    def sha256(self) -> str:
        """Digest of what is configured. The version number is left out; so are data and lock, which have digests
        of their own, so that a moved file is no retrain."""
        whole = {
            "model": self.model,
            "package": self.package,
            "task": self.task,
            "seed": self.seed,
            "key": self.data.key,
            "target": self.data.target,
            "features": list(self.data.features),
            "kinds": dict(self.data.kinds),
            "share": self.split.share,
            "salt": self.split.salt,
            "steps": [
                {"step": step.name, "parameters": dict(step.parameters), "columns": list(step.columns)}
                for step in self.steps
            ],
        }
        for name in ("data", "split"):
            if said := getattr(self, name).shaping():
                whole[name] = said
        # what is demanded of the data shapes no model, nor does the file that it is kept in
        for name in SECTIONS.keys() - {"validation", "packaging"}:
            section = getattr(self, name)
            if section is not None and (said := changed(section)):
                whole[name] = said
        return digest(whole)


def read_config(path: Path | str) -> Config:
    """The configuration in a TOML file. Raises HarnessError that names the file and the key."""
    path = Path(path).absolute()
    table = _toml(path)
    where = str(path)
    rooms = {"data": dict, "split": dict, "steps": list}
    known = (*Top.__slots__, *rooms, *SECTIONS)
    for key in table:
        if key not in known:
            raise HarnessError(f'unknown key "{key}"', where=where, hint=did_you_mean(key, known))
    top = _section(Top, {key: value for key, value in table.items() if key in Top.__slots__}, where)
    for key, kind in rooms.items():
        if key not in table:
            raise HarnessError(
                f'"{key}" is missing',
                where=where,
                hint=f"give it: [{key}]" if kind is dict else f"add [[{key}]]",
            )
        if not isinstance(table[key], kind):
            raise HarnessError(
                f"{key} is {table[key]!r}",
                where=where,
                hint=f"{key} is {'a table' if kind is dict else 'a list of tables'}",
            )
    _check_names(top, where)
    if "calibration" in table and top.task != "classification":
        raise HarnessError(
            "calibration of a regression",
            where=f"{where}: [calibration]",
            hint='it makes probabilities: leave it out, or say task = "classification"',
        )
    return Config(
        path=path,
        model=top.model,
        package=top.package,
        version=top.version,
        task=top.task,
        seed=top.seed,
        lock=path.parent / top.lock,
        data=data_section.read(table["data"], path.parent, f"{where}: [data]"),
        split=split_section.read(table["split"], f"{where}: [split]"),
        steps=steps_section.read(table["steps"], where),
        replicas=top.replicas,
        **{name: read(table[name], f"{where}: [{name}]") for name, read in SECTIONS.items() if name in table},
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
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


def _check_names(top: Top, where: str) -> None:
    if not _MODEL.fullmatch(top.model):
        raise HarnessError(
            f"{top.model!r} is no name for a model",
            where=where,
            hint="use letters, digits, dots, dashes and underscores, such as house-prices",
        )
    taken = top.package in {*sys.stdlib_module_names, "harness", *DOORS} or keyword.iskeyword(top.package)
    if not _PACKAGE.fullmatch(top.package) or taken:
        raise HarnessError(
            f'"{top.package}" is {"taken" if taken else "no name"} for an import package',
            where=where,
            hint="use lower-case words joined by single underscores, such as house_prices",
        )
    if not _VERSION.fullmatch(top.version):
        raise HarnessError(
            f'"{top.version}" is no version number',
            where=where,
            hint="write it as 1.2.0, 1.2.0rc1 or 1.2.0.dev3",
        )
    if top.task not in TASKS:
        raise HarnessError(f'unknown task "{top.task}"', where=where, hint=did_you_mean(top.task, TASKS))
    if not 1 <= top.replicas <= 1000:
        raise HarnessError(
            f"replicas is {top.replicas}",
            where=where,
            hint="choose how many other seeds are tried, from 1 to 1000",
        )
    if not 0 <= top.seed < 2**32 - 1001:
        raise HarnessError(
            f"seed is {top.seed}", where=where, hint="choose a whole number from 0 to 4294966294"
        )
