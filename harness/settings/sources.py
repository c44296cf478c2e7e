"""What is compared and on what: `[tool.harness.versions.NAME]` and `[[tool.harness.inputs]]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.settings.table import Table, byte_size, check_name, check_seed, mapping, one_of, positive

PASS_AS = ("frame", "records", "array")
RESERVED = ("HOME", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "LD_PRELOAD")
"""Variables of a worker that no profile sets."""

_SECRET = re.compile(r"secret|passw|account_key|sas_token|session_token|connection_string", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Profile:
    """`[tool.harness.versions.NAME]`: what a version spec needs beside its name."""

    name: str = ""
    spec: str = ""
    python: str = ""
    requirements: tuple[str, ...] = ()
    requirements_file: str = ""
    entry: str = ""
    method: str = ""
    adapter: str = ""
    allow_pickle: tuple[str, ...] = ()
    allow_types: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
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
class Generate:
    """`generate = {rows, seconds, seed}`: the plan of a search is its rows; seconds are a ceiling."""

    rows: int = 2000
    seconds: float = 60.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """`[[tool.harness.inputs]]`: a fixed table (`path`) or a search (`generate`). `max_both_faulted`: the budget of
    cases on which both versions fail, so that nothing is compared there; None: see `accounting_troubles`. `keep`:
    columns of the table that no version takes, kept with each run for rules that may name them later."""

    name: str
    path: str = ""
    key: str = ""
    target: str = ""
    generate: Generate | None = None
    max_both_faulted: int | None = None
    keep: tuple[str, ...] = ()


def read_profile(name: str, data: Any, place: str) -> Profile:
    """One table of `[tool.harness.versions]`."""
    table = Table(data, Profile, place, hidden=("name",))
    values = table.plain(
        "spec", "python", "entry", "method", "pass_as", "keyword", "outputs", "timeout", "request",
        "accepts_generated", "allow_plain_http", "requirements_file", "adapter",
    )  # fmt: skip
    values |= table.names("requirements", "allow_pickle", "allow_types")
    if values.get("adapter") and not re.fullmatch(r"[^:]+\.py:[A-Za-z_][\w.]*", values["adapter"]):
        raise HarnessError(
            f"adapter {values['adapter']!r} names no function of a file",
            where=place,
            hint='adapter = "adapters/legacy.py:predict", relative to the configuration file',
            code="E27",
        )
    if values.get("method") and not re.fullmatch(r"[A-Za-z]\w*", values["method"]):
        raise HarnessError(
            f"method {values['method']!r} is no name of a method",
            where=place,
            hint='method = "predict_proba", of the object that entry names or that a model file holds',
            code="E27",
        )
    if "environment" in table.data:
        values["environment"] = _environment(table.data["environment"], f"{place}.environment")
    if "memory" in table.data:
        values["memory"] = byte_size(table.data["memory"], place)
    if "headers" in table.data:
        values["headers"] = dict(mapping(table.data["headers"], f"{place}.headers"))
    positive(values.get("timeout"), "timeout", place)
    one_of(values.get("pass_as", "frame"), PASS_AS, "pass_as", place)
    return Profile(name=name, **values)


def _environment(data: Any, place: str) -> dict[str, str]:
    """Variables of a worker, each taken from a variable of ours: a value has no place in a file that is shared."""
    found = {str(name): value for name, value in mapping(data, place).items()}
    for name, value in found.items():
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in RESERVED:
            words = "is set by the harness" if name in RESERVED else "is no name of a variable"
            raise HarnessError(f"{name} {words}", where=place, hint="name another variable", code="E27")
        if not isinstance(value, str) or not re.fullmatch(r"env:[A-Za-z_]\w*", value):
            raise HarnessError(
                f"{name} holds a value, where the name of a variable belongs",
                where=place,
                hint=f'{name} = "env:{name}" passes on what {name} holds where the harness runs',
                code="E27",
            )
    return found


def read_store_options(data: Any, place: str) -> dict[str, Any]:
    """`[tool.harness.store_options]`: what the library of the store's address takes, which is its own business; but no
    secret in clear text."""
    options = dict(mapping(data, place))
    for key, value in options.items():
        if isinstance(value, Mapping):
            options[key] = read_store_options(value, f"{place}.{key}")
        elif _SECRET.search(key) and not (isinstance(value, str) and value.startswith("env:")):
            raise HarnessError(
                f"{key} is a secret, and stands in a file that is committed",
                where=place,
                hint=f'write {key} = "env:NAME", or leave it to what the library finds by itself',
                code="E27",
            )
    return options


def read_input(data: Any, place: str) -> Input:
    """One of `[[tool.harness.inputs]]`: a path or a plan of a search, never both."""
    table = Table(data, Input, place)
    values = table.plain("name", "path", "key", "target", "max_both_faulted") | table.names("keep")
    if values.get("max_both_faulted", 0) < 0:
        raise HarnessError("max_both_faulted is negative", where=place, hint="0 allows none")
    if "name" not in values:
        raise HarnessError("an input source has no name", where=place, hint='add name = "…"')
    check_name(values["name"], "input source", place)
    if "generate" in table.data:
        plan = Table(table.data["generate"], Generate, f"{place}.generate")
        values["generate"] = Generate(**plan.plain("rows", "seconds", "seed"))
        if values["generate"].rows < 1:
            raise HarnessError("a search of no rows", where=f"{place}.generate", hint="set rows to 1 or more")
        positive(values["generate"].seconds, "seconds", plan.place)
        check_seed(values["generate"].seed, plan.place)
    if ("path" in values) == ("generate" in values):
        raise HarnessError(
            f'input source "{values["name"]}" needs either a path or a generate table',
            where=place,
            hint='path = "fixtures/holdout.parquet", or generate = { rows = 2000, seed = 1 }',
        )
    if "generate" in values and values.get("keep"):
        raise HarnessError(
            f'search "{values["name"]}" keeps columns, and has none but those that the versions take',
            where=place,
            hint="leave keep out: it is for tables",
        )
    return Input(**values)
