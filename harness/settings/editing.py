"""Configuration as text that somebody wrote: changed in one place, everything else left as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.items import AoT

LEFT_OUT = "(left out)"


def without_secrets(text: str, prefixed: bool) -> str:
    """The configuration without what a profile sends as a header; a name of a variable (`env:TOKEN`) is no secret.
    `prefixed`: the configuration is the table [tool.harness] of the text."""
    document = tomlkit.parse(text)
    for profile in _harness(document, prefixed).get("versions", {}).values():
        headers = profile.get("headers", {}) if isinstance(profile, MutableMapping) else {}
        for name in list(headers) if isinstance(headers, MutableMapping) else ():
            if not str(headers[name]).startswith("env:"):
                headers[name] = LEFT_OUT
    return tomlkit.dumps(document)


def with_table(text: str, prefixed: bool, key: str, values: Mapping[str, Any]) -> str:
    """The configuration with one more table at the end of the array of tables `key`; comments, order and spaces of
    everything else stay. ValueError where `key` is written as something else than `[[key]]`."""
    document = tomlkit.parse(text)
    table = tomlkit.table()
    for name, value in values.items():
        table.add(name, value)
    inside = _harness(document, prefixed)
    found = inside.get(key)
    if found is None:
        tables = tomlkit.aot()
        tables.append(table)
        inside[key] = tables
    elif isinstance(found, AoT):
        found.append(table)
    else:
        raise ValueError(f"{key} is no list of tables [[{key}]]")
    return tomlkit.dumps(document)


def with_allowed(text: str, prefixed: bool, profiles: Iterable[str], key: str, value: str) -> str:
    """The configuration with a value at the end of `key` (`allow_pickle` or `allow_types`) of each of these version
    profiles, where it does not stand there yet."""
    document = tomlkit.parse(text)
    versions = _harness(document, prefixed)["versions"]
    for name in profiles:
        allowed = versions[name].setdefault(key, tomlkit.array())
        if value not in allowed:
            allowed.append(value)
    return tomlkit.dumps(document)


def without_harness(text: str) -> str:
    """pyproject.toml without its table [tool.harness]; everything else stays as it stands."""
    document = tomlkit.parse(text)
    tools = document.get("tool", {})
    if "harness" in tools:
        del tools["harness"]
        if not tools:
            del document["tool"]
    return tomlkit.dumps(document)


def one_table(key: str, values: Mapping[str, Any]) -> str:
    """One table of an array of tables as text."""
    return with_table("", False, key, values)


def _harness(document: Any, prefixed: bool) -> Any:
    return document["tool"]["harness"] if prefixed else document
