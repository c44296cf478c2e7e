"""The ML Test Score as a page and as lines of a terminal: 28 tests in four sections, each with its evidence or lack.

A pure function of plain data (`Score.to_json`); whatever stands in it is text here, never markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.reporting.text import clean

FILE = "score.html"
SOURCE = (
    "Breck, Cai, Nielsen, Salib, Sculley: The ML Test Score: A Rubric for ML Production Readiness and Technical Debt "
    "Reduction (2017)"
)

_MARKS = {1.0: "1", 0.5: "½", 0.0: "–"}
_TONES = {1.0: "pass", 0.5: "unsure", 0.0: "same"}
_WORDS = {1.0: "1 point", 0.5: "½ point", 0.0: "not evidenced"}
_ADDRESS = re.compile(r"[A-Za-z0-9._/-]+(#[a-z-]+)?")


@dataclass(frozen=True, slots=True)
class TestView:
    """One test in words. `links` are (words, address), the address empty where there is nothing to open."""

    name: str
    title: str
    tone: str
    points: str
    found: str
    links: tuple[tuple[str, str], ...]
    next: str


@dataclass(frozen=True, slots=True)
class SectionView:
    """One section and its seven tests."""

    name: str
    title: str
    points: str
    least: bool
    tests: tuple[TestView, ...]


@dataclass(frozen=True, slots=True)
class ScoreView:
    """The whole page. `trouble` is why it could not be computed; then there are no sections."""

    title: str
    trouble: str
    score: str
    band: str
    of: str
    counts: str
    troubles: tuple[str, ...]
    sections: tuple[SectionView, ...]
    planted: tuple[tuple[str, str, str, str], ...]
    planted_words: str
    source: str


def page(told: Mapping[str, Any] | None, trouble: str = "") -> ScoreView:
    """The page of this score; without one, why there is none."""
    if told is None:
        return ScoreView("ML Test Score", clean(trouble, 1000), "", "", "", "", (), (), (), "", SOURCE)
    least = min(one["points"] for one in told["sections"])
    return ScoreView(
        title=f"ML Test Score of {clean(told['model'], 100)}",
        trouble="",
        score=points(told["score"]),
        band=clean(told["band"], 200),
        of=_of(told),
        counts=_counts(told),
        troubles=tuple(clean(one, 600) for one in told["troubles"]),
        sections=tuple(
            SectionView(
                clean(one["name"], 40),
                clean(one["title"], 100),
                points(one["points"]),
                one["points"] == least,
                tuple(_test(test) for test in one["tests"]),
            )
            for one in told["sections"]
        ),
        planted=tuple(_fault(one) for one in (told.get("planted") or {"faults": ()})["faults"]),
        planted_words=_planted(told.get("planted")),
        source=SOURCE,
    )


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The same for a terminal: a line for each test and why, what to do where points are missing, the score last."""
    for one in told["sections"]:
        yield f"{clean(one['title'], 100)}: {points(one['points'])} of 7"
        for test in one["tests"]:
            yield f"  {_MARKS[test['points']]}  {test['name']:<17} {clean(test['title'], 120)}"
            yield f"{'':23}{clean(test['found'], 400)}"
            for link in test["links"]:
                address = f": {clean(link['address'], 200)}" if link["address"] else ""
                yield f"{'':23}see {clean(link['words'], 200)}{address}"
            if test["next"]:
                yield f"{'':23}next: {clean(test['next'], 300)}"
    for trouble in told["troubles"]:
        yield f"warning: {clean(trouble, 600)}"
    yield f"{_of(told)}; {_counts(told)}"
    yield f"ML TEST SCORE {points(told['score'])}: {told['band']}"


def points(value: float) -> str:
    """A number of points: `3½`.

    >>> points(0.5), points(3.5), points(2.0), points(0.0)
    ('½', '3½', '2', '0')
    """
    whole, half = divmod(value, 1)
    return f"{int(whole) if whole or not half else ''}{'½' if half else ''}"


def _of(told: Mapping[str, Any]) -> str:
    if not told["run_id"]:
        return "by no run: none counts"
    return f"by run {clean(told['run_id'], 60)} of {clean(told['candidate'], 60) or 'the candidate'}"


def _counts(told: Mapping[str, Any]) -> str:
    tests = [test for one in told["sections"] for test in one["tests"]]
    whole, part = (sum(test["points"] == value for test in tests) for value in (1.0, 0.5))
    return f"{whole} of {len(tests)} tests evidenced, {part} in part, {len(tests) - whole - part} not"


def _test(test: Mapping[str, Any]) -> TestView:
    return TestView(
        clean(test["name"], 40),
        clean(test["title"], 200),
        _TONES[test["points"]],
        _WORDS[test["points"]],
        clean(test["found"], 600),
        tuple((clean(link["words"], 300), _address(link["address"])) for link in test["links"]),
        clean(test["next"], 400),
    )


def _fault(one: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Tone, status, title and words of a planted fault."""
    tone, status = ("pass", "caught") if one["caught"] else ("unsure", "not caught")
    if not one["planted"]:
        tone, status = "same", "not planted"
    return tone, status, clean(one["title"], 200), clean(one["words"], 600)


def _planted(planted: Mapping[str, Any] | None) -> str:
    if planted is None:
        return ""
    faults = [one for one in planted["faults"] if one["planted"]]
    caught = sum(one["caught"] is True for one in faults)
    return (
        f"{caught} of {len(faults)} faults that were planted into {clean(planted['version'], 60)} on "
        f"{clean(planted['at'], 40)[:10]} would be caught by the present rules, as a {clean(planted['change'], 20)}."
    )


def _address(address: str) -> str:
    """An address below the reports' folder, and no other."""
    plain = _ADDRESS.fullmatch(address) and ".." not in address and not address.startswith("/")
    return address if plain else ""
