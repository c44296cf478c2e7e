"""Infrastructure: whether the way from the data to production was gone, and can be gone back."""

from __future__ import annotations

from typing import Any

from harness.compare.ruleset import BUILTIN_NAMES
from harness.run.score.data import no_run
from harness.run.score.facts import Facts
from harness.run.score.found import Found, Link, full, half, none
from harness.run.score.model import LEDGER, RULES

OPERATIONS = ("latency", "throughput", "start_time", "peak_memory", "artifact_size")
"""Rules that judge how versions run."""

BESIDE = (
    *(name for name in BUILTIN_NAMES if name != "values"),
    *("null_rate", "error_rate", "class_set"),
    *OPERATIONS,
)
"""Rules that hold no answer to that of the release before, by name or kind."""

WHAT = Link("what is compared, in the report", "report.html#what")


def reproducible(facts: Facts) -> Found:
    """infrastructure-1."""
    if facts.result is None:
        return none(no_run(facts))
    acts = facts.acts_of("reproduce", {facts.wheel} - {""})
    if not acts:
        return none("no harness reproduce of the candidate is noted")
    act = acts[-1]
    if not act["passed"]:
        return none(f"harness reproduce made another version on {act['at'][:10]}")
    words = f"made again on {act['at'][:10]}, {act.get('how', 'with equal answers')}"
    link = Link(f"what harness {act['act']} noted", act["file"])
    return (
        full(f"{words}, by a build server", link)
        if act["automated"]
        else half(f"{words}; typed by hand", link)
    )


def integrated(facts: Facts) -> Found:
    """infrastructure-3."""
    if facts.result is None:
        return none(no_run(facts))
    manifest = facts.candidate
    if manifest is None or facts.result["candidate"].get("kind") != "package":
        return none("the candidate is no version package")
    if facts.training is None or not manifest.data.get("sha256"):
        return none(
            "the candidate's wheel does not carry what it was trained by: another pipeline than harness train"
        )
    if not _complete(facts.result):
        return none(f"the run ended with {facts.result['verdict']} or did not compare every case")
    return full(
        f"trained, packaged, installed from its lock, asked {facts.result['compared']:,} cases and judged "
        f"(run {facts.run_id})",
        WHAT,
        LEDGER,
    )


def validated(facts: Facts) -> Found:
    """infrastructure-4."""
    if facts.result is None:
        return none(no_run(facts))
    if not _complete(facts.result):
        return none(f"the run ended with {facts.result['verdict']} or did not compare every case")
    tables = {
        one["name"]: one for one in facts.result["sources"] if one["kind"] == "table" and one["planned"]
    }
    deciding = [one for one in facts.result["rules"] if one["inputs"] in tables and one["severity"] == "fail"]
    if facts.result["change"] == "retrain":
        by_labels = [one for one in deciding if one["name"] == "not-worse" and one["status"] == "PASS"]
        if not by_labels:
            return none("the candidate was trained again, and no labels judged it")
        return full(
            f"not worse than the release before on the labels of {by_labels[0]['inputs']}, before each release",
            RULES,
        )
    values = [
        one
        for one in deciding
        if one["status"] == "PASS" and one["compared"] and not {one["name"], one["rule"]} & {*BESIDE}
    ]
    if not values:
        return none("no rule judged an answer on a table")
    return full(
        f"{values[0]['name']} holds the answers to those of the release before ({facts.result['change']}), "
        "before each release",
        RULES,
    )


def canaried(facts: Facts) -> Found:
    """infrastructure-6."""
    if not facts.releases or facts.releases[-1].act != "promotion":
        return none("the newest release did not come from another channel")
    newest = facts.releases[-1]
    return half(
        f"{newest.version} stood in another channel before {newest.channel}; what it was asked there is not known",
        LEDGER,
    )


def rolled_back(facts: Facts) -> Found:
    """infrastructure-7."""
    done = [one for one in facts.releases if one.act == "rollback"]
    if not done:
        return none("no release of this channel was ever rolled back")
    return half(f"rolled back to {done[-1].version} on {done[-1].released[:10]}", LEDGER)


def _complete(result: Any) -> bool:
    """PASS, with every planned case compared. A version that is the release before itself proves nothing."""
    same = result["baseline"].get("digest") == result["candidate"].get("digest")
    accounting = result["accounting"]
    every = result["planned"] == result["compared"] and not accounting["not_reached"]
    return bool(result["verdict"] == "PASS" and result["planned"] and every and not same)
