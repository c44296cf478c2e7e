"""What can be said of rules and waivers without a version at hand: for a check before each commit."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from harness.compare import drift, waivers
from harness.compare.ruleset import SourceFacts, bind
from harness.run import extensions
from harness.settings import CHANGES, Settings


def lines(settings: Settings) -> Iterator[str]:
    """Every rule and waiver bound as a run would, under each kind of change that may be: a line for each.

    No version is resolved and no table read: which outputs there are, and which cases a condition holds for, is for
    `harness check`. HarnessError for whatever would be refused.
    """
    extensions.load(settings)
    today = datetime.date.today()
    facts = [SourceFacts(one.name, one.generate is not None, bool(one.target)) for one in settings.inputs]
    kinds = CHANGES[1:] if settings.change == "auto" else (settings.change,)
    judged: dict[str, list[str]] = {}
    for kind in kinds:
        bounds = bind(settings, kind, facts, None, today) + drift.bind(settings, facts)
        for bound in waivers.attach(bounds, settings, ("*", "*"), today):
            if kind not in judged.setdefault(bound.name, []):
                judged[bound.name].append(kind)
    for rule in settings.rules:
        known = judged.get(rule.name)
        until = f", until {rule.until}" if rule.until else ""
        yield f"rule {rule.name}: {rule.rule}, judged in {', '.join(known) if known else 'no kind of change'}{until}"
    for waiver in settings.waivers:
        left = (waiver.until - today).days
        yield f"waiver {waiver.name}: {waiver.rule}, {waiver.versions}, {_counted(left, 'day')} left"
    counts = (_counted(len(settings.rules), "rule"), _counted(len(settings.waivers), "waiver"))
    yield f"{' and '.join(counts)} well formed ({settings.path.name})"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
