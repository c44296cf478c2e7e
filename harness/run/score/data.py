"""Features and data: what training demanded of its table, and what it found out about its features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.run.score.facts import Facts
from harness.run.score.found import Found, Link, full, half, none
from harness.schema import Field

CARD = Link("model card, in the candidate's wheel")
TRAINING = Link("training.toml, in the candidate's wheel")
MEASURING = ("SequentialFeatureSelector", "RFECV")
"""Steps that keep a feature only where cross-validation is better with it."""


def schema(facts: Facts) -> Found:
    """data-1."""
    if facts.candidate is None:
        return none("the candidate has no manifest, and so no schema")
    inputs = facts.candidate.inputs
    if not len(inputs):
        return none("the candidate's schema is empty")
    vague = [one.name for one in inputs if not _expected(one)]
    if vague:
        return none(f"the candidate's schema expects nothing of {named(vague)}")
    known = f"the candidate's schema has range or categories of each of its {len(inputs)} features"
    section = facts.training.validation if facts.training is not None else None
    stated = {*section.ranges, *section.categories} if section is not None else set()
    loose = [one.name for one in inputs if one.kind != "bool" and one.name not in stated]
    if loose:
        return half(f"{known}, as learned from the data; [validation] demands none of {named(loose)}", CARD)
    return full(f"{known}, and each training demands those of [validation]", CARD, TRAINING)


def beneficial(facts: Facts) -> Found:
    """data-2."""
    found = _selection(facts)
    if isinstance(found, Found):
        return found
    kept, dropped = len(found["kept"]), len(found["dropped"])
    words = f"{kept} features are needed and {dropped} were dropped, with the metrics before and after"
    steps = [one.short for one in facts.training.steps] if facts.training is not None else []
    measured = [name for name in steps if name in MEASURING]
    if measured:
        return full(f"{words}; {measured[0]} measured what each of them brings", CARD, TRAINING)
    return half(f"{words}; needed is a feature that moves an answer, whether or not for the better", CARD)


def cost(facts: Facts) -> Found:
    """data-3."""
    found = _selection(facts)
    if isinstance(found, Found):
        return found
    before, after = found["request_bytes"]
    return half(
        f"a request of one row was measured, {before} → {after} bytes; its time and what it depends on were not",
        CARD,
    )


def requirements(facts: Facts) -> Found:
    """data-4."""
    if facts.candidate is None or facts.training is None:
        return none("no training configuration says which features may be used")
    listed = facts.training.features
    if not listed:
        return none("[data] lists no features: whatever stands in the table is used")
    inputs = facts.candidate.inputs.names
    if stray := sorted(set(inputs) - set(listed)):
        return none(f"the candidate takes {named(stray)}, which [data] does not list")
    if private := sorted(set(inputs) & set(facts.settings.private)):
        return none(f"the candidate takes private columns: {named(private)}")
    return half(
        f"training takes the {len(listed)} listed features and no other, none of them private", TRAINING
    )


def privacy(facts: Facts) -> Found:
    """data-5."""
    if not facts.settings.private:
        return none("no column is declared private")
    if facts.result is None:
        return none(no_run(facts))
    columns = set(facts.candidate.inputs.names) if facts.candidate is not None else set()
    columns |= {name for item in facts.settings.inputs for name in (item.key, item.target) if name}
    known = sorted(columns & set(facts.settings.private) & set(facts.result.get("private", ())))
    if not known:
        return none("none of the private columns is one of the run's tables, as far as is known")
    return half(
        f"the values of {named(known)} are hidden in whatever the run wrote; who may read the tables is not known",
        Link(facts.settings.path.name),
        Link("the report", "report.html#cases"),
    )


def planted(facts: Facts) -> tuple[Mapping[str, Any] | None, str]:
    """What harness sensitivity noted that holds still, or why nothing does."""
    if facts.result is None:
        return None, no_run(facts)
    acts = facts.acts_of("sensitivity", facts.wheels)
    if not acts:
        return None, "no harness sensitivity of either version is noted"
    if acts[-1].get("rules_digest") != facts.result.get("rules_digest"):
        return None, "the rules have changed since harness sensitivity"
    return acts[-1], ""


def tested(facts: Facts) -> Found:
    """data-7."""
    act, why_not = planted(facts)
    if act is None or facts.candidate is None:
        return none(why_not or "the candidate has no manifest")
    by_feature: dict[str, list[bool]] = {}
    for one in act["faults"]:
        for name in one["features"] if one["gross"] else ():
            by_feature.setdefault(name, []).append(one["caught"] is True)
    inputs = facts.candidate.inputs.names
    missed = [name for name in inputs if not all(by_feature.get(name) or [False])]
    if not inputs or missed:
        return none(
            f"not every gross fault of {named(missed)} is caught" if missed else "there are no features"
        )
    words = (
        f"a gross fault was planted into each of the {len(inputs)} features, and the present rules catch them"
    )
    link = Link(f"what harness {act['act']} noted", act["file"])
    return full(words, link) if act["automated"] else half(f"{words}; typed by hand", link)


def _selection(facts: Facts) -> dict[str, list[str]] | Found:
    found = facts.candidate.evaluation.get("selection") if facts.candidate is not None else None
    if not found:
        return none("the candidate was trained without [selection]")
    if list(found.get("kept", ())) != list(facts.candidate.inputs.names if facts.candidate else ()):
        return none("what was selected is not what the candidate takes")
    return dict(found)


def _expected(one: Field) -> bool:
    if one.kind == "bool":
        return True
    return bool(one.categories) or (one.minimum is not None and one.maximum is not None)


def no_run(facts: Facts) -> str:
    """Why nothing of a run evidences anything."""
    return f"no run counts: {facts.why_not}"


def named(names: list[str]) -> str:
    """Some names, the first five of them by name."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
