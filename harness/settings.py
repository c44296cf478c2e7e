"""The one place where every option is declared.

`[tool.harness]` in pyproject.toml, or `harness.toml`, becomes one frozen `Settings`; a key that is not declared
here is refused, because a misspelt limit that is silently ignored is a gate that stands open.
"""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, did_you_mean

CHANGES = ("auto", "refactor", "upgrade", "retrain")
SEVERITIES = ("fail", "warn")
PASS_AS = ("frame", "records", "array")
DIRECTIONS = ("any", "up", "down")

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Profile:
    """`[tool.harness.versions.NAME]`: what a version spec needs beside its name."""

    name: str = ""
    spec: str = ""
    python: str = ""
    entry: str = ""
    pass_as: str = ""
    keyword: str = ""
    outputs: str = ""
    timeout: float = 30.0
    memory: int = 4 * 2**30
    request: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts_generated: bool = False
    allow_plain_http: bool = False


@dataclass(frozen=True, slots=True)
class Retrain:
    """`[tool.harness.retrain]`: how "not worse" is judged. `margin` None: the metric's default."""

    primary: str = ""
    margin: float | None = None
    max_changed_rate: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Generate:
    """`generate = {rows, seconds, seed}`: the plan of a search is its rows; seconds are a ceiling."""

    rows: int = 2000
    seconds: float = 60.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """`[[tool.harness.inputs]]`: a fixed table (`path`) or a search (`generate`)."""

    name: str
    path: str = ""
    key: str = ""
    target: str = ""
    generate: Generate | None = None


@dataclass(frozen=True, slots=True)
class MaxQuantile:
    """`max_quantile = {q, limit}`: at least the share `q` of all cases moves by no more than `limit`."""

    q: float
    limit: float


@dataclass(frozen=True, slots=True)
class MaxMeanShift:
    """`max_mean_shift = {limit, relative}`: `|mean(c - b)|` is at most `limit`, or that share of `|mean(b)|`."""

    limit: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """`[[tool.harness.rules]]`: `rule` names the kind of rule, `parameters` are that rule's own keys."""

    name: str
    rule: str
    output: str = "*"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    max_violations: int | None = None
    max_violation_rate: float | None = None
    max_quantile: MaxQuantile | None = None
    max_mean_shift: MaxMeanShift | None = None
    inputs: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    where: str = ""
    slices: tuple[str, ...] = ()
    replaces: str = ""
    min_cases: int = 0
    severity: str = "fail"
    owner: str = ""
    reason: str = ""
    evidence: str = ""
    until: datetime.date | None = None

    @property
    def budgets(self) -> tuple[str, ...]:
        """The keys of its budgets, those that allow something."""
        given = {
            "max_violations": self.max_violations,
            "max_violation_rate": self.max_violation_rate,
            "max_quantile": self.max_quantile,
            "max_mean_shift": self.max_mean_shift,
        }
        return tuple(key for key, value in given.items() if value)

    @property
    def loosens(self) -> str:
        """What it allows beyond equal answers, in words; empty for a rule that allows nothing."""
        if self.budgets:
            return f"has a budget ({self.budgets[0]})"
        if self.replaces:
            return f"replaces {self.replaces}"
        if self.severity == "warn":
            return "only warns"
        allows = [key for key, value in self.parameters.items() if not isinstance(value, bool) and value]
        return f"has a tolerance ({allows[0]})" if allows else ""


@dataclass(frozen=True, slots=True)
class WaiverSettings:
    """`[[tool.harness.waivers]]`: a difference that is accepted, its bounds, who accepted it, and until when."""

    name: str
    rule: str
    owner: str
    reason: str
    until: datetime.date
    inputs: tuple[str, ...] = ()
    where: str = ""
    direction: str = "any"
    max_magnitude: float | None = None
    versions: str = "* -> *"

    @property
    def pair(self) -> tuple[str, str]:
        """`versions` as patterns of the baseline's and the candidate's version."""
        old, _, new = self.versions.partition("->")
        return old.strip(), new.strip()


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """`[tool.harness.drift]`: how far the candidate may be from the anchor. A limit that is None is not judged."""

    over: float = 0.01
    max_share: float | None = None
    max_mean_shift: float | None = None
    owner: str = ""
    reason: str = ""


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
    equal_nan: bool = True
    require_reason: bool = False
    extensions: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    retrain: Retrain = Retrain()
    drift: DriftSettings = DriftSettings()
    versions: Mapping[str, Profile] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    rules: tuple[RuleSettings, ...] = ()
    waivers: tuple[WaiverSettings, ...] = ()

    @property
    def store_path(self) -> Path:
        """The baseline store's folder."""
        return self.root / self.store

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
    in_project = project.is_file() and "harness" in _read(project).get("tool", {})
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
    data = _read(path)
    place = path.name
    if path.name == "pyproject.toml":
        data = data.get("tool", {}).get("harness", {})
        place = f"{path.name} [tool.harness]"
    settings = _settings(data, path, place)
    given = {key: value for key, value in overrides.items() if value is not None}
    return replace(settings, **given) if given else settings


def with_rules(settings: Settings, file: Path) -> Settings:
    """The settings with the `[[rules]]` and `[[waivers]]` of another file in place of their own."""
    if not file.is_file():
        raise HarnessError(f"no file {file}", where=str(file), hint="name a TOML file with [[rules]]")
    data = _read(file)
    for key in data:
        if key not in ("rules", "waivers"):
            raise HarnessError(
                f'unknown key "{key}"',
                where=file.name,
                hint="a file of rules holds [[rules]] and [[waivers]], and nothing else",
                code="E27",
            )
    sources = [item.name for item in settings.inputs]
    rules, waivers = _judging(data, file.name, sources, settings.require_reason)
    return replace(settings, rules=rules, waivers=waivers)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HarnessError(
            f"not TOML: {error}", where=str(path), hint="mend the file at that place"
        ) from None


def _settings(data: Mapping[str, Any], path: Path, place: str) -> Settings:
    table = _Table(data, Settings, place, hidden=("path", "root"))
    values = table.plain(
        "model", "candidate", "change", "channel", "previous", "anchor", "store", "reports", "training",
        "equal_nan", "require_reason",
    )  # fmt: skip
    values |= table.names("extensions", "private")
    _one_of(values.get("change", "auto"), CHANGES, "change", place)
    if "model" not in values:
        raise HarnessError("no model is named", where=place, hint='add model = "its-name-in-the-store"')
    retrain = _Table(data.get("retrain", {}), Retrain, f"{place}.retrain")
    values["retrain"] = Retrain(**retrain.plain("primary", "margin", "max_changed_rate", "reason"))
    _positive(values["retrain"].margin, "margin", retrain.place)
    rate = values["retrain"].max_changed_rate
    if rate is not None and not 0 <= rate <= 1:
        raise HarnessError(
            f"max_changed_rate is {rate}", where=retrain.place, hint="a share: 0 to 1", code="E27"
        )
    if values["retrain"].max_changed_rate is not None and not values["retrain"].reason:
        raise HarnessError(
            "max_changed_rate has no reason", where=f"{place}.retrain", hint='add reason = "…" beside it'
        )
    values["drift"] = _drift(data, place)
    values["versions"] = {
        name: _profile(name, profile, f"{place}.versions.{name}")
        for name, profile in _mapping(data.get("versions", {}), f"{place}.versions").items()
    }
    values["inputs"] = tuple(
        _input(item, f"{place}.inputs[{i}]")
        for i, item in enumerate(_list(data.get("inputs", []), f"{place}.inputs"))
    )
    sources = [item.name for item in values["inputs"]]
    _unique(sources, "input source", f"{place}.inputs")
    values["rules"], values["waivers"] = _judging(data, place, sources, values.get("require_reason", False))
    return Settings(path=path, root=path.parent, **values)


def _judging(
    data: Mapping[str, Any], place: str, sources: list[str], require_reason: bool
) -> tuple[tuple[RuleSettings, ...], tuple[WaiverSettings, ...]]:
    """Rules and waivers, each name once and bound to sources that there are; a rule that allows something gives its
    reason where one is required, as a waiver always does."""
    rules = tuple(
        _rule(item, f"{place}.rules[{i}]")
        for i, item in enumerate(_list(data.get("rules", []), f"{place}.rules"))
    )
    waivers = tuple(
        _waiver(item, f"{place}.waivers[{i}]")
        for i, item in enumerate(_list(data.get("waivers", []), f"{place}.waivers"))
    )
    _unique([rule.name for rule in rules], "rule", f"{place}.rules")
    _unique([waiver.name for waiver in waivers], "waiver", f"{place}.waivers")
    for rule in rules:
        if require_reason and rule.loosens and not rule.reason.strip():
            raise HarnessError(
                f"rule {rule.name} {rule.loosens} and has no reason",
                where=f"{place}.rules (require_reason = true)",
                hint='add reason = "…" beside it',
                code="E27",
            )
    named: list[tuple[str, RuleSettings | WaiverSettings]] = [("rule", item) for item in rules]
    named += [("waiver", item) for item in waivers]
    for noun, item in named:
        for source in item.inputs:
            if source not in sources:
                raise HarnessError(
                    f'{noun} {item.name} is bound to unknown input source "{source}"',
                    where=f"{place}.{noun}s",
                    hint=did_you_mean(source, sources),
                    code="E28",
                )
    return rules, waivers


def _profile(name: str, data: Any, place: str) -> Profile:
    table = _Table(data, Profile, place, hidden=("name",))
    values = table.plain(
        "spec", "python", "entry", "pass_as", "keyword", "outputs", "timeout", "request",
        "accepts_generated", "allow_plain_http",
    )  # fmt: skip
    if "memory" in table.data:
        values["memory"] = _bytes(table.data["memory"], place)
    if "headers" in table.data:
        values["headers"] = dict(_mapping(table.data["headers"], f"{place}.headers"))
    _positive(values.get("timeout"), "timeout", place)
    _one_of(values.get("pass_as", "frame"), PASS_AS, "pass_as", place)
    return Profile(name=name, **values)


def _input(data: Any, place: str) -> Input:
    table = _Table(data, Input, place)
    values = table.plain("name", "path", "key", "target")
    if "name" not in values:
        raise HarnessError("an input source has no name", where=place, hint='add name = "…"')
    _name(values["name"], "input source", place)
    if "generate" in table.data:
        plan = _Table(table.data["generate"], Generate, f"{place}.generate")
        values["generate"] = Generate(**plan.plain("rows", "seconds", "seed"))
        if values["generate"].rows < 1:
            raise HarnessError("a search of no rows", where=f"{place}.generate", hint="set rows to 1 or more")
        _positive(values["generate"].seconds, "seconds", plan.place)
        check_seed(values["generate"].seed, plan.place)
    if ("path" in values) == ("generate" in values):
        raise HarnessError(
            f'input source "{values["name"]}" needs either a path or a generate table',
            where=place,
            hint='path = "fixtures/holdout.parquet", or generate = { rows = 2000, seed = 1 }',
        )
    return Input(**values)


def _rule(data: Any, place: str) -> RuleSettings:
    own = {item.name for item in fields(RuleSettings)} - {"parameters"}
    given = _mapping(data, place)
    values = _Table({k: v for k, v in given.items() if k in own}, RuleSettings, place).plain(
        "name", "rule", "output", "max_violations", "max_violation_rate", "where", "replaces", "min_cases",
        "severity", "owner", "reason", "evidence", "until",
    )  # fmt: skip
    values |= _Table({k: v for k, v in given.items() if k in own}, RuleSettings, place).names(
        "inputs", "when", "slices"
    )
    for key in ("name", "rule"):
        if key not in values:
            raise HarnessError(f"a rule has no {key}", where=place, hint=f'add {key} = "…"', code="E27")
    _name(values["name"], "rule", place)
    _one_of(values.get("severity", "fail"), SEVERITIES, "severity", place)
    for kind in values.get("when", ()):
        _one_of(kind, CHANGES[1:], "when", place)
    if "max_violations" in values and "max_violation_rate" in values:
        raise HarnessError(
            "a rule has two budgets: max_violations and max_violation_rate", where=place, hint="keep one"
        )
    rate = values.get("max_violation_rate")
    if rate is not None and not 0 <= rate < 1:
        raise HarnessError(
            f"max_violation_rate is {rate}", where=place, hint="a share: at least 0 and below 1"
        )
    if values.get("min_cases", 0) < 0:
        raise HarnessError("min_cases is negative", where=place, hint="0 demands none", code="E27")
    if values.get("max_violations", 0) < 0:
        raise HarnessError("max_violations is negative", where=place, hint="0 allows none")
    if values.get("min_cases", 0) < 0:
        raise HarnessError("min_cases is negative", where=place, hint="0 asks for none", code="E27")
    for key in ("where", "replaces"):
        if key in values and not values[key].strip():
            raise HarnessError(f"{key} is empty", where=place, hint=f"leave {key} out", code="E27")
    if "max_quantile" in given:
        values["max_quantile"] = _max_quantile(given["max_quantile"], f"{place}.max_quantile")
    if "max_mean_shift" in given:
        values["max_mean_shift"] = _max_mean_shift(given["max_mean_shift"], f"{place}.max_mean_shift")
    values["parameters"] = {key: value for key, value in given.items() if key not in own}
    return RuleSettings(**values)


def _max_quantile(data: Any, place: str) -> MaxQuantile:
    values = _Table(data, MaxQuantile, place).plain("q", "limit")
    _demand(values, ("q", "limit"), place, "max_quantile = { q = 0.99, limit = 5.0 }")
    if not 0 < values["q"] <= 1:
        raise HarnessError(f"q is {values['q']}", where=place, hint="a share: above 0, at most 1", code="E27")
    _finite(values["limit"], place)
    return MaxQuantile(**values)


def _max_mean_shift(data: Any, place: str) -> MaxMeanShift:
    values = _Table(data, MaxMeanShift, place).plain("limit", "relative")
    _demand(values, ("limit",), place, "max_mean_shift = { limit = 0.01, relative = true }")
    _finite(values["limit"], place)
    return MaxMeanShift(**values)


def _demand(values: Mapping[str, Any], keys: tuple[str, ...], place: str, hint: str) -> None:
    for key in keys:
        if key not in values:
            raise HarnessError(f"{key} is missing", where=place, hint=f"write {hint}", code="E27")


def _finite(limit: float, place: str) -> None:
    if not 0 <= limit < float("inf"):
        raise HarnessError(f"limit is {limit}", where=place, hint="limit is 0 or more", code="E27")


def _waiver(data: Any, place: str) -> WaiverSettings:
    table = _Table(data, WaiverSettings, place)
    values = table.plain(
        "name", "rule", "owner", "reason", "until", "where", "direction", "max_magnitude", "versions"
    )
    values |= table.names("inputs")
    for key in ("name", "rule", "owner", "reason", "until"):
        # a date is never empty; a reason of no characters is no reason
        if not values.get(key):
            example = "2027-06-30" if key == "until" else '"…"'
            raise HarnessError(
                f"a waiver has no {key}", where=place, hint=f"add {key} = {example}", code="E27"
            )
    if "where" in values and not values["where"].strip():
        raise HarnessError("where is empty", where=place, hint="leave where out", code="E27")
    _one_of(values.get("direction", "any"), DIRECTIONS, "direction", place)
    largest = values.get("max_magnitude", 0.0)
    if not 0 <= largest < float("inf"):
        raise HarnessError(
            f"max_magnitude is {largest}", where=place, hint="a number of 0 or more; unset: any", code="E27"
        )
    waiver = WaiverSettings(**values)
    if not all(waiver.pair) or waiver.versions.count("->") != 1:
        raise HarnessError(
            f'versions is "{waiver.versions}"',
            where=place,
            hint='name a pair: versions = "1.1.0 -> 1.2.0"; * stands for any',
            code="E27",
        )
    return waiver


def _drift(data: Mapping[str, Any], place: str) -> DriftSettings:
    table = _Table(data.get("drift", {}), DriftSettings, f"{place}.drift")
    drift = DriftSettings(**table.plain("over", "max_share", "max_mean_shift", "owner", "reason"))
    limits = (drift.max_share, drift.max_mean_shift)
    if bool(data.get("anchor")) != any(limit is not None for limit in limits):
        words = "drift has limits and no anchor" if table.data else "anchor has no drift limits"
        if data.get("anchor") and table.data:
            words = "drift has no limit"
        raise HarnessError(
            words,
            where=f"{place}.drift",
            hint='name both: anchor = "1.0.0", and max_share or max_mean_shift under drift',
            code="E27",
        )
    for key, value in (("over", drift.over), ("max_share", drift.max_share)):
        if value is not None and not 0 <= value < (1 if key == "max_share" else float("inf")):
            raise HarnessError(
                f"{key} is {value}", where=f"{place}.drift", hint="a share: 0.05 is 5%", code="E27"
            )
    if drift.max_mean_shift is not None and not 0 <= drift.max_mean_shift < float("inf"):
        raise HarnessError(
            f"max_mean_shift is {drift.max_mean_shift}",
            where=f"{place}.drift",
            hint="a share of the anchor's mean size: 0.05 is 5%",
            code="E27",
        )
    return drift


class _Table:
    """One TOML table against its dataclass: unknown keys refused, types checked."""

    def __init__(self, data: Any, cls: type, place: str, hidden: tuple[str, ...] = ()) -> None:
        self.data = _mapping(data, place)
        self.place = place
        self.types = {item.name: str(item.type) for item in fields(cls) if item.name not in hidden}
        for key in self.data:
            if key not in self.types:
                raise HarnessError(
                    f'unknown key "{key}"', where=place, hint=did_you_mean(key, self.types), code="E27"
                )

    def plain(self, *keys: str) -> dict[str, Any]:
        """The values of these keys, where present, after their types were checked."""
        wanted: dict[str, tuple[type, ...]] = {
            "str": (str,), "int": (int,), "float": (int, float), "bool": (bool,), "datetime.date": (datetime.date,),
        }  # fmt: skip
        found = {}
        for key in keys:
            if key not in self.data:
                continue
            value: Any = self.data[key]
            name = self.types[key].removesuffix(" | None")
            # bool is an int to Python, and `max_violations = true` is nobody's intention
            if not isinstance(value, wanted[name]) or (isinstance(value, bool) and name != "bool"):
                raise HarnessError(
                    f"{key} must be {name}, got {value!r}",
                    where=self.place,
                    hint=f"write {key} as {name}",
                    code="E27",
                )
            found[key] = float(value) if name == "float" else value  # type: ignore[arg-type]  # checked above
        return found

    def names(self, *keys: str) -> dict[str, Any]:
        """The lists of strings under these keys, as tuples."""
        found = {}
        for key in keys:
            if key in self.data:
                value = self.data[key]
                if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                    raise HarnessError(
                        f"{key} must be a list of strings, got {value!r}",
                        where=self.place,
                        hint=f'{key} = ["…"]',
                        code="E27",
                    )
                found[key] = tuple(value)
        return found


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise HarnessError(f"expected a table, got {value!r}", where=place, hint="write it as a TOML table")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise HarnessError("expected an array of tables", where=place, hint="write [[…]] with two brackets")
    return value


def _one_of(value: str, known: tuple[str, ...], key: str, place: str) -> None:
    if value not in known:
        raise HarnessError(f'{key} is "{value}"', where=place, hint=did_you_mean(value, known), code="E27")


def _name(value: str, noun: str, place: str) -> None:
    """Names become folders, node ids and lines of a report."""
    if not _NAME.fullmatch(value):
        raise HarnessError(
            f"{value!r} cannot be the name of a{'n' if noun[0] in 'aeiou' else ''} {noun}",
            where=place,
            hint="begin with a letter or digit; then letters, digits, and any of _ . -",
            code="E27",
        )


def _positive(value: float | None, key: str, place: str) -> None:
    if value is not None and not 0 < value < math.inf:
        raise HarnessError(f"{key} is {value}", where=place, hint="a finite number above 0", code="E27")


def check_seed(seed: int, place: str) -> None:
    """Refuse (E27) what the generator and the bootstrap cannot take as a seed."""
    if not 0 <= seed < 2**64:
        raise HarnessError(
            f"seed is {seed}", where=place, hint="a whole number from 0 to 2**64 - 1", code="E27"
        )


def _unique(names: list[str], noun: str, place: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise HarnessError(f'{noun} "{name}" stands twice', where=place, hint="names are unique")


def _bytes(value: Any, place: str) -> int:
    """`2 GiB`, `512 MiB` or a number of bytes."""
    units = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    number, _, unit = str(value).partition(" ")
    try:
        size = int(float(number) * units[unit.strip()])
    except (ValueError, KeyError, OverflowError):
        raise HarnessError(
            f"{value!r} is no size", where=place, hint='write it as "2 GiB", "512 MiB" or bytes', code="E27"
        ) from None
    _positive(size, "memory", place)
    return size
