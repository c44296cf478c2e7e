"""Where training data come from: files, a query, scikit-learn's bundled sets. Each gives one `Table`, as it was
written, with the digest of what was read; a pinned digest is read from the snapshots and nowhere else.

How much memory a table takes is estimated before it is read.
"""

from __future__ import annotations

from harness.errors import Exit, HarnessError
from harness.training.config import Config
from harness.training.sources import bundled, content, memory, snapshot, sql, text
from harness.training.sources.content import Content
from harness.training.sources.table import Asked, Table

__all__ = ["Table", "read_table"]


def read_table(config: Config) -> Table:
    """The table of a configuration. Raises HarnessError that names the source, E46 where a pinned digest is not what
    is found, and E75 where training would take more memory than is allowed."""
    data = config.data
    kept = snapshot.find(data.shelf, data.sha256) if data.shelf and data.sha256 else None
    found = _found(config) if kept is None else content.of_file(kept)
    # before anything else is done with it: a digest of what is too large takes its time too
    asked = memory.within(config, found, _asked(config))
    found = found.digested()
    if data.sha256 and found.sha256 != data.sha256:
        raise HarnessError(
            f"digest mismatch: expected {data.sha256[:12]}, got {found.sha256[:12]}",
            where=str(kept or data.where),
            hint="the snapshot is damaged: bring it back from version control or a backup"
            if kept
            else "these are other data than the configuration pins: bring the old ones back, or change sha256",
            code="E46",
            exit=Exit.STORE,
        )
    table = text.parse(found, asked, config)
    if data.shelf and kept is None:
        snapshot.keep(data.shelf, found)
    return table


def _found(config: Config) -> Content:
    data = config.data
    if data.path:
        return content.of_file(data.file)
    return content.of_bytes(sql.fetch(config) if data.sql else bundled.fetch(data), ".jsonl")


def _asked(config: Config) -> Asked:
    """The columns that the configuration names, or all where the table decides."""
    names = None
    if config.features:
        named = (config.key, config.target, config.split.group, config.split.time, *config.features)
        names = frozenset(name for name in named if name)
    # a salt that is no split's: rows that are held out are as many among those of a sample as elsewhere
    return Asked(names, config.key, f"{config.split.salt}\0sample")
