"""A record as a person reads it: plain values in the order of the page, without a word of HTML.

Every text that came from data, a model or configuration is cleaned here (`text.clean`), so that no template has to
think of it; escaping for a format is that format's own business.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import Mark
from harness.reporting.case_view import CASES, CaseView, case_name, most_telling, worst_case
from harness.reporting.moved_view import MOVED, MovedView, QualityView, most_moved, moved, quality
from harness.reporting.numbers import as_float, number, percent
from harness.reporting.rule_view import PartView, RuleView, rule_view
from harness.reporting.text import clean, columns
from harness.reporting.tones import ICONS, RANK, TONES, Record
from harness.settings import links

__all__ = [
    "CASES",
    "MOVED",
    "CaseView",
    "MovedView",
    "Page",
    "PartView",
    "QualityView",
    "Record",
    "RuleView",
    "case_name",
    "page",
    "rules_worst_first",
    "worst_case",
]

_PARTS = {
    "baseline_faulted": "failed in the baseline alone",
    "candidate_faulted": "failed in the candidate alone",
    "both_faulted": "failed in both",
    "dropped": "dropped",
    "not_reached": "not reached",
}


@dataclass(frozen=True, slots=True)
class VerdictView:
    """The first screen: `tone` is pass, fail, unsure or same (nothing to release)."""

    name: str
    tone: str
    icon: str
    word: str
    reason: str
    next: str
    is_command: bool


@dataclass(frozen=True, slots=True)
class SourceView:
    """One input source: what it is and where its cases went (`gaps` in words, empty where all were compared)."""

    name: str
    kind: str
    where: str
    planned: str
    compared: str
    gaps: str


@dataclass(frozen=True, slots=True)
class SureView:
    """How sure the verdict is. `amber`: not every planned case was compared, and `but` says what that means."""

    amber: bool
    sentence: str
    but: str
    gaps: tuple[str, ...]
    sources: tuple[SourceView, ...]
    cases: str
    isolation: str
    noise: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One property of both versions; `code` is how it is set."""

    name: str
    baseline: str
    candidate: str
    differs: bool
    code: bool = False

    @property
    def same(self) -> str:
        """In a word, where both are known."""
        if self.differs:
            return "differs"
        return "same" if self.baseline and self.baseline == self.candidate else "–"


@dataclass(frozen=True, slots=True)
class FaultView:
    """Something that went wrong: of the run, or of a version on some rows. `marked` are two lines: a text, and a caret
    below the place in it that is meant; empty where none is."""

    code: str
    side: str
    source: str
    message: str
    count: str
    first_key: str
    frames: tuple[str, ...]
    hint: str
    marked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a report shows, top to bottom. `beside`: pages of the ledger and of the score stand beside it,
    which they do where there was a configuration."""

    title: str
    model: str
    change: str
    baseline: str
    candidate: str
    verdict: VerdictView
    sure: SureView
    evidence: tuple[str, ...]
    chosen: tuple[str, ...]
    pairs: tuple[Pair, ...]
    libraries: tuple[Pair, ...]
    open_rules: tuple[RuleView, ...]
    passed_rules: tuple[RuleView, ...]
    quality: tuple[QualityView, ...]
    moved: tuple[MovedView, ...]
    moved_more: int
    cases: tuple[CaseView, ...]
    cases_title: str
    cases_kept: int
    private: tuple[str, ...]
    warnings: tuple[str, ...]
    waivers: tuple[str, ...]
    troubles: tuple[FaultView, ...]
    faults: tuple[FaultView, ...]
    events: tuple[str, ...]
    decide: str
    environment: tuple[tuple[str, str], ...]
    digest: str
    run_id: str
    beside: bool


def page(record: Record) -> Page:
    """The page of a record."""
    result, run = record["result"], record["run"]
    rules = rules_worst_first(record)
    faults = [_fault(one) for one in result["faults"]]
    findings = result["findings"]
    harmed = any(one["harm"] is not None for one in findings)
    pairs, libraries = _pairs(result), _libraries(run)
    return Page(
        title=title(record),
        model=clean(record["model"]) or "model",
        change=clean(record["change"]),
        baseline=version_title(record["baseline"]),
        candidate=version_title(record["candidate"]),
        verdict=verdict(record),
        sure=_sure(record),
        evidence=_lines(result["change_evidence"]),
        chosen=_lines(result["chosen"]),
        pairs=pairs,
        libraries=libraries,
        open_rules=tuple(rule for rule in rules if rule.status != "PASS"),
        passed_rules=tuple(rule for rule in rules if rule.status == "PASS"),
        quality=tuple(quality(one) for one in result["quality"]),
        moved=tuple(moved(one) for one in most_moved(result["moved"])),
        moved_more=max(0, len(result["moved"]) - MOVED),
        cases=most_telling(findings, [(rule.name, rule.inputs) for rule in rules]),
        cases_title="Cases harmed most" if harmed else "Worst cases",
        cases_kept=len(findings),
        private=_lines(result["private"]),
        warnings=_lines(result["warnings"]),
        waivers=tuple(waivers(record)),
        troubles=tuple(one for one in faults if one.side == "run"),
        faults=tuple(one for one in faults if one.side != "run"),
        events=_lines(run.get("events") or ()),
        decide=decision(record),
        environment=_environment(run),
        digest=clean(record["result_digest"]),
        run_id=clean(record["run_id"]),
        beside=bool(record["model"]),
    )


def title(record: Record) -> str:
    """`fraud-scorer: 2.4.0 compared with 2.3.1`."""
    new, old = version_title(record["candidate"]), version_title(record["baseline"])
    return f"{clean(record['model']) or 'model'}: {new} compared with {old}"


def version_title(version: Record) -> str:
    """How a person names a version: its number, or else its spec."""
    return clean(version["version"], 60) or clean(version["spec"], 60) or "unknown"


def verdict(record: Record) -> VerdictView:
    """The verdict as word, icon and tone; a pass with nothing new has a tone of its own."""
    name = str(record["verdict"])
    word, colon, reason = clean(record["headline"], 2000).partition(": ")
    tone = TONES.get(name, "unsure")
    if tone == "pass" and word == "UNCHANGED":
        tone = "same"
    then = clean(record["next"], 1000) or "read the rules and the events below"
    return VerdictView(
        name=name,
        tone=tone,
        icon=ICONS[tone],
        word=word if colon else name,
        reason=reason if colon else word,
        next=then,
        is_command=then.startswith(("harness ", "pytest ", "model-harness ")),
    )


def gaps(accounting: Record) -> list[str]:
    """Where planned cases went that were not compared, in words: `3 dropped`."""
    return [f"{number(accounting[part])} {words}" for part, words in _PARTS.items() if accounting[part]]


def compared(record: Record) -> str:
    """`10,000 of 10,000 planned cases compared`."""
    if not record["planned"]:
        return "Nothing was planned, so nothing was compared"
    return f"{number(record['compared'])} of {number(record['planned'])} planned cases compared"


def cases(record: Record) -> str:
    """`400 fixed + 9,600 generated (seed 8123)`."""
    sources = record["result"]["sources"]
    fixed = sum(one["planned"] for one in sources if one["kind"] != "search")
    made = sum(one["planned"] for one in sources if one["kind"] == "search")
    seeds = sorted({str(one["seed"]) for one in sources if one.get("seed") is not None})
    words = [f"{number(fixed)} fixed"] if fixed else []
    if made:
        words.append(
            f"{number(made)} generated" + (f" (seed {clean(', '.join(seeds), 40)})" if seeds else "")
        )
    return " + ".join(words)


def isolation(record: Record) -> str:
    """How both versions were run, if the run says so."""
    run = record["run"]
    ways = [clean((run.get(side) or {}).get("isolation", ""), 60) for side in ("baseline", "candidate")]
    known = [way for way in ways if way]
    if not known:
        return ""
    return known[0] if len(set(ways)) == 1 else " / ".join(way or "unknown" for way in ways)


def decision(record: Record) -> str:
    """Where the team decides, if the run says so; nothing where that is no plain https address."""
    address = str(record["run"].get("decision_url") or "")
    return address if links.is_safe(address) else ""


def recorded(record: Record) -> str:
    """`442 of the baseline's answers recorded before and not asked again (holdout)`; nothing where all were asked."""
    known = record["run"].get("recorded") or {}
    if not known:
        return ""
    names = ", ".join(f"{clean(name, 60)} {number(count)}" for name, count in sorted(known.items()))
    return f"{number(sum(known.values()))} of the baseline's answers recorded before and not asked again ({names})"


def rules_worst_first(record: Record) -> list[RuleView]:
    """FAIL, INCONCLUSIVE, then what only warns, then PASS; inside these, in the order of configuration."""
    beside = {(one["name"], one["inputs"]): one for one in record["run"].get("operations", ())}
    rules = [rule_view(one, beside.get((one["name"], one["inputs"]))) for one in record["result"]["rules"]]
    return sorted(rules, key=lambda rule: RANK.get(rule.status, 2))


def _sure(record: Record) -> SureView:
    result = record["result"]
    missing = gaps(record["accounting"])
    amber = bool(missing) or not record["planned"] or record["compared"] != record["planned"]
    noise = [as_float(one["noise"]) for one in result["moved"]]
    known = [share for share in noise if share is not None]
    words = ""
    if known:
        words = f"Another seed alone moves {percent(max(known))} of predictions by over 1%"
    elif record["change"] == "retrain":
        words = "Not measured: no manifest says how much another seed alone moves"
    but = ""
    if amber:
        passed = record["verdict"] == "PASS"
        but = "A rule accounts for the rest." if passed else "A pass needs every case accounted for."
    return SureView(
        amber=amber,
        sentence=compared(record),
        but=but,
        gaps=tuple(missing),
        sources=tuple(_source(one) for one in result["sources"]),
        cases=cases(record),
        isolation=isolation(record),
        noise=words,
    )


def waivers(record: Record) -> list[str]:
    """One line for each configured waiver: what became of it, its bounds, and the days that are left."""
    return [
        _waiver(one, str(record["run"].get("started", ""))) for one in record["result"].get("waivers", ())
    ]


def days_left(until: str, started: str) -> int | None:
    """Whole days from the day of the run to the last day of a waiver; None where either is no date.

    >>> days_left("2027-06-30", "2027-06-28T23:59:00+00:00")
    2
    """
    try:
        return (datetime.date.fromisoformat(until) - datetime.date.fromisoformat(started[:10])).days
    except ValueError:
        return None


def _waiver(one: Record, started: str) -> str:
    left = days_left(str(one["until"]), started)
    days = "" if left is None else f" ({number(left)} {'day' if left == 1 else 'days'} left)"
    bounds = [f"{clean(one['rule'], 100)} on {clean(', '.join(one['inputs']), 100) or 'all inputs'}"]
    bounds += [f"where {clean(one['where'], 200)}"] if one["where"] else []
    bounds += [clean(one["direction"], 10)] if one["direction"] != "any" else []
    bounds += [f"up to {number(one['max_magnitude'])}"] if one["max_magnitude"] is not None else []
    bounds.append(clean(one["versions"], 100))
    covers = f"{number(one['inside'])} covered, {number(one['outside'])} not"
    until = f"until {clean(one['until'], 20)}{days}"
    who = f"{clean(one['owner'], 60)}: {clean(one['reason'], 300)}"
    return f"{clean(one['name'], 100)}, {clean(one['status'], 40)}: {covers}; {'; '.join(bounds)}; {until}; {who}"


def _source(one: Record) -> SourceView:
    kind = "generated" if one["kind"] == "search" else "fixed"
    if one["labelled"]:
        kind += ", labelled"
    if one.get("seed") is not None:
        kind += f", seed {clean(one['seed'], 40)}"
    return SourceView(
        name=clean(one["name"], 100),
        kind=kind,
        where=clean(one["where"]),
        planned=number(one["planned"]),
        compared=number(one["accounting"]["compared"]),
        gaps=", ".join(gaps(one["accounting"])),
    )


def _pairs(result: Record) -> tuple[Pair, ...]:
    old, new = result["baseline"], result["candidate"]
    rows = [
        ("Version", "version", False),
        ("Named by", "spec", True),
        ("Chosen because", "why", False),
        ("Kind", "kind", False),
        ("Identity", "digest", True),
        ("Artifact sha256", "sha256", True),
        ("Code commit", "commit", True),
        ("Training data", "data", True),
        ("Configuration", "configuration", True),
        ("Lock file", "lock", True),
        ("Python", "python", False),
    ]
    pairs = [_pair(name, old.get(field, ""), new.get(field, ""), code) for name, field, code in rows]
    for metric in sorted({*(old.get("metrics") or {}), *(new.get("metrics") or {})}):
        was, now = (number((side.get("metrics") or {}).get(metric)) for side in (old, new))
        pairs.append(_pair(f"{clean(metric, 60)} when trained", was, now, False))
    return tuple(pair for pair in pairs if pair.baseline or pair.candidate)


def _pair(name: str, old: object, new: object, code: bool) -> Pair:
    a, b = clean(old), clean(new)
    # how a version was named and found says nothing about what it is
    told = bool(a) and bool(b) and name not in ("Named by", "Chosen because")
    return Pair(name, a, b, told and old != new, code)


def _libraries(run: Record) -> tuple[Pair, ...]:
    old, new = ((run.get(side) or {}).get("libraries") or {} for side in ("baseline", "candidate"))
    pairs = [
        Pair(
            clean(name, 60),
            clean(old.get(name, "–"), 40),
            clean(new.get(name, "–"), 40),
            old.get(name) != new.get(name),
        )
        for name in sorted({*old, *new})
    ]
    return tuple(sorted(pairs, key=lambda pair: not pair.differs))


def counted(cases: int) -> str:
    """`1 case`, `2,000 cases`."""
    return f"{number(cases)} case{'' if cases == 1 else 's'}"


def _fault(one: Record) -> FaultView:
    message = clean(one["message"], 600)
    mark = Mark.read(one["source"])
    return FaultView(
        code=clean(one["code"], 20),
        side=clean(one["side"], 20),
        source=clean(one["source"] if mark is None else mark.place, 200),
        message=f"{clean(one['error'], 80)}: {message}" if one["error"] else message,
        count=counted(one["count"]),
        first_key=clean(one["first_key"], 60),
        frames=_lines(one["frames"][:20]),
        hint=clean(one["hint"], 600),
        marked=() if mark is None else (mark.shown, " " * columns(mark.shown[: mark.at]) + "^"),
    )


def _environment(run: Record) -> tuple[tuple[str, str], ...]:
    seconds = as_float(run.get("seconds"))
    rows = [
        ("Command", run.get("command")),
        ("Started", run.get("started")),
        ("Took", f"{number(seconds)} s" if seconds is not None else ""),
        ("Harness", run.get("harness")),
        ("Python", run.get("python")),
        ("Machine", run.get("machine")),
        ("Commit", run.get("commit")),
        ("Tree", run.get("tree")),
        ("Uncommitted changes", "yes" if run.get("dirty") else "no"),
        ("Processor", run.get("processor")),
        ("Workers", run.get("workers") or ""),
        ("Answers", recorded({"run": run})),
    ]
    for side in ("baseline", "candidate"):
        way = run.get(side) or {}
        words = [f"Python {way['python']}" if way.get("python") else "", way.get("isolation", "")]
        rows.append((f"{side.capitalize()} ran in", ", ".join(word for word in words if word)))
    return tuple((name, clean(value, 600)) for name, value in rows if value not in (None, ""))


def _lines(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(clean(value, 600) for value in values)
