"""From the configuration to the place that it names: a folder, or object storage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError
from harness.files import cache_folder
from harness.settings import Settings
from harness.store.place import Place
from harness.store.place_folder import Folder
from harness.store.place_objects import Objects

LOCAL = ("file", "local")


def open_place(settings: Settings) -> Place:
    """Where the store of this configuration lies. Nothing is read or written yet, and no library is loaded.

    E27 for an address that is none, E47 for an option whose environment variable is not set.
    """
    address = settings.store
    protocol, separator, rest = address.partition("://")
    place = f"store = {address}"
    if not separator or protocol in LOCAL:
        if settings.store_options:
            raise _refused(
                "store_options are for object storage, and the store is a folder", place, "remove them"
            )
        if separator and not rest.startswith("/"):
            raise _refused("the store is no absolute path", place, "write file:///path, or the path alone")
        return Folder(Path(rest) if separator else settings.root / address)
    if "::" in address:
        raise _refused(
            "the store is an address of several layers",
            place,
            "name the storage alone: a layer between would answer for it; copies are kept by the harness itself",
        )
    if "@" in rest.partition("/")[0]:
        # not repeated: it may hold a password
        raise _refused(
            "the store's address holds credentials",
            f"store = {protocol}://…",
            "leave them to the library's own means, or to store_options with env:NAME",
        )
    if protocol == "memory":
        raise _refused(
            "a store in memory ends with the process", place, "name a folder, or storage that stays"
        )
    if not rest.strip("/"):
        raise _refused("the store's address names no bucket", place, f"{protocol}://bucket/prefix")
    options = _from_environment(settings.store_options, "store_options")
    return Objects(address.rstrip("/"), cache_folder() / "store", options)


def _from_environment(value: Any, place: str) -> Any:
    """`env:NAME`, at any depth, as what the variable holds."""
    if isinstance(value, Mapping):
        return {key: _from_environment(item, f"{place}.{key}") for key, item in value.items()}
    if not isinstance(value, str) or not value.startswith("env:"):
        return value
    variable = value.removeprefix("env:")
    if variable not in os.environ:
        raise HarnessError(
            f"the store needs the environment variable {variable}",
            where=place,
            hint=f"set {variable}, or leave the option to what the library finds by itself",
            code="E47",
            exit=Exit.STORE,
        )
    return os.environ[variable]


def _refused(words: str, place: str, hint: str) -> HarnessError:
    return HarnessError(words, where=place, hint=hint, code="E27")
