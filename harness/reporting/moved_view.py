"""How far answers moved, and the loss of both versions, as a report shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.reporting.charts import Curve, Histogram, Interval, curve, histogram, interval
from harness.reporting.numbers import as_float, number, percent, signed
from harness.reporting.text import clean
from harness.reporting.tones import ICONS, TONES, Record

MOVED = 20
"""Outputs whose movement the page draws, those that moved most; `report.json` has all of them."""


@dataclass(frozen=True, slots=True)
class QualityView:
    """Loss of both versions on the labelled cases of one source."""

    source: str
    metric: str
    baseline: str
    candidate: str
    change: str
    upper: str
    margin: str
    limit: str
    cases: str
    status: str
    tone: str
    icon: str
    says: str
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class MovedView:
    """How far one output moved on one source."""

    source: str
    output: str
    sentence: str
    shift: str
    largest: str
    histogram: Histogram
    curve: Curve | None


def quality(one: Record) -> QualityView:
    """The loss of both versions on one source."""
    relative = bool(one["relative"])
    tone = TONES.get(one["status"], "unsure")
    words = {name: signed(one[name], relative) for name in ("change", "upper", "margin")}
    return QualityView(
        source=clean(one["source"], 100),
        metric=clean(one["metric"], 60),
        baseline=number(one["baseline"]),
        candidate=number(one["candidate"]),
        **words,
        limit=number(one["limit"]),
        cases=number(one["cases"]),
        status=clean(one["status"]),
        tone=tone,
        icon=ICONS[tone],
        says=clean(one["says"], 600),
        interval=interval(one["change"], one["upper"], one["margin"], words),
    )


def moved(one: Record) -> MovedView:
    """How far one output moved on one source."""
    rows = f"{number(one['count'])} of {number(one['compared'])}"
    share = percent(one["count"], one["compared"])
    sentence = f"{share} of predictions moved by over {percent(one['over']).replace('.0%', '%')} ({rows})"
    if as_float(one["noise"]) is not None:
        sentence += f"; another seed alone moves {percent(one['noise'])}"
    largest = ""
    if one["largest"]:
        largest = (
            f"Largest relative change {percent(one['largest'])}, case {clean(one['largest_key'], 60)}; "
            f"largest difference {number(one['largest_absolute'])}, case {clean(one['largest_absolute_key'], 60)}."
        )
    shift = ""
    if as_float(one["mean"]) is not None:
        shift = f"Mean shift {signed(one['mean'], False)}, standard deviation {number(one['std'])}"
        if one["measured"] != one["compared"]:
            shift += f" (over {number(one['measured'])} cases whose difference is finite)"
        shift += "."
    shape = one["histogram"]
    return MovedView(
        source=clean(one["source"], 100),
        output=clean(one["output"], 100),
        sentence=sentence + ".",
        shift=shift,
        largest=largest,
        histogram=histogram(shape["edges"], shape["counts"], one["over"]),
        curve=curve([(a, b) for a, b in one["curve"]], one["over"]),
    )


def most_moved(moved: Sequence[Record]) -> list[Record]:
    """At most `MOVED` of them, in their order: those with the largest share of rows beyond the limit."""
    most = sorted(range(len(moved)), key=lambda place: (-(moved[place]["rate"] or 0), place))[:MOVED]
    return [moved[place] for place in sorted(most)]
