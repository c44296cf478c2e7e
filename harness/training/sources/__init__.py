"""Where training data come from: files, a query, scikit-learn's bundled sets. Each gives one `Table`, as it was
written, with the digest of what was read; a pinned digest is read from the snapshots and nowhere else.
"""

from __future__ import annotations

from harness.errors import Exit, HarnessError
from harness.training.config import Config
from harness.training.sources import bundled, snapshot, sql, text
from harness.training.sources.table import Table

__all__ = ["Table", "read_table"]


def read_table(config: Config) -> Table:
    """The table of a configuration. Raises HarnessError that names the source, and E46 where a pinned digest is
    not what is found."""
    data = config.data
    kept = snapshot.find(data.shelf, data.sha256) if data.shelf and data.sha256 else None
    if kept is not None:
        suffix, content = kept.suffix, snapshot.read(kept, data.sha256)
    elif data.path:
        suffix, content = data.file.suffix, text.content_of(data.file)
    else:
        suffix, content = ".jsonl", sql.fetch(config) if data.sql else bundled.fetch(data)
    table = text.parse(content, suffix, config)
    if data.sha256 and table.sha256 != data.sha256:
        raise HarnessError(
            f"digest mismatch: expected {data.sha256[:12]}, got {table.sha256[:12]}",
            where=data.where,
            hint="these are other data than the configuration pins: bring the old ones back, or change sha256",
            code="E46",
            exit=Exit.STORE,
        )
    if data.shelf and kept is None:
        snapshot.keep(data.shelf, suffix, content)
    return table
