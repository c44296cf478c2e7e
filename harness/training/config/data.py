"""`[data]`: where the table comes from, and which of its columns are what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config.reading import between, bytes_of, changed, choice, section

KINDS = ("float", "int", "bool", "str", "datetime")
"""Kinds that a feature can have: what a table of text can hold and a pipeline can take."""

FILES = (".csv", ".parquet", ".jsonl")
"""Files that are read, by suffix."""

BEYOND = ("refuse", "sample")
"""What happens to a table that would take more memory than it may."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class MaskSection:
    """`[data.mask]`: cells that are made empty, `share` of each column's, chosen by a hash of salt, column and
    key; so that a table without gaps exercises what a pipeline does with them."""

    columns: tuple[str, ...]
    share: float
    salt: str


@dataclass(frozen=True, slots=True)
class DataSection:
    """One of `path` (relative to the file), `sql` with `url`, or `bundled`; `features` is empty where the table
    decides. `sha256` pins the table's digest, and `snapshots` is the folder that keeps tables by digest. `nullable` are
    features that may be missing in what is asked, though the table has no gap in them ("*": any). `memory_limit` is
    what the table and what is made of it may take ("2 GiB"), and `beyond` what happens where they would take more.
    """

    key: str
    target: str
    path: str = ""
    sql: str = ""
    url: str = ""
    bundled: str = ""
    encoding: str = "utf-8"
    sha256: str = ""
    snapshots: str = ""
    features: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    max_categories: int = 10_000
    drop_missing: tuple[str, ...] = ()
    nullable: tuple[str, ...] = ()
    mask: MaskSection | None = None
    memory_limit: str = ""
    beyond: str = "refuse"
    _folder: Path = Path()

    @property
    def file(self) -> Path:
        """The file that is read, absolute."""
        return self._folder / self.path

    @property
    def as_written(self) -> str:
        """What the table is called where people read it, without anything secret."""
        return self.path or (f"sklearn.datasets.{self.bundled}" if self.bundled else "sql")

    @property
    def where(self) -> str:
        """The place that an error names: the file, or what stands for it."""
        return str(self.file) if self.path else self.as_written

    @property
    def shelf(self) -> Path | None:
        """The folder of the snapshots; a query has one always, since it cannot be read the same way twice."""
        if self.snapshots:
            return self._folder / self.snapshots
        return self._folder / "snapshots" if self.sql else None

    @property
    def most_memory(self) -> int:
        """`memory_limit` in bytes; 0 where there is none."""
        return bytes_of(self.memory_limit, "memory_limit", self.where) if self.memory_limit else 0

    def shaping(self) -> dict[str, Any]:
        """What of this changes the model beyond the digest of the table, as far as it says anything."""
        said = changed(self)
        # a limit decides how many rows are trained on where a sample is allowed, and nothing elsewhere
        sampling = ("memory_limit", "beyond") if self.beyond == "sample" else ()
        return {name: said[name] for name in ("encoding", "drop_missing", "mask", *sampling) if name in said}


def read(table: Mapping[str, Any], folder: Path, where: str) -> DataSection:
    """The section, checked."""
    found = section(DataSection, table, where)
    sources = [name for name in ("path", "sql", "bundled") if getattr(found, name)]
    if len(sources) != 1:
        raise HarnessError(
            f"{' and '.join(sources)} are both given" if sources else '"path" is missing',
            where=where,
            hint="name one source: path = FILE, sql = QUERY with url = ADDRESS, or bundled = load_…",
        )
    if bool(found.sql) != bool(found.url):
        raise HarnessError(
            f'"{"url" if found.sql else "sql"}" is missing',
            where=where,
            hint='a query needs sql = "SELECT … ORDER BY …" and url = "env:NAME" or the address of the database',
        )
    if found.sha256 and not _SHA256.fullmatch(found.sha256):
        raise HarnessError(
            f"sha256 is {found.sha256!r}", where=where, hint="a digest has 64 digits from 0-9 and a-f"
        )
    for name, kind in found.kinds.items():
        if kind not in KINDS:
            raise HarnessError(
                f"{name} has unknown kind {kind!r}", where=where, hint=did_you_mean(str(kind), KINDS)
            )
        if found.features and name not in found.features:
            raise HarnessError(
                f'kinds names "{name}", which is no feature',
                where=where,
                hint=did_you_mean(name, found.features),
            )
    if found.mask is not None:
        between(found.mask.share, 0, 1, "share", f"{where}: mask")
    choice(found.beyond, BEYOND, "beyond", where)
    if found.memory_limit:
        bytes_of(found.memory_limit, "memory_limit", where)
    elif found.beyond == "sample":
        raise HarnessError(
            '"memory_limit" is missing',
            where=where,
            hint='beyond = "sample" needs the limit: memory_limit = "2 GiB"',
        )
    between(found.max_categories, 1, 10_000_000, "max_categories", where)
    return replace(found, _folder=folder)
