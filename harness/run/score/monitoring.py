"""Monitoring: what would be noticed of a world that moves. Most of it happens where the harness does not look."""

from __future__ import annotations

from harness.run.score.data import TRAINING, named, no_run
from harness.run.score.facts import Facts
from harness.run.score.found import Found, Link, full, half, none
from harness.run.score.infrastructure import OPERATIONS, WHAT
from harness.run.score.model import RULES

SERVED = ("endpoint", "recorded")
"""Kinds of version whose answers were served."""


def dependencies(facts: Facts) -> Found:
    """monitoring-1."""
    if facts.result is None:
        return none(no_run(facts))
    for side, manifest in (("baseline", facts.baseline), ("candidate", facts.candidate)):
        if manifest is None or not manifest.lock.get("sha256") or not manifest.libraries:
            return none(f"the {side} does not say which libraries it needs")
    return half(
        "each run says which libraries, data and Python differ from the release before; releases of a library that "
        "nobody has taken up notify nobody",
        WHAT,
        Link("environment, in the report", "report.html#environment"),
    )


def invariants(facts: Facts) -> Found:
    """monitoring-2."""
    section = facts.training.validation if facts.training is not None else None
    if section is None:
        return none("the candidate was trained without [validation]")
    limits = [
        name
        for name in ("max_missing", "ranges", "categories", "max_duplicates", "max_drift")
        if getattr(section, name) not in (None, {})
    ]
    if not limits:
        return none("[validation] states no limit")
    return half(
        f"training stops where its data break {', '.join(limits)}; what is served is not seen here", TRAINING
    )


def skew(facts: Facts) -> Found:
    """monitoring-3."""
    if facts.result is None:
        return none(no_run(facts))
    served = [
        one
        for one in facts.acts_of("parity", facts.wheels)
        if set(one["kinds"]) & set(SERVED) and "package" in one["kinds"]
    ]
    if not served:
        return none("no harness parity of either package and its endpoint is noted")
    act = served[-1]
    if not act["passed"]:
        return none(f"the package and what is served part ways: {act['specs'][0]}, {act['specs'][1]}")
    if act.get("rules_digest") != facts.result.get("rules_digest"):
        return none("the rules have changed since harness parity")
    words = (
        f"{act['specs'][0]} and {act['specs'][1]} answer {act['compared']:,} cases alike ({act['at'][:10]})"
    )
    link = Link(f"what harness {act['act']} noted", act["file"])
    return full(words, link) if act["automated"] else half(f"{words}; typed by hand", link)


def stable(facts: Facts) -> Found:
    """monitoring-5."""
    if facts.result is None:
        return none(no_run(facts))
    rules, sources = facts.result["rules"], {one["name"]: one["kind"] for one in facts.result["sources"]}
    passed = {
        one["inputs"]
        for one in rules
        if one["name"] == "structure" and one["status"] == "PASS" and one["compared"]
    }
    if not passed or passed != set(sources):
        return none("not every answer is known to be finite: structure does not pass on all inputs")
    if any(one["rule"] == "null_rate" for one in rules) or any(one["both_nan"] for one in rules):
        return none("answers that are no number are there, or are allowed")
    words = f"no answer to {facts.result['compared']:,} cases is NaN or infinite"
    if "search" in sources.values():
        return full(f"{words}, searched ones among them", RULES)
    return half(f"{words}; none was searched", RULES)


def performance(facts: Facts) -> Found:
    """monitoring-6."""
    if facts.result is None:
        return none(no_run(facts))
    rules = [one for one in facts.result["rules"] if one["rule"] in OPERATIONS and one["severity"] == "fail"]
    if not rules:
        return none("no rule of operation decides")
    if open_rules := sorted({one["name"] for one in rules if one["status"] != "PASS"}):
        return none(f"rules of operation do not pass: {named(open_rules)}")
    kinds = {one["rule"] for one in rules}
    words = f"measured beside the release before, before each release: {named(sorted(kinds))}"
    if kinds & {"latency", "throughput"} and "peak_memory" in kinds:
        return full(words, RULES)
    return half(f"{words}; time and memory are not both judged", RULES)


def served(facts: Facts) -> Found:
    """monitoring-7."""
    if facts.result is None:
        return none(no_run(facts))
    sides = [side for side in ("baseline", "candidate") if facts.result[side].get("kind") in SERVED]
    judged = [one for one in facts.result["rules"] if one["name"] == "not-worse" and one["status"] == "PASS"]
    if not sides or not judged:
        return none("the run has no served answers with labels")
    return half(f"the {sides[0]}'s answers were served, and {judged[0]['inputs']} has their labels", RULES)
