"""The closing lines of a run on a terminal: last the verdict, then the next command, and nothing after them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.errors import Mark
from harness.reporting import view
from harness.reporting.numbers import percent
from harness.reporting.text import clean, columns, cut, wrap
from harness.reporting.view import Record, RuleView

WIDTH = 100
FAILURES, UNSURE, WARNINGS, TROUBLES, PASSES = 20, 10, 10, 10, 3
"""Lines of each kind before `…and N more`."""

_COLORS = {"FAIL": "31", "INCONCLUSIVE": "33", "WARN": "33", "REPORTED": "36", "PASS": "32"}
_ASCII = {
    "→": "->",
    "–": "-",
    "—": "-",
    "…": "...",
    "✔": "ok",
    "✖": "x",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "×": "x",
}
_COMMAND = re.compile(r"##(?=\w*\[)")


def lines(
    record: Record, width: int = WIDTH, color: bool = False, ascii: bool | None = None, report: str = ""
) -> list[str]:
    """What a person needs after a run, in lines of at most `width` columns.

    The headline stands whole before the last line, on several lines where it is long; the last line is the next
    command and the report. `report`: its path or file:// address (default: `report.html` in `run.folder`, if the
    record has that). `ascii`: None looks at the encoding of stdout. Under GitHub Actions one `::error` line, the only
    one that may be longer, makes anything but PASS an annotation. Values cannot move the cursor, and no line of
    theirs is taken for a command of a CI service.
    """
    plain = _ascii_only() if ascii is None else ascii
    paint = _Paint(color and not os.environ.get("NO_COLOR"), width, plain)
    result = record["result"]
    rules = view.rules_worst_first(record)
    # what somebody chose says more than what is always judged
    passed = [rule for rule in rules if rule.status == "PASS"]
    passed.sort(key=lambda rule: rule.chosen == "always judged")
    out = paint.all([_header(record), *_counts(record, rules)])
    paint.label = min(
        40, max((len(_label(rule)) for rule in rules if rule not in passed[PASSES:]), default=0)
    )
    for status, most in (("FAIL", FAILURES), ("INCONCLUSIVE", UNSURE)):
        chosen = [rule for rule in rules if rule.status == status]
        for rule in chosen[:most]:
            out += paint.rule(rule)
            if status == "FAIL" and (case := view.worst_case(record, rule)):
                out += paint.all([f"  worst case {case}"])
        out += paint.all(_more(len(chosen) - most, status))
    out += [line for rule in passed[:PASSES] for line in paint.rule(rule)]
    out += paint.all([f"…{len(passed) - PASSES} more passed"] if len(passed) > PASSES else [])
    out += paint.all([f"waiver {one}" for one in view.waivers(record)])
    warnings = result["warnings"]
    out += paint.all([f"warning: {clean(one, 600)}" for one in warnings[:WARNINGS]], "33")
    out += paint.all(_more(len(warnings) - WARNINGS, "warnings"))
    troubles = _troubles(record)
    for words, mark in troubles[:TROUBLES]:
        out += paint.all([words]) + ([] if mark is None else paint.marked(mark))
    out += paint.all(_more(len(troubles) - TROUBLES, "events"))
    return [*out, *_annotation(record, plain), *_closing(record, paint, report)]


def _header(record: Record) -> str:
    def side(name: str) -> str:
        one = record[name]
        digest = clean(one["digest"], 200)[:8]
        return f"{name} {view.version_title(one)}" + (f" ({digest}…)" if digest else "")

    model = clean(record["model"], 60)
    return f"model harness: {model + '  ' if model else ''}{side('baseline')} → {side('candidate')}"


def _counts(record: Record, rules: list[RuleView]) -> list[str]:
    parts = [f"change: {clean(record['change'], 40)}", f"rules: {len(rules)}"]
    if record["result"]["sources"]:
        parts.append(f"cases: {view.cases(record)}")
    missing = view.gaps(record["accounting"])
    words = view.compared(record)
    if record["planned"]:
        words += f" ({percent(record['compared'], record['planned'])})"
    words = "; ".join([words, *missing])
    if view.isolation(record):
        words += f"   isolation: {view.isolation(record)}"
    known = view.recorded(record)
    return ["   ".join(parts), words, *([known] if known else [])]


def _troubles(record: Record) -> list[tuple[str, Mark | None]]:
    """Each event in words, and the place in a text that it marks."""
    found: list[tuple[str, Mark | None]] = []
    for one in record["result"]["faults"]:
        words = f"{clean(one['code'], 20)} {clean(one['message'], 300)}".strip()
        if one["side"] != "run":
            error, first = clean(one["error"], 80), clean(one["first_key"], 60)
            words = f"{clean(one['side'], 20)} {error}: {words}  {view.counted(one['count'])}, first {first}"
        mark = Mark.read(one["source"])
        where = clean(one["source"] if mark is None else mark.place, 120)
        found.append((f"event: {words}" + (f"  [{where}]" if where else ""), mark))
    return found + [(f"event: {clean(one)}", None) for one in record["run"].get("events") or ()]


def _more(count: int, what: str) -> list[str]:
    return [f"…and {count} more {what} in the report"] if count > 0 else []


def _annotation(record: Record, plain: bool) -> list[str]:
    if os.environ.get("GITHUB_ACTIONS") != "true" or record["verdict"] == "PASS":
        return []

    def escaped(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    title = escaped(f"model harness {record['verdict']}").replace(":", "%3A").replace(",", "%2C")
    message = escaped(clean(record["headline"], 1000))
    return [f"::error title={title}::{_to_ascii(message) if plain else message}"]


def _closing(record: Record, paint: _Paint, report: str) -> list[str]:
    verdict = view.verdict(record)
    headline = clean(record["headline"], 2000)
    after = f"next: {verdict.next}"
    place = _address(record, report)
    out = [paint.text(f"decide: {address}")] if (address := view.decision(record)) else []
    if place:
        together = f"{after}        report: {place}"
        if paint.fits(together):
            after = together
        else:
            # whole, however long: half an address leads nowhere
            out.append(paint.text(f"report: {place}"))
    color = _COLORS.get(verdict.name, "33")
    return [*out, *paint.all([headline], f"1;{color}"), paint.one(after)]


def _address(record: Record, report: str) -> str:
    folder = record["run"].get("folder")
    place = report or (str(Path(folder) / "report.html") if folder else "")
    if place.startswith("/"):
        place = Path(place).as_uri()
    return clean(place, 2000)


def _label(rule: RuleView) -> str:
    return f"{rule.status} {rule.name} on {rule.inputs}"


class _Paint:
    """Turns sentences into lines: ASCII where asked, width kept, colour last so that it costs no width."""

    def __init__(self, color: bool, width: int, plain: bool) -> None:
        self.color, self.width, self.plain = color, width, plain
        self.label = 0

    def all(self, sentences: Iterable[str], color: str = "") -> list[str]:
        return [self._colored(line, color) for one in sentences for line in self._lines(one)]

    def one(self, sentence: str) -> str:
        return cut(_harmless(self._text(sentence)), self.width, "..." if self.plain else "…")

    def text(self, sentence: str) -> str:
        return _harmless(self._text(sentence))

    def fits(self, sentence: str) -> bool:
        return len(self._lines(sentence)) == 1

    def marked(self, mark: Mark) -> list[str]:
        """The text, and a caret below its place: never wrapped, of a long text the part around the place."""
        shown = mark.shown.replace("##", "# ")
        shown = shown.replace("::", ": ", 1) if shown.lstrip().startswith("::") else shown
        before, after = self._text(shown[: mark.at]), self._text(shown[mark.at :])
        more, width = "..." if self.plain else "…", self.width - 2
        if columns(before + after) > width and columns(before) > width // 2:
            while columns(more + before) > width // 2:
                before = before[1:]
            before = more + before
        return [f"  {cut(before + after, width, more)}", f"  {' ' * columns(before)}^"]

    def rule(self, rule: RuleView) -> list[str]:
        words = f"{_label(rule):<{self.label}}"
        if rule.status == "INCONCLUSIVE":
            words += f"   {rule.reason or rule.measured}"
        else:
            words += f"   {rule.measured}   limit {rule.limit}"
        found = self._lines(words)
        if self.color and found[0].startswith(rule.status):
            found[0] = self._colored(rule.status, _COLORS.get(rule.status, "")) + found[0][len(rule.status) :]
        return found

    def _lines(self, sentence: str) -> list[str]:
        return [cut(_harmless(line), self.width) for line in wrap(self._text(sentence), self.width)]

    def _text(self, sentence: str) -> str:
        return _to_ascii(sentence) if self.plain else sentence

    def _colored(self, line: str, color: str) -> str:
        return f"\x1b[{color}m{line}\x1b[0m" if self.color and color else line


def _harmless(line: str) -> str:
    """A line that no CI service takes for a command (`::…` at its start, `##[…]` anywhere)."""
    if line.lstrip().startswith("::"):
        line = line.replace("::", ": :", 1)
    return _COMMAND.sub("# #", line)


def _to_ascii(text: str) -> str:
    for mark, plain in _ASCII.items():
        text = text.replace(mark, plain)
    return text.encode("ascii", "backslashreplace").decode()


def _ascii_only() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        "→–…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return True
    return False
