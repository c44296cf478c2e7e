"""The end of a run: every source's state judged, one verdict, the record, the reports, `verdict.json` last."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness import files, reporting
from harness.compare import waivers
from harness.compare.movement import Moved
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.ruleset import Bound, NotWorse
from harness.compare.tally import Finding, RuleTally
from harness.compare.verdict import RuleResult, SourceState, Verdict, accounting_troubles, decide
from harness.errors import Exit, HarnessError, worst
from harness.run import budgets, headline, journal, operations, quality, site, tombstone
from harness.run.entries import (
    Shown,
    accounting_sum,
    chosen_lines,
    fault_entries,
    finding_entries,
    finding_entry,
    moved_entry,
    operation_entry,
    rule_entry,
    source_entry,
    version_entry,
    waiver_entry,
)
from harness.run.plan import Plan, Request, rules_digest
from harness.run.reported import missing_items
from harness.run.tree import Tree
from harness.settings import Settings, links
from harness.statistics.quality import Quality
from harness.store.events import Head


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the face of a run (pytest or the command) knows about it. `executed`: the items that ran, as
    (source, rule), or None where the face has no items to lose."""

    command: str
    started: str
    seconds: float
    tree: Tree
    executed: frozenset[tuple[str, str]] | None = None
    other_failures: int = 0
    troubles: tuple[HarnessError, ...] = ()
    events: tuple[str, ...] = ()
    workers: int = 0
    running: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The verdict and the record that says it."""

    verdict: Verdict
    record: dict[str, Any]


def conclude(plan: Plan, states: Sequence[SourceState], around: Circumstances) -> Conclusion:
    """Judge, and build the record. Writes nothing."""
    by_name = {state.name: state for state in states}
    results: list[RuleResult] = []
    qualities: list[tuple[str, Quality]] = []
    harmed: list[tuple[Bound, Finding]] = []
    for source, bound in plan.items():
        state = by_name[source.name]
        if isinstance(bound.rule, OPERATIONS):
            results.append(operations.judge(plan, bound))
        elif isinstance(bound.rule, NotWorse):
            judged = quality.judge(plan, source, bound, state)
            results.append(judged.result)
            harmed += [(bound, finding) for finding in judged.harmed]
            if judged.quality is not None:
                qualities.append((source.name, judged.quality))
        else:
            results.append(budgets.judge(plan, source, bound, state))
    troubles = [*around.troubles, *_troubles(plan, states, around)]
    reviewed = _review(plan, by_name)
    troubles += _unneeded(plan, reviewed)
    names = {name for one in results for name in one.waivers}
    leaned = [waiver for waiver in plan.settings.waivers if waiver.name in names]
    moved = [
        (state, output, one)
        for state in states
        if state.tally is not None
        for output, one in state.tally.moved.items()
    ]
    noise = plan.candidate.manifest.training_noise if plan.candidate.manifest else None
    shown = [] if plan.change.kind != "retrain" else [(one, noise) for s, _, one in moved if not s.search]
    warnings = [*_warnings(results, shown), *_idle(plan, reviewed)]
    counted = accounting_sum(states)
    both = counted["both_faulted"]
    words = {"pass": headline.passed(plan, [q for _, q in qualities], leaned, both)}
    verdict = decide(results, troubles, plan.planned, words)
    title = headline.headline(plan, verdict, [q for _, q in qualities], shown, leaned, both)
    show = Shown.of(plan.settings)
    result = {
        "verdict": verdict.name,
        "exit": int(verdict.exit),
        "headline": title,
        "reason": title.partition(": ")[2],
        "next": verdict.hint or _next(plan, verdict, results, counted["compared"]),
        "change": plan.change.kind,
        "change_evidence": list(plan.change.evidence),
        "model": plan.settings.model,
        "baseline": version_entry(plan.baseline),
        "candidate": version_entry(plan.candidate),
        "anchor": None if plan.anchor is None else version_entry(plan.anchor),
        "planned": plan.planned,
        "compared": sum(state.accounting()["compared"] for state in states),
        "accounting": accounting_sum(states),
        "sources": [source_entry(plan, state) for state in states],
        "rules": [rule_entry(one, show) for one in results],
        "waivers": [waiver_entry(one, show) for one in reviewed],
        "faults": fault_entries(states, troubles, show),
        "quality": [{"source": name, **asdict(q)} for name, q in qualities],
        "moved": [moved_entry(state.name, output, one, noise, show) for state, output, one in moved],
        "findings": [
            *finding_entries(states, plan, show),
            *(finding_entry(bound.source, bound, one, show, harm=True) for bound, one in harmed),
        ],
        "chosen": chosen_lines(plan),
        "warnings": warnings,
        "private": sorted(show.hidden),
        "rules_digest": rules_digest(plan.settings),
    }
    run = _run(plan.run_id, around)
    # how an answer was come by is no part of the result: asked again, the same answers are the same result
    if plan.settings.decision_url:
        run["decision_url"] = _decision_url(plan, result)
    if measured := [operation_entry(one) for one in results if isinstance(one.bound.rule, OPERATIONS)]:
        run["operations"] = measured
    run["recorded"] = {state.name: state.recorded for state in states if state.recorded}
    run["calls"] = {
        state.name: {"together": state.together, "alone": len(state.alone)}
        for state in states
        if state.together
    }
    return Conclusion(verdict, reporting.compose(result, run))


def _decision_url(plan: Plan, result: Mapping[str, Any]) -> str:
    """Where the team decides on this very result."""
    return links.filled(
        plan.settings.decision_url,
        {
            "run_id": plan.run_id,
            "verdict": result["verdict"],
            "result_digest": reporting.result_digest(result),
            "model": result["model"],
            "baseline_version": plan.baseline.version,
            "candidate_version": plan.candidate.version,
            "candidate_digest": plan.candidate.digest,
        },
    )


def fail_early(
    request: Request, settings: Settings | None, run_id: str, trouble: HarnessError, around: Circumstances
) -> Conclusion:
    """The record of a run that could not be planned: it has a reason, and nothing compared."""
    verdict = Verdict("FAIL" if trouble.exit == Exit.FAIL else "INCONCLUSIVE", trouble.exit, trouble.headline)
    unknown = {"spec": "", "version": "", "digest": ""}
    result = {
        "verdict": verdict.name,
        "exit": int(verdict.exit),
        "headline": headline.headline(None, verdict, (), ()),
        "reason": trouble.headline,
        "next": trouble.hint,
        "change": (settings.change if settings else "auto"),
        "change_evidence": [],
        "model": settings.model if settings else "",
        "baseline": unknown | {"spec": request.compare_to},
        "candidate": unknown | {"spec": request.candidate or (settings.candidate if settings else "")},
        "planned": 0,
        "compared": 0,
        "accounting": accounting_sum(()),
        "anchor": None,
        "sources": [],
        "rules": [],
        "waivers": [],
        "faults": fault_entries((), [trouble], None),
        "quality": [],
        "moved": [],
        "findings": [],
        "chosen": [],
        "warnings": [],
        "private": sorted(settings.private) if settings else [],
        "rules_digest": "",
    }
    return Conclusion(verdict, reporting.compose(result, _run(run_id, around)))


def publish(
    conclusion: Conclusion,
    folder: Path,
    tree: Tree,
    bound: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> Conclusion:
    """Write every report, then `verdict.json` as the last act. A report that cannot be written forbids PASS.
    `bound` is what the verdict is bound to, beside tree and rules (`Session.bound`); `settings`, where they could be
    read, say where the ledger is that its page shows."""
    record = conclusion.record

    def summary_of(record: Mapping[str, Any]) -> dict[str, Any]:
        return reporting.summary(record) | {
            "rules_digest": record["result"]["rules_digest"],
            "commit": tree.commit,
            "tree": tree.tree,
            "harness": record["run"]["harness"],
            **(bound or {}),
        }

    head = Head()
    try:
        reporting.write_all(record, folder)
        head = journal.note_verdict(folder, summary_of(record), record["result"])
    except HarnessError as error:
        verdict = conclusion.verdict
        if verdict.name == "PASS":
            verdict = Verdict("INCONCLUSIVE", error.exit, error.headline, error.hint)
        changed = {
            "verdict": verdict.name,
            "exit": int(verdict.exit),
            "reason": verdict.reason,
            "headline": f"{headline.WORDS[verdict.name]}: {verdict.reason}",
            "next": error.hint,
        }
        record = reporting.compose(record["result"] | changed, record["run"])
        with contextlib.suppress(OSError):
            # so that pages which are rendered later do not say PASS
            files.write_json(folder / reporting.FILE, record)
        conclusion = Conclusion(verdict, record)
    if settings is not None:
        # a view of what is kept elsewhere: nothing depends on it
        with contextlib.suppress(HarnessError):
            site.refresh(settings, folder)
    summary = summary_of(record) | {
        "report_sha256": _sha256(folder / reporting.FILE),
        "ledger": str(head),
    }
    try:
        tombstone.end(folder, summary)
    except OSError as error:
        # it says INCOMPLETE still, and so does whoever reads it; what is shown here must not say more
        return _unwritten(conclusion, folder, error)
    return conclusion


def _unwritten(conclusion: Conclusion, folder: Path, error: OSError) -> Conclusion:
    trouble = HarnessError(
        f"verdict not written: {tombstone.FILE}: {error.strerror or error}",
        where=str(folder),
        hint="make room, or make the folder writable, and run the comparison again",
        code="E53",
        exit=Exit.INCONCLUSIVE,
    )
    name = "FAIL" if conclusion.verdict.name == "FAIL" else "INCONCLUSIVE"
    verdict = Verdict(name, worst([conclusion.verdict.exit, trouble.exit]), trouble.headline, trouble.hint)
    if name == "FAIL":
        verdict = Verdict(name, verdict.exit, conclusion.verdict.reason, trouble.hint)
    changed = {
        "verdict": name,
        "exit": int(verdict.exit),
        "reason": verdict.reason,
        "headline": f"{headline.WORDS[name]}: {verdict.reason}",
        "next": trouble.hint,
    }
    record = conclusion.record
    return Conclusion(verdict, reporting.compose(record["result"] | changed, record["run"]))


def _sha256(path: Path) -> str:
    """Of the report as it was written; nothing where it was not, and then there is no PASS to bind."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _troubles(plan: Plan, states: Sequence[SourceState], around: Circumstances) -> list[HarnessError]:
    troubles: list[HarnessError] = []
    if plan.change.contradicted:
        troubles.append(
            HarnessError(
                f"declared {plan.change.declared}, but {plan.change.contradicted}",
                where="change",
                hint="declare what the manifests say, or leave change = auto",
                code="E55",
                exit=Exit.FAIL,
            )
        )
    budgeted = {item.name: item.max_both_faulted for item in plan.settings.inputs}
    for state in states:
        troubles += state.trouble
        troubles += accounting_troubles(state, plan.bounds_of(state.name), budgeted.get(state.name))
    if around.executed is not None:
        troubles += missing_items([(s.name, bound.name) for s, bound in plan.items()], around.executed)
    if around.other_failures:
        plural = "tests" if around.other_failures > 1 else "test"
        troubles.append(
            HarnessError(
                f"{around.other_failures} ordinary {plural} failed in the same session",
                where="pytest",
                hint="mend them: a failing test forbids PASS",
                exit=Exit.FAIL,
            )
        )
    return troubles


def _next(plan: Plan, verdict: Verdict, results: Sequence[RuleResult], compared: int) -> str:
    if verdict.name == "PASS":
        return "nothing to do" if plan.unchanged else "harness verify && harness release"
    if verdict.name == "FAIL":
        if verdict.reason.startswith("E57"):
            return "remove the waiver, then judge the answers again: harness judge last"
        if _only_operations(results, "FAIL"):
            return "look at what was measured in the report, then mend the candidate"
        if not compared:
            return "no row was compared: mend what they all fail with, which the events name"
        if plan.candidate.manifest is None or plan.baseline.manifest is None:
            return "look at the worst cases in the report; was it trained again? --compare-change=retrain"
        return "look at the worst cases in the report, then mend the candidate and train again"
    if _only_operations(results, "INCONCLUSIVE"):
        return "give the rule more calls or starts, or say where it judges: when = […], inputs = […]"
    return "run the comparison again"


def _only_operations(results: Sequence[RuleResult], status: str) -> bool:
    """Whether nothing but rules of how versions run came to this status."""
    found = [one.bound.rule for one in results if one.decides and one.status == status]
    return bool(found) and all(isinstance(rule, OPERATIONS) for rule in found)


def _warnings(results: Sequence[RuleResult], shown: Sequence[tuple[Moved, float | None]]) -> list[str]:
    warnings = [
        f"{one.bound.name} on {one.bound.source}: {one.reason} (severity warn)"
        for one in results
        if not one.decides and one.status != "PASS"
    ]
    for one, noise in shown:
        # a trainer whose seed changes nothing has no noise to measure by
        if noise and one.compared and one.count / one.compared > 2 * noise:
            rate = one.count / one.compared
            warnings.append(
                f"{rate * 100:.0f}% of predictions moved by over 1%: more than twice what another seed alone "
                f"moves ({noise * 100:.0f}%)"
            )
    return warnings


def _review(plan: Plan, states: Mapping[str, SourceState]) -> tuple[waivers.Reviewed, ...]:
    seen = []
    for source, bound in plan.items():
        state = states[source.name]
        tally = (state.tally.rules.get(bound.name) if state.tally else None) or RuleTally()
        complete = state.tally is not None and not state.trouble and not state.accounting()["not_reached"]
        seen.append(waivers.Seen(bound, tally, complete))
    return waivers.review(plan.settings, seen, plan.pair)


def _unneeded(plan: Plan, reviewed: Sequence[waivers.Reviewed]) -> list[HarnessError]:
    """A waiver that excuses nothing would excuse the next regression unseen."""
    return [
        HarnessError(
            f"waiver {one.waiver.name} is no longer needed: {one.waiver.rule} passes without it",
            where=f"{plan.settings.path.name}, waiver {one.waiver.name}",
            hint=f"remove waiver {one.waiver.name} from [[tool.harness.waivers]]",
            code="E57",
            exit=Exit.FAIL,
        )
        for one in reviewed
        if one.status == waivers.UNNEEDED
    ]


def _idle(plan: Plan, reviewed: Sequence[waivers.Reviewed]) -> list[str]:
    """Waivers that this run has no use for: they excuse nothing here, and somebody should know."""
    old, new = plan.pair
    said = {
        waivers.OTHER_VERSIONS: f"this run compares {old} -> {new}",
        waivers.NOT_JUDGED: f"no rule of that name judges its inputs in a {plan.change.kind}",
    }
    return [
        f"waiver {one.waiver.name} is not applied: it is for {one.waiver.rule}, {one.waiver.versions}; "
        + said[one.status]
        for one in reviewed
        if one.status in said
    ]


def _run(run_id: str, around: Circumstances) -> dict[str, Any]:
    import platform

    from harness import __version__

    return {
        "run_id": run_id,
        "started": around.started,
        "seconds": round(around.seconds, 3),
        "command": around.command,
        "harness": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "commit": around.tree.commit,
        "tree": around.tree.tree,
        "dirty": around.tree.dirty,
        "workers": around.workers,
        "events": list(around.events),
        **around.running,
    }
