"""The manifest of a version package: what a version takes and gives, and what it was made from.

A version package is an installable wheel that holds one import package with `manifest.json` in it. Any producer
can write one; the training pipeline that ships with the harness is one such producer and meets the harness here
and nowhere else. The format carries a version number, and a newer one is refused untouched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import Exit, HarnessError, did_you_mean
from harness.schema import Schema
from harness.settings import PASS_AS

FORMAT = 1
FILE = "manifest.json"
TASKS = ("regression", "classification")

_REQUIRED = ("format", "name", "version", "task", "entry", "inputs", "outputs", "python", "lock", "files")
_OPTIONAL = (
    "data",
    "configuration",
    "code",
    "seeds",
    "metrics",
    "evaluation",
    "training_noise",
    "machine",
    "libraries",
    "pass_as",
    "errors",
    "model",
)
_TEXTS = ("name", "version", "entry", "python", "machine", "errors")
_TABLES = (
    "lock", "files", "data", "configuration", "code", "seeds", "metrics", "evaluation", "libraries", "model",
)  # fmt: skip
_DIGESTS = ("lock", "files", "libraries")


@dataclass(frozen=True, slots=True)
class Manifest:
    """`manifest.json`, checked.

    `entry` is `package.module:function`; `files` maps each file of the import package (the manifest itself left
    out) to its sha256; `lock` is `{"file": path in the package, "sha256": …}`; `python` the version it was
    trained with; `evaluation` what else the producer measured; `machine` the processor architecture. `data`,
    `configuration` each hold a `sha256` (of the
    training data; of the configuration without its version number); `training_noise` the share of held-out rows
    that another seed alone moves by over 1%; `pass_as` what the entry takes: a "frame" (the default), "records" or
    an "array"; `errors` the column of an answer that says why a row has none ("": there is no such column); `model`
    how the model is kept: its `file`, the `format` of it, and whatever else the package needs to open it.
    """

    name: str
    version: str
    task: str
    entry: str
    inputs: Schema
    outputs: Schema
    python: str
    lock: Mapping[str, str]
    files: Mapping[str, str]
    data: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    training_noise: float | None = None
    machine: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)
    pass_as: str = ""
    errors: str = ""
    model: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | bytes, where: str = FILE) -> Manifest:
        """A manifest from its JSON text; raises HarnessError that names what is wrong and where."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise HarnessError(
                f"the manifest is no JSON: {error}",
                where=where,
                hint="build the package again, e.g. with harness train",
                exit=Exit.STORE,
            ) from None
        if not isinstance(data, dict):
            raise HarnessError("the manifest is no JSON object", where=where, hint="build the package again")
        found = data.get("format", FORMAT)
        if type(found) is not int or found < 1:
            raise HarnessError(
                f"version package format {found!r} is none", where=where, hint=f"this harness reads {FORMAT}"
            )
        if found > FORMAT:
            raise HarnessError(
                f"version package format {found} is newer than {FORMAT}",
                where=where,
                hint="upgrade pytest-model-harness",
                code="E51",
            )
        for key in data:
            if key not in _REQUIRED + _OPTIONAL:
                raise HarnessError(
                    f'unknown key "{key}" in the manifest',
                    where=where,
                    hint=did_you_mean(key, _REQUIRED + _OPTIONAL),
                )
        for key in _REQUIRED:
            if key not in data:
                raise HarnessError(
                    f'the manifest lacks "{key}"',
                    where=where,
                    hint="docs/version-package.md lists what a manifest holds",
                )
        _check_types(data, where)
        if data["task"] not in TASKS:
            raise HarnessError(
                f"unknown task {data['task']!r}", where=where, hint=did_you_mean(str(data["task"]), TASKS)
            )
        if data.get("pass_as", "frame") not in PASS_AS:
            raise HarnessError(
                f"unknown pass_as {data['pass_as']!r}",
                where=where,
                hint=did_you_mean(str(data["pass_as"]), PASS_AS),
            )
        values = {key: value for key, value in data.items() if key != "format"}
        values["inputs"] = Schema.parse(data["inputs"], f"{where}: inputs")
        values["outputs"] = Schema.parse(data["outputs"], f"{where}: outputs")
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """The JSON form, in a fixed order of keys."""
        data: dict[str, Any] = {"format": FORMAT}
        for key in (*_REQUIRED[1:], *_OPTIONAL):
            value = getattr(self, key)
            if isinstance(value, Schema):
                value = value.to_json()
            elif isinstance(value, Mapping):
                value = dict(value)
            if value not in (None, {}, ""):
                data[key] = value
        data.setdefault("outputs", [])
        return data

    def dump(self) -> str:
        """The text of `manifest.json`: the same bytes for the same manifest."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n"

    @property
    def artifact(self) -> str:
        """sha256 over the package's files and entry point: what the version *is*, its number left out."""
        return digest({"files": dict(self.files), "entry": self.entry})


def _check_types(data: Mapping[str, Any], where: str) -> None:
    def wrong(key: str, wanted: str) -> HarnessError:
        return HarnessError(
            f'"{key}" in the manifest is no {wanted}: {data[key]!r:.80}',
            where=where,
            hint="docs/version-package.md lists what a manifest holds",
        )

    for key in (*_TEXTS, *_TABLES):
        if key in data and not isinstance(data[key], str if key in _TEXTS else dict):
            raise wrong(key, "text" if key in _TEXTS else "table")
    for key in _DIGESTS:
        if not all(isinstance(value, str) for value in data.get(key, {}).values()):
            raise wrong(key, "table of texts")
    for key in ("data", "configuration"):
        if not isinstance(data.get(key, {}).get("sha256", ""), str):
            raise wrong(key, "table with a sha256")
    noise = data.get("training_noise")
    if noise is not None and (isinstance(noise, bool) or not isinstance(noise, int | float)):
        raise wrong("training_noise", "number")


def digest(data: Any) -> str:
    """sha256 of canonical JSON (sorted keys, no spaces), as 64 hexadecimal digits.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
