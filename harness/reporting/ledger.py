"""The ledger as a page: who decided what and when, newest first, and how often each holdout has judged.

A pure function of plain events; whatever stands in them was written by others and is text here, never markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.reporting.numbers import number
from harness.reporting.text import clean

EVENTS = 500
"""Events that the page shows, the newest; `harness ledger` has all of them."""

FILE = "ledger.html"

_TONES = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "unsure"}
_ICONS = {"pass": "✔", "fail": "✖", "unsure": "?", "note": "•"}
_WORDS = {
    "verdict": "Verdict",
    "waiver": "Waiver",
    "approval": "Approval",
    "release": "Release",
    "promotion": "Promotion",
    "rollback": "Rollback",
    "rebase": "Re-based",
    "void": "Taken back",
}

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventView:
    """One event in words. `kept`: it stands in the store, not in the reports' folder alone."""

    anchor: str
    at: str
    kind: str
    tone: str
    icon: str
    what: str
    reason: str
    who: str
    model: str
    channel: str
    run: str
    digest: str
    kept: bool


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The whole page. `trouble`: why the ledger cannot be read; then there are no events."""

    title: str
    trouble: str
    sentence: str
    counts: tuple[tuple[str, str], ...]
    holdouts: tuple[tuple[str, str], ...]
    events: tuple[EventView, ...]
    more: str


def page(told: Sequence[Told], judged: Mapping[str, int], trouble: str = "") -> LedgerView:
    """The page of these events, oldest first as they are told; `judged` says how often each holdout has judged."""
    kinds = Counter(str(one.get("kind", "")) for one in told)
    models = sorted({clean(one.get("model", ""), 100) for one in told} - {""})
    shown = [_event(one) for one in reversed(told)][:EVENTS]
    more = len(told) - len(shown)
    loose = sum(not one.get("kept") for one in told)
    words = f"{number(len(told))} {'event' if len(told) == 1 else 'events'}, newest first."
    if loose:
        words += (
            f" {number(loose)} of them stand in the reports’ folder until the next release carries them over."
        )
    return LedgerView(
        title=f"Ledger of {', '.join(models)}" if models else "Ledger",
        trouble=clean(trouble, 1000),
        sentence="" if trouble else words,
        counts=tuple(
            (_WORDS.get(kind, clean(kind, 40)), number(count)) for kind, count in sorted(kinds.items())
        ),
        holdouts=tuple((clean(name, 120), number(count)) for name, count in sorted(judged.items())),
        events=tuple(shown),
        more=f"…and {number(more)} older: harness ledger prints all of them" if more > 0 else "",
    )


def _event(one: Told) -> EventView:
    kind = str(one.get("kind", ""))
    body = one.get("body")
    said: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    verdict = str(said.get("verdict", "")) if kind == "verdict" else ""
    tone = _TONES.get(verdict, "note")
    digest = clean(one.get("digest", ""), 80)
    return EventView(
        anchor=f"event-{digest[:16]}" if digest[:16].isalnum() else "",
        at=clean(one.get("at", ""), 40).replace("T", " ").replace("+00:00", " UTC"),
        kind=_WORDS.get(kind, clean(kind, 40)),
        tone=tone,
        icon=_ICONS[tone],
        what=_what(kind, verdict, said),
        reason=clean(said.get("reason", ""), 400),
        who=clean(one.get("by", ""), 100),
        model=clean(one.get("model", ""), 100),
        channel=clean(one.get("channel", ""), 60),
        run=clean(said.get("run_id", ""), 60),
        digest=digest,
        kept=bool(one.get("kept")),
    )


def _what(kind: str, verdict: str, said: Mapping[str, Any]) -> str:
    if kind == "verdict":
        old, new = (_version(said.get(side)) for side in ("baseline", "candidate"))
        return " ".join(part for part in (clean(verdict, 40), f"{old} → {new}" if old or new else "") if part)
    if kind == "waiver":
        until = f" until {clean(said['until'], 20)}" if said.get("until") else ""
        return f"{clean(said.get('name', ''), 80)}: {clean(said.get('rule', ''), 80)}{until}"
    return _version(said.get("candidate")) or _version(said)


def _version(said: Any) -> str:
    """A version's number and the first digits of its wheel, as far as they are told."""
    if not isinstance(said, Mapping):
        return clean(said or "", 16)
    sha256 = str(said.get("sha256", ""))
    number_of = clean(said.get("version") or said.get("spec") or "", 60)
    return (
        f"{number_of} ({clean(sha256, 200)[:12]})" if sha256 and number_of else number_of or clean(sha256, 12)
    )
