"""Rules as a report shows them, the worst first, each with its worst slices."""

from __future__ import annotations

from dataclasses import dataclass

from harness.reporting.numbers import number
from harness.reporting.text import clean
from harness.reporting.tones import ICONS, RANK, TONES, Record, anchor

PARTS = 20
"""Slices of a rule that the page shows; `report.json` has all."""


@dataclass(frozen=True, slots=True)
class PartView:
    """One slice of a rule: how many of its rows violate."""

    name: str
    status: str
    tone: str
    icon: str
    measured: str
    limit: str


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule on one source, judged."""

    anchor: str
    name: str
    inputs: str
    output: str
    status: str
    tone: str
    icon: str
    says: str
    measured: str
    limit: str
    reason: str
    counts: str
    worst: str
    chosen: str
    owner: str
    justified: str
    cases: str
    evidence: str
    until: str
    parts: tuple[PartView, ...]


def rule_view(one: Record, beside: Record | None = None) -> RuleView:
    """`beside`: what was measured of how the versions run, which is no part of the result."""
    status = clean(one["status"])
    if one["severity"] != "fail" and status in ("FAIL", "INCONCLUSIVE"):
        status = "WARN"
    tone = "note" if status in ("WARN", "REPORTED") else TONES.get(status, "unsure")
    counts = f"{number(one['compared'])} compared"
    if one["both_nan"]:
        counts += f", {number(one['both_nan'])} without a number on both sides"
    if one.get("ties"):
        counts += f", {number(one['ties'])} ties of the baseline excepted"
    if beside is not None:
        pairs = beside.get("pairs", 0)
        counts = f"{number(pairs)} {'pair' if pairs == 1 else 'pairs'} measured" if pairs else "not measured"
    return RuleView(
        anchor=anchor("rule", one["inputs"], one["name"]),
        name=clean(one["name"], 100),
        inputs=clean(one["inputs"], 100),
        output=clean(one["output"], 100),
        status=status,
        tone=tone,
        icon=ICONS[tone],
        says=clean(one["says"]),
        measured=clean((beside or one)["measured"]),
        limit=clean(one["limit"]),
        reason=clean(one["reason"], 600),
        counts=counts,
        worst=clean(one["worst_key"], 60),
        chosen=clean(one["chosen"]),
        owner=clean(one["owner"]),
        justified=clean(one["justified"]),
        cases=_chosen_cases(one),
        evidence=clean(one.get("evidence", "")),
        until=clean(one.get("until", "")),
        parts=tuple(_part(part) for part in _worst_parts(one)),
    )


def _chosen_cases(one: Record) -> str:
    """Which cases it judges, where these are not all."""
    words = f"cases with {clean(one['where'])}" if one.get("where") else ""
    if one.get("replaces"):
        words += f"{', ' if words else ''}in place of {clean(one['replaces'], 100)}"
    return words


def _worst_parts(one: Record) -> list[Record]:
    """The worst slices of a rule, FAIL first, then by the share of rows that violate; at most `PARTS`."""

    def place(part: Record) -> tuple[int, float]:
        share = part["violations"] / part["compared"] if part["compared"] else 0.0
        return RANK.get(part["status"], 2), -share

    return sorted(one.get("slices", []), key=place)[:PARTS]


def _part(part: Record) -> PartView:
    tone = TONES.get(part["status"], "unsure")
    return PartView(
        clean(part["name"], 100),
        clean(part["status"]),
        tone,
        ICONS[tone],
        f"{number(part['violations'])} of {number(part['compared'])}",
        number(part["limit"]),
    )
