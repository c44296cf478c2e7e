"""The one place where every option is declared.

`[tool.harness]` in pyproject.toml, or `harness.toml`, becomes one frozen `Settings`; a key that is not declared
here is refused, because a misspelt limit that is silently ignored is a gate that stands open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.settings.judging import (
    CHANGES,
    DIRECTIONS,
    SEVERITIES,
    DriftSettings,
    MaxMeanShift,
    MaxQuantile,
    Retrain,
    RuleSettings,
    WaiverSettings,
    read_drift,
    read_judging,
    read_retrain,
)
from harness.settings.links import check_decision_url
from harness.settings.records import RecordedBaseline, read_recorded
from harness.settings.sources import (
    PASS_AS,
    Generate,
    Input,
    Profile,
    read_input,
    read_profile,
    read_store_options,
)
from harness.settings.table import Table, check_seed, mapping, one_of, parsed, read, tables, unique

__all__ = [
    "CHANGES",
    "DIRECTIONS",
    "PASS_AS",
    "SEVERITIES",
    "DriftSettings",
    "Generate",
    "Input",
    "MaxMeanShift",
    "MaxQuantile",
    "Profile",
    "RecordedBaseline",
    "Retrain",
    "RuleSettings",
    "Settings",
    "WaiverSettings",
    "check_seed",
    "find",
    "load",
    "of_text",
    "with_rules",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every option of one run. `path` is the file they were read from, `root` its folder."""

    path: Path
    root: Path
    model: str
    candidate: str = "project:."
    change: str = "auto"
    channel: str = "production"
    previous: str = "store"
    anchor: str = ""
    store: str = "baselines"
    reports: str = "reports"
    training: str = ""
    decision_url: str = ""
    equal_nan: bool = True
    require_reason: bool = False
    require_approval: int = 0
    after_release: str = ""
    extensions: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    retrain: Retrain = Retrain()
    drift: DriftSettings = DriftSettings()
    store_options: Mapping[str, Any] = field(default_factory=dict)
    recorded: RecordedBaseline | None = None
    versions: Mapping[str, Profile] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    rules: tuple[RuleSettings, ...] = ()
    waivers: tuple[WaiverSettings, ...] = ()

    @property
    def reports_path(self) -> Path:
        """The report's folder."""
        return self.root / self.reports


def find(root: Path, named: str = "") -> Path:
    """The configuration file: the named one, or harness.toml, or pyproject.toml with [tool.harness]."""
    if named:
        path = (root / named).resolve()
        if not path.is_file():
            raise HarnessError(
                f"no configuration file {named}",
                where=str(root),
                hint="give --compare-config an existing file",
            )
        return path
    own, project = root / "harness.toml", root / "pyproject.toml"
    in_project = project.is_file() and "harness" in read(project).get("tool", {})
    if own.is_file() and in_project:
        raise HarnessError(
            "two configurations: harness.toml and [tool.harness] in pyproject.toml",
            where=str(root),
            hint="keep one of them, or name one with --compare-config",
        )
    if own.is_file():
        return own
    if in_project:
        return project
    raise HarnessError(
        "no configuration: neither harness.toml nor [tool.harness] in pyproject.toml",
        where=str(root),
        hint="add a [tool.harness] table; README.md shows a small one",
    )


def load(path: Path, **overrides: Any) -> Settings:
    """Settings from one file; `overrides` (from the command line) replace top-level keys, None leaves them."""
    settings = _of_data(read(path), path)
    given = {key: value for key, value in overrides.items() if value is not None}
    return replace(settings, **given) if given else settings


def of_text(text: str, path: Path) -> Settings:
    """The settings that `path` would give if it held this text."""
    return _of_data(parsed(text, path), path)


def _of_data(data: Mapping[str, Any], path: Path) -> Settings:
    place = path.name
    if path.name == "pyproject.toml":
        data = data.get("tool", {}).get("harness", {})
        place = f"{path.name} [tool.harness]"
    return _settings(data, path, place)


def with_rules(settings: Settings, file: Path) -> Settings:
    """The settings with the `[[rules]]` and `[[waivers]]` of another file in place of their own."""
    if not file.is_file():
        raise HarnessError(f"no file {file}", where=str(file), hint="name a TOML file with [[rules]]")
    data = read(file)
    for key in data:
        if key not in ("rules", "waivers"):
            raise HarnessError(
                f'unknown key "{key}"',
                where=file.name,
                hint="a file of rules holds [[rules]] and [[waivers]], and nothing else",
                code="E27",
            )
    sources = [item.name for item in settings.inputs]
    rules, waivers = read_judging(data, file.name, sources, settings.require_reason)
    return replace(settings, rules=rules, waivers=waivers)


def _settings(data: Mapping[str, Any], path: Path, place: str) -> Settings:
    table = Table(data, Settings, place, hidden=("path", "root"))
    values = table.plain(
        "model", "candidate", "change", "channel", "previous", "anchor", "store", "reports", "training",
        "equal_nan", "require_reason", "require_approval", "after_release", "decision_url",
    )  # fmt: skip
    values |= table.names("extensions", "private")
    one_of(values.get("change", "auto"), CHANGES, "change", place)
    if values.get("require_approval", 0) < 0:
        raise HarnessError(
            f"require_approval is {values['require_approval']}",
            where=place,
            hint="it is the number of people who have to approve, 0 for none",
            code="E27",
        )
    if values.get("decision_url"):
        check_decision_url(values["decision_url"], place)
    if "model" not in values:
        raise HarnessError("no model is named", where=place, hint='add model = "its-name-in-the-store"')
    values["retrain"] = read_retrain(data, place)
    values["drift"] = read_drift(data, place)
    if "store_options" in data:
        values["store_options"] = read_store_options(data["store_options"], f"{place}.store_options")
    values["recorded"] = read_recorded(data, place)
    values["versions"] = {
        name: read_profile(name, profile, f"{place}.versions.{name}")
        for name, profile in mapping(data.get("versions", {}), f"{place}.versions").items()
    }
    values["inputs"] = tuple(
        read_input(item, f"{place}.inputs[{i}]")
        for i, item in enumerate(tables(data.get("inputs", []), f"{place}.inputs"))
    )
    sources = [item.name for item in values["inputs"]]
    unique(sources, "input source", f"{place}.inputs")
    values["rules"], values["waivers"] = read_judging(
        data, place, sources, values.get("require_reason", False)
    )
    return Settings(path=path, root=path.parent, **values)
