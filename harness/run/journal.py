"""The ledger of the reports' folder: verdicts as they are published, approvals as they are given.

The store does not change by comparing, since a verdict is bound to the tree that the store may lie in. A release
carries these events into the store's ledger. Whoever writes here holds the folder (`tombstone.held`).

The ledger is written before `verdict.json`, which names the head that it had then: a line that was edited afterwards is
noticed, the last one too. A run that was killed between the two has an event and no verdict; the event counts for
nothing, and the next run voids it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError
from harness.run import tombstone
from harness.store import ledger
from harness.store.events import Chain, Event, Head
from harness.store.place_folder import Folder

_OF_VERSION = ("spec", "version", "digest", "sha256")


def begin(folder: Path, run_id: str) -> None:
    """Write INCOMPLETE into `verdict.json`, with the ledger's head; events of a run that was killed before its verdict
    are voided. Raises HarnessError E53. A ledger that is broken is left to the verdict, which says so."""
    before = _standing(folder)
    unfinished = before.get("verdict") == "INCOMPLETE"
    tombstone.begin(folder, run_id, str(before.get("ledger", "")) if unfinished else "")
    try:
        chain, _ = ledger.read(Folder(folder))
        if cut_off := _unpublished(chain, before):
            chain = append(folder, [_void(one) for one in cut_off])
    except HarnessError as error:
        if error.code == "E46":
            return
        raise
    tombstone.begin(folder, run_id, str(chain.head))


def note_verdict(folder: Path, summary: Mapping[str, Any], result: Mapping[str, Any]) -> Head:
    """Write the verdict, and each waiver that it leans on; returns where the ledger stands then. Raises HarnessError
    E53 where that cannot be, E46 where the ledger is broken."""
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
    return append(folder, noted).head


def check_noted(folder: Path, verdict: Mapping[str, Any]) -> str:
    """What is wrong with the ledger beside a verdict: nothing where it holds the head that it had when the verdict was
    written, and tells of that verdict. E46 where it is broken."""
    chain, _ = ledger.read(Folder(folder))
    try:
        head = Head.parse(str(verdict["ledger"]))
    except ValueError as error:
        return str(error)
    if not head.events or not chain.holds(head):
        return "the ledger beside the verdict is not the one that was written with it"
    told = [one.body for one in chain.events[: head.events] if one.kind == "verdict"]
    same = ("run_id", "verdict", "result_digest", "tree")
    if not told or any(told[-1].get(name) != verdict[name] for name in same):
        return "the ledger beside the verdict tells of another one"
    return ""


def events(folder: Path, model: str) -> list[Event]:
    """What is noted of a model in the reports' folder and counts, oldest first. E46 where the ledger is broken."""
    chain, _ = ledger.read(Folder(folder))
    void = {one.body.get("of") for one in chain.events if one.kind == "void"}
    void |= {one.digest for one in _unpublished(chain, _standing(folder))}
    return [
        one for one in chain.events if one.model == model and one.kind != "void" and one.digest not in void
    ]


def append(folder: Path, found: Sequence[Event]) -> Chain:
    """Write events at the end. Raises HarnessError E53 where that cannot be, E46 where the ledger is broken."""
    place = Folder(folder)
    try:
        return ledger.append(place, found)
    except OSError as error:
        raise HarnessError(
            f"report not written: {error.strerror or error}",
            where=place.where(ledger.FILE),
            hint="make room, or choose another folder",
            code="E53",
            exit=Exit.INCONCLUSIVE,
        ) from None


def _standing(folder: Path) -> Mapping[str, Any]:
    try:
        return tombstone.read(folder)
    except HarnessError:
        return {}


def _unpublished(chain: Chain, verdict: Mapping[str, Any]) -> list[Event]:
    """Verdicts that were noted and never published: all since the run began whose verdict is INCOMPLETE."""
    try:
        began = Head.parse(str(verdict.get("ledger"))).events
    except ValueError:
        return []  # written before there were heads in it, or beside a broken ledger, which nothing is read from
    if verdict.get("verdict") != "INCOMPLETE":
        return []
    void = {one.body.get("of") for one in chain.events if one.kind == "void"}
    return [
        one for one in chain.events[began:] if one.kind in ("verdict", "waiver") and one.digest not in void
    ]


def _void(one: Event) -> Event:
    return ledger.event("void", one.model, one.channel, {"of": one.digest, "reason": "run not finished"})


def _plain(waiver: Mapping[str, Any]) -> dict[str, object]:
    return {str(name): value for name, value in waiver.items() if isinstance(value, str | int | float | bool)}
