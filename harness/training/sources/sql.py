"""A query through SQLAlchemy. Its rows are kept as a snapshot, since a database never promises the same answer twice;
without an explicit order not even the order is, so that such a query is refused.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from harness.errors import Exit, HarnessError
from harness.training.sources.lines import lines_of
from harness.training.sources.memory import check_query

if TYPE_CHECKING:
    from harness.training.config import Config

PART = 10_000
"""Rows that are asked for at once."""


def fetch(config: Config) -> bytes:
    """The rows of the query as JSON Lines."""
    query, where = config.data.sql, f"{config.path}: [data] sql"
    if not ordered(query):
        raise HarnessError(
            "the query has no ORDER BY: its rows could come in any order, and no training could be repeated",
            where=where,
            hint=f"order the whole result: … ORDER BY {config.data.key}",
        )
    try:
        import sqlalchemy
    except ImportError:
        raise HarnessError(
            "SQLAlchemy is not installed",
            where=where,
            hint="add sqlalchemy and the driver of the database to the list that the lock is compiled from, and "
            "compile the lock again",
        ) from None
    parts: list[bytes] = []
    rows = size = 0
    try:
        engine = sqlalchemy.create_engine(_address(config))
        # a part at a time, where the driver can: what is beyond the limit is refused before it is here
        with engine.connect().execution_options(stream_results=True) as connection:
            result = connection.execute(sqlalchemy.text(query))
            names = list(result.keys())
            _check_names(names, where)
            for part in result.partitions(PART):
                parts.append(lines_of(names, part))
                rows, size = rows + len(part), size + len(parts[-1])
                check_query(config.data, rows, len(names), size)
        engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, OSError) as error:
        # the address may hold a password, and so may what the driver says about it: its own words stay out
        raise HarnessError(
            f"the query was not answered: {type(getattr(error, 'orig', None) or error).__name__}",
            where=where,
            hint="check that the database can be reached and that the query runs there; a snapshot needs no "
            "database: pin sha256 under [data]",
            exit=Exit.INCONCLUSIVE,
        ) from None
    if not rows:
        raise HarnessError("the query gives no rows", where=where, hint="check its conditions")
    return b"".join(parts)


def ordered(query: str) -> bool:
    """Whether a query orders its result: an ORDER BY inside brackets, a text or a comment orders nothing.

    >>> ordered("SELECT a FROM (SELECT a FROM t ORDER BY a) AS x"), ordered("SELECT a FROM t -- ORDER BY a")
    (False, False)
    >>> ordered("select a from t order  by a")
    True
    """
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", " ", query, flags=re.DOTALL)
    before = None
    while bare != before:
        before, bare = bare, re.sub(r"\([^()]*\)", " ", bare)
    return re.search(r"\border\s+by\b", bare, re.IGNORECASE) is not None


def _check_names(names: list[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise HarnessError(
                f'the query gives "{name}" twice', where=where, hint="name each column once: … AS …"
            )


def _address(config: Config) -> str:
    url = config.data.url
    if not url.startswith("env:"):
        return url
    found = os.environ.get(url[4:], "")
    if not found:
        raise HarnessError(
            f"the variable {url[4:]} is not set",
            where=f"{config.path}: [data] url",
            hint="set it to the address of the database",
        )
    return found
