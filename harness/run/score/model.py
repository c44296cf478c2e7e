"""Model development: how the candidate was specified, tuned, and measured against what is simpler or older."""

from __future__ import annotations

from harness.run.score.data import CARD, TRAINING, named, no_run
from harness.run.score.facts import Facts
from harness.run.score.found import Found, Link, full, half, none
from harness.run.train import TRAINING as LEAF

LABELLED = ("same_error", "cost")
"""Rules of a configuration that judge by labels."""

RULES = Link("rules of the report", "report.html#rules")
LEDGER = Link("ledger", "ledger.html")


def reviewed(facts: Facts) -> Found:
    """model-1."""
    if facts.result is None or facts.candidate is None:
        return none(no_run(facts) if facts.result is None else "the candidate has no manifest")
    commit = str(facts.candidate.code.get("commit", ""))
    if not commit:
        return none("the candidate was not trained from a commit")
    if facts.candidate.code.get("dirty") is not False:
        return none(f"the candidate was trained from {commit[:12]} with changes that are not checked in")
    given = [
        one
        for one in facts.events
        if one["kind"] == "approval" and facts.wheel and one["body"].get("candidate") == facts.wheel
    ]
    if not given:
        return none(f"the candidate was trained from commit {commit[:12]}, and nobody has approved of it")
    words = f"trained from commit {commit[:12]}, and {given[-1]['by']} approved of it"
    if facts.settings.require_approval:
        return full(f"{words}; no release without approval", LEDGER, Link(facts.settings.path.name))
    return half(f"{words}; a release would have needed no approval", LEDGER)


def tuned(facts: Facts) -> Found:
    """model-3."""
    found = facts.candidate.evaluation.get("search") if facts.candidate is not None else None
    if facts.training is None or facts.training.search is None or not found:
        return none("the candidate was trained without [search]")
    searched = sorted(facts.training.search.parameters)
    said = f"{found['candidates']} candidates were searched in {found['folds']} folds for {named(searched)}"
    by_hand = [
        f"{step.short}.{name}"
        for step in facts.training.steps
        for name in step.parameters
        if f"{step.short}.{name}" not in searched
    ]
    if by_hand:
        return half(f"{said}; set by hand: {named(by_hand)}", CARD, TRAINING)
    return full(f"{said}; all others are the library's defaults", CARD, TRAINING)


def stale(facts: Facts) -> Found:
    """model-4."""
    if facts.result is None or facts.baseline is None or facts.candidate is None:
        return none(no_run(facts) if facts.result is None else "one of the versions has no manifest")
    old, new = (one.data.get("sha256") for one in (facts.baseline, facts.candidate))
    if not old or not new or old == new:
        return none("both versions were trained on the same data, as far as is known")
    judged = [one for one in facts.result["rules"] if one["name"] == "not-worse" and one["status"] == "PASS"]
    if not judged or not facts.result["quality"]:
        return none("the losses of both versions on a labelled table are not known")
    return half(
        f"{facts.baseline.version} and {facts.candidate.version}, trained on other data, were measured on the same "
        f"labels ({judged[0]['inputs']}); how fast a model ages is not known",
        Link("how sure, in the report", "report.html#sure"),
    )


def simpler(facts: Facts) -> Found:
    """model-5."""
    manifest = facts.candidate
    references = manifest.evaluation.get("references") if manifest is not None else None
    if manifest is None or not references or not manifest.metrics:
        return none("no simpler model was fitted beside the candidate")
    better = LEAF["simpler"](manifest)
    if better:
        return none(f"a simpler model is not worse: {named(better)}")
    name = next(iter(manifest.metrics))
    return full(f"better by {name} than {' and '.join(sorted(references))}, fitted at each training", CARD)


def slices(facts: Facts) -> Found:
    """model-6."""
    if facts.result is None:
        return none(no_run(facts))
    sliced = [one for one in facts.result["rules"] if one["severity"] == "fail" and one["slices"]]
    failing = [one["name"] for one in sliced if one["status"] != "PASS"]
    if failing:
        return none(f"rules with slices do not pass: {named(sorted(set(failing)))}")
    labelled = [one for one in sliced if one["rule"] in LABELLED]
    if labelled:
        parts = sum(len(one["slices"]) for one in labelled)
        return full(f"{labelled[0]['name']} passes on each of {parts} slices, by labels", RULES)
    if sliced:
        parts = sum(len(one["slices"]) for one in sliced)
        return half(
            f"{sliced[0]['name']} passes on each of {parts} slices, by the answers of the version before",
            RULES,
        )
    known = facts.candidate.evaluation.get("slices") if facts.candidate is not None else None
    if known:
        return half(f"the model card has the metrics of {len(known)} slices; no limit is set for any", CARD)
    return none("no rule has slices, and the model card has none")
