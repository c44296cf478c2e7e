"""Answers already given: `recorded:PATH`, a table with a key and one column for each output."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.errors import HarnessError
from harness.settings import Settings
from harness.versions.version import Version

SUFFIXES = (".parquet", ".csv", ".jsonl")


class RecordedSource:
    """What somebody answered elsewhere: another system, another language, a model that nobody can run any more."""

    def resolve(self, spec: str, settings: Settings) -> Version:
        """The file and its digest. A search is refused, since nobody is there to answer it."""
        path = settings.root / spec
        if not path.is_file() or path.suffix not in SUFFIXES:
            raise HarnessError(
                f"no file {spec}" if not path.is_file() else f"{spec} is no table that is read",
                where=f"recorded:{spec}",
                hint=f"name a file that ends with {', '.join(SUFFIXES)}, relative to the configuration file",
            )
        searches = [item.name for item in settings.inputs if item.generate is not None]
        if searches:
            raise HarnessError(
                f"recorded answers cannot answer the search {searches[0]}",
                where=f"recorded:{spec}",
                hint="use a configuration without searches for it: --compare-config=FILE",
            )
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        keys = sorted({item.key for item in settings.inputs if item.key})
        return Version(
            spec=f"recorded:{spec}",
            kind="recorded",
            name=settings.model,
            version=Path(spec).name,
            location=str(path),
            why=f"recorded answers, by {' or '.join(keys) if keys else 'row number'}",
            sha256=sha256,
            keys=tuple(keys),
        )
