"""The record of a run, and the files that say it: `report.json` first, everything else made from it.

The record has a deterministic part `result`, which is digested, and a part `run` (times, machine). Every other file
is a function of the record alone, so that rendering again gives the same bytes. Nothing here judges.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from math import isfinite, isnan
from pathlib import Path
from typing import Any, Protocol

from harness import files
from harness.errors import Exit, HarnessError
from harness.registry import Registry

SCHEMA_VERSION = 1
"""Version of `report.json` and `verdict.json`; its JSON Schema is `report.schema.json` beside this file."""

FILE = "report.json"

_OF_VERSIONS = ("spec", "version", "digest", "sha256")
_OF_RULES = ("name", "inputs", "status", "measured", "limit", "violations", "compared")
# no report of an earlier run may lie beside the verdict of this one
_STALE = ("report.html", "report/index.html", "summary.md")


class Reporter(Protocol):
    """Writes a record in one more form.

    `write` returns the files that it wrote below `folder`, and raises whatever went wrong: the run is then
    INCONCLUSIVE (E53). The record is strict JSON: NaN and infinities are the strings "NaN", "Infinity", "-Infinity".
    """

    def write(self, record: Mapping[str, Any], folder: Path) -> list[Path]:
        """Write below `folder`; only the record may decide what is written."""
        ...


REGISTRY: Registry[Any] = Registry(
    "reporter",
    {
        "html": "harness.reporting.html:HtmlReporter",
        "markdown": "harness.reporting.markdown:MarkdownReporter",
    },
    needs=("write",),
)
"""Reporters by name. An entry is an object with `write`, or a class that makes one when called without arguments."""


def compose(result: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The record: what a machine asks for first at the top, the whole `result` and `run` at the end."""
    result, run = jsonable(result), jsonable(run)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run["run_id"],
        **{
            name: result[name]
            for name in ("verdict", "exit", "headline", "reason", "next", "change", "model")
        },
        **{
            side: {name: result[side].get(name, "") for name in _OF_VERSIONS}
            for side in ("baseline", "candidate")
        },
        **{name: result[name] for name in ("planned", "compared", "accounting")},
        "rules": [{name: rule[name] for name in _OF_RULES} for rule in result["rules"]],
        "faults": result["faults"],
        "result_digest": result_digest(result),
        "result": result,
        "run": run,
    }


def summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """What `verdict.json` holds: the record without `result` and `run`."""
    return {name: value for name, value in record.items() if name not in ("result", "run")}


def result_digest(result: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of `result`: sorted keys, no spaces; the same after a round trip.

    >>> result_digest({"a": 1, "b": float("nan")}) == result_digest({"b": "NaN", "a": 1})
    True
    """
    text = json.dumps(
        jsonable(result), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def jsonable(value: Any) -> Any:
    """`value` as strict JSON: numbers that are none become strings, tuples lists, bytes hexadecimal.

    >>> jsonable({"x": (1, float("-inf")), 2: b"\\x00"})
    {'x': [1, '-Infinity'], '2': '0x00'}
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # half of a surrogate pair cannot be written as UTF-8
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if isfinite(value):
            return float(value)
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {jsonable(str(name)): jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((jsonable(item) for item in value), key=repr)
    if isinstance(value, bytes | bytearray):
        return "0x" + value.hex()
    if callable(getattr(value, "isoformat", None)):
        return value.isoformat()
    if type(value).__name__ in ("Decimal", "Fraction", "UUID", "timedelta", "Told"):
        return str(value)
    if callable(getattr(value, "item", None)):
        # a numpy scalar, without importing numpy
        plain = value.item()
        return jsonable(plain) if type(plain) is not type(value) else f"<{type(value).__name__}>"
    return f"<{type(value).__name__}>"


def write_all(record: Mapping[str, Any], folder: Path) -> None:
    """`report.json` first, then every reporter. Raises HarnessError E53; what was written of `report.json` stays."""
    try:
        for name in _STALE:
            (folder / name).unlink(missing_ok=True)
        files.write_json(folder / FILE, record)
    except (OSError, ValueError) as error:
        raise _not_written(FILE, folder, error) from error
    _write_others(record, folder)


def render_again(folder: Path) -> list[Path]:
    """Every other report again from `report.json`; the paths written. Raises HarnessError E53."""
    return _write_others(read(folder), folder)


def read(folder: Path, name: str = FILE) -> dict[str, Any]:
    """The record in `folder`, in the file of this name; HarnessError where it is missing, unreadable, newer than
    this harness or altered."""
    path = folder / name
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _unreadable("there is no report", path) from None
    except (OSError, ValueError) as error:
        raise _unreadable(f"the report cannot be read: {type(error).__name__}", path) from error
    version = record.get("schema_version") if isinstance(record, dict) else None
    if not isinstance(version, int):
        raise _unreadable("the report has no schema_version", path)
    if version > SCHEMA_VERSION:
        raise HarnessError(
            f"the report has schema_version {version}; this harness reads up to {SCHEMA_VERSION}",
            where=str(path),
            hint="use the harness that wrote it, or a newer one",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        )
    try:
        whole = compose(record["result"], record["run"]) == record
    except (KeyError, TypeError, AttributeError) as error:
        raise _unreadable(f"the report is incomplete: {error}", path) from error
    if not whole:
        raise _unreadable("the report was altered after it was written", path)
    return dict(record)


def _write_others(record: Mapping[str, Any], folder: Path) -> list[Path]:
    written: list[Path] = []
    for name in REGISTRY:
        try:
            item = REGISTRY[name]
            reporter: Reporter = item() if isinstance(item, type) else item
            written += reporter.write(record, folder)
        except Exception as error:
            # the verdict is about to change: a page that says otherwise must not stay
            for path in written:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise _not_written(name, folder, error) from error
    return written


def _not_written(name: str, folder: Path, error: Exception) -> HarnessError:
    words = (getattr(error, "strerror", None) or str(error)).partition("\n")[0]
    return HarnessError(
        f"report not written: {name}: {type(error).__name__}: {words}",
        where=str(folder),
        hint=f"mend that, then run the comparison again; what was judged is in {FILE}, if there was room for it",
        code="E53",
        exit=Exit.INCONCLUSIVE,
    )


def _unreadable(words: str, path: Path) -> HarnessError:
    return HarnessError(
        words,
        where=str(path),
        hint="run pytest --compare-to=previous -m differential: it writes the report",
        code="E53",
        exit=Exit.INCONCLUSIVE,
    )
