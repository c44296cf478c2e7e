"""The ledger of the reports' folder: verdicts as they are published, approvals as they are given.

The store does not change by comparing, since a verdict is bound to the tree that the store may lie in. A release
carries these events into the store's ledger. Whoever writes here holds the folder (`tombstone.held`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError
from harness.store import ledger
from harness.store.events import Event
from harness.store.place_folder import Folder

_OF_VERSION = ("spec", "version", "digest", "sha256")


def note_verdict(folder: Path, summary: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Write the verdict, and each waiver that it leans on. Raises HarnessError E53 where that cannot be."""
    channel = str(summary.get("channel", ""))
    files = summary.get("files", {})
    body: dict[str, object] = {
        "run_id": summary["run_id"],
        "verdict": summary["verdict"],
        "reason": summary["reason"],
        "change": summary["change"],
        "result_digest": summary.get("result_digest", ""),
        "rules_digest": summary.get("rules_digest", ""),
        "commit": summary.get("commit", ""),
        "tree": summary.get("tree", ""),
        "planned": summary.get("planned"),
        "compared": summary.get("compared"),
        "holdouts": {
            source["name"]: str(files.get(source["where"], "")) if isinstance(files, Mapping) else ""
            for source in result.get("sources", ())
            if source["kind"] == "table" and source["labelled"]
        },
    }
    for side in ("baseline", "candidate"):
        version = summary.get(side) or {}
        body[side] = {name: version.get(name, "") for name in _OF_VERSION}
    model = str(summary["model"])
    leaned = {name for rule in result.get("rules", ()) for name in rule.get("waivers", ())}
    noted = [ledger.event("verdict", model, channel, body)]
    for waiver in result.get("waivers", ()):
        if waiver["name"] in leaned:
            told = {"run_id": summary["run_id"], **_plain(waiver)}
            noted.append(ledger.event("waiver", model, channel, told))
    append(folder, noted)


def events(folder: Path, model: str) -> list[Event]:
    """What is noted of a model in the reports' folder, oldest first. E46 where the ledger is broken."""
    chain, _ = ledger.read(Folder(folder))
    return [one for one in chain.events if one.model == model]


def append(folder: Path, found: Sequence[Event]) -> None:
    """Write events at the end. Raises HarnessError E53 where that cannot be, E46 where the ledger is broken."""
    place = Folder(folder)
    try:
        ledger.append(place, found)
    except OSError as error:
        raise HarnessError(
            f"report not written: {error.strerror or error}",
            where=place.where(ledger.FILE),
            hint="make room, or choose another folder",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        ) from None


def _plain(waiver: Mapping[str, Any]) -> dict[str, object]:
    return {str(name): value for name, value in waiver.items() if isinstance(value, str | int | float | bool)}
