"""`summary.md`: what a CI page or a comment on a pull request shows.

Every value stands in a code span, so that nothing in it is a link, a mention, an image or HTML there. Services drop a
summary that is too long as a whole, so this one is cut at 60 kB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import files
from harness.reporting import view
from harness.reporting.text import clean

FILE = "summary.md"
LIMIT = 60_000
RULES = 3
OURS = ("MAY BE RELEASED", "DO NOT RELEASE", "CANNOT SAY", "UNCHANGED")
_TICKS = re.compile(r"`+")


class MarkdownReporter:
    """Writes `summary.md`."""

    def write(self, record: Mapping[str, Any], folder: Path) -> list[Path]:
        """Returns the one file."""
        path = folder / FILE
        files.write_atomic(path, summary(record).encode())
        return [path]


def summary(record: Mapping[str, Any]) -> str:
    """The verdict, up to three rules that hold it back, the counts, the next command, where the report is."""
    verdict = view.verdict(record)
    rules = view.rules_worst_first(record)
    held = [rule for rule in rules if rule.status in ("FAIL", "INCONCLUSIVE")]
    new, old = (span(view.version_title(record[side])) for side in ("candidate", "baseline"))
    lines = [
        f"## {verdict.icon} {verdict.word if verdict.word in OURS else span(verdict.word)}",
        "",
        span(verdict.reason, 1000),
        "",
        f"- Model: {span(record['model'])}, judged as {span(record['change'])}",
        f"- Candidate {new}, baseline {old}",
        f"- {'; '.join([view.compared(record), *view.gaps(record['accounting'])])}",
        f"- Rules: {len(rules)}, of which {sum(rule.status == 'PASS' for rule in rules)} passed",
    ]
    if held:
        lines += ["", "### What holds it back", ""]
        for rule in held[:RULES]:
            figures = f"{span(rule.measured)}, limit {span(rule.limit)}"
            lines.append(f"- **{rule.status}** {span(rule.name)} on {span(rule.inputs)}: {figures}")
            lines += [f"  {span(rule.reason, 600)}"] if rule.reason else []
        if len(held) > RULES:
            lines.append(f"- and {len(held) - RULES} more in the report")
    troubles = [one for one in record["result"]["faults"] if one["side"] == "run"]
    if troubles:
        lines += ["", "### Events", ""]
        lines += ["- " + span(f"{one['code']} {one['message']}".strip()) for one in troubles[:RULES]]
        if len(troubles) > RULES:
            lines.append(f"- and {len(troubles) - RULES} more in the report")
    waivers = view.waivers(record)
    if waivers:
        lines += ["", "### Waivers", "", *(f"- {span(one, 600)}" for one in waivers)]
    warnings = record["result"]["warnings"]
    if warnings:
        lines += ["", "### Warnings", "", *(f"- {span(one)}" for one in warnings[:RULES])]
    if address := view.decision(record):
        lines += ["", f"Decide: <{address}>"]
    lines += [
        "",
        f"Next: {span(verdict.next, 1000)}",
        "",
        "The whole report is `report.html` in the same folder, and its data `report.json`.",
        "",
        f"Result {span(record['result_digest'])}, run {span(record['run_id'])}",
    ]
    return _short("\n".join(lines) + "\n")


def span(value: object, limit: int = 300) -> str:
    """`value` as one code span, whatever backticks it holds.

    >>> span("a`b"), span("")
    ('``a`b``', '–')
    """
    text = clean(value, limit)
    if not text:
        return "–"
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _short(text: str) -> str:
    if len(text.encode()) <= LIMIT:
        return text
    kept: list[str] = []
    used = 0
    for line in text.splitlines():
        used += len(line.encode()) + 1
        if used > LIMIT - 100:
            break
        kept.append(line)
    return "\n".join([*kept, "", "Cut here: the report has the rest.", ""])
