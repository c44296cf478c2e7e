"""The ledger as people and auditors read it: the store's events, and those of the reports' folder that no release has
carried over yet. Plain data, whatever they are written as.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.run import tombstone
from harness.settings import Settings
from harness.store import catalogue, ledger, open_place
from harness.store.events import Event
from harness.store.place_folder import Folder

COLUMNS = (
    "at",
    "kind",
    "model",
    "channel",
    "version",
    "by",
    "verdict",
    "reason",
    "candidate",
    "run_id",
    "digest",
)
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def events(settings: Settings, folder: Path) -> list[dict[str, Any]]:
    """Every event, oldest first, with its digest and whether it is `kept` in the store. E46 where one is broken."""
    place = open_place(settings)
    chain = ledger.checked(place, catalogue.read(place))
    carried = {one.origin for one in chain.events if one.origin}
    here, _ = ledger.read(Folder(folder))
    found = [_plain(one, True) for one in chain.events]
    return found + [_plain(one, False) for one in here.events if one.digest not in carried]


def runs_needed(settings: Settings, folder: Path) -> set[str]:
    """The runs that the present verdict, an approval or a release rests on. E46 where a ledger is broken."""
    results = {one.evidence for one in catalogue.read(open_place(settings)).releases}
    told = events(settings, folder)
    needed = {str(one["body"].get("run_id")) for one in told if one["kind"] == "approval"}
    needed |= {
        str(one["body"].get("run_id"))
        for one in told
        if one["kind"] == "verdict" and one["body"].get("result_digest") in results
    }
    with contextlib.suppress(HarnessError):
        needed.add(str(tombstone.read(folder).get("run_id")))
    return needed


def judged(told: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How often each labelled table has judged, by name and the first digits of its digest: the more often, the less it
    is a holdout still."""
    counts: Counter[str] = Counter()
    for one in told:
        if one["kind"] == "verdict":
            for name, sha256 in one["body"].get("holdouts", {}).items():
                counts[f"{name} ({sha256[:12]})" if sha256 else name] += 1
    return dict(sorted(counts.items()))


def as_json(told: Sequence[Mapping[str, Any]]) -> str:
    """One JSON document: the events, and how often each holdout has judged."""
    return (
        json.dumps({"format": 1, "events": list(told), "judged": judged(told)}, indent=1, ensure_ascii=False)
        + "\n"
    )


def as_csv(told: Sequence[Mapping[str, Any]]) -> str:
    """One row an event. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in told:
        writer.writerow([_cell(value) for value in row(one)])
    return text.getvalue()


def row(one: Mapping[str, Any]) -> list[str]:
    """An event as COLUMNS have it."""
    body = one["body"]
    candidate = body.get("candidate", body.get("sha256", ""))
    version = candidate.get("version", "") if isinstance(candidate, Mapping) else body.get("version", "")
    digest = candidate.get("sha256", "") if isinstance(candidate, Mapping) else candidate
    values = {
        **{name: one[name] for name in ("at", "kind", "model", "channel", "by", "digest")},
        "version": version,
        "verdict": body.get("verdict", ""),
        "reason": body.get("reason", ""),
        "candidate": digest,
        "run_id": body.get("run_id", ""),
    }
    return [str(values[name]) for name in COLUMNS]


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(_RISKY) else value


def _plain(event: Event, kept: bool) -> dict[str, Any]:
    names = ("kind", "at", "by", "model", "channel")
    told: dict[str, Any] = {name: getattr(event, name) for name in names}
    return {**told, "body": dict(event.body), "digest": event.digest, "kept": kept}
