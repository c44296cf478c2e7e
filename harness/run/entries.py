"""The entries of the run record: what was planned and seen, as plain values that JSON holds.

Whatever came from a private column is hidden here, on its way into the record, and nowhere later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.compare import waivers
from harness.compare.movement import MOVED_EDGES, MOVED_OVER, Moved
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.ruleset import Bound
from harness.compare.tally import Finding
from harness.compare.verdict import RuleResult, SourceState
from harness.compare.where import Where, parse
from harness.errors import HarnessError
from harness.run.plan import Plan
from harness.settings import Settings
from harness.versions.version import Version

HIDDEN = "(private)"


@dataclass(frozen=True, slots=True)
class Shown:
    """Values as configuration lets them be shown: those of private columns leave no trace."""

    hidden: frozenset[str]
    keys: frozenset[str]
    targets: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Shown:
        """What this configuration hides."""
        hidden = frozenset(settings.private)
        return cls(
            hidden,
            frozenset(item.name for item in settings.inputs if item.key in hidden),
            frozenset(item.name for item in settings.inputs if item.target in hidden),
        )

    def values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Named values of one case."""
        return {name: HIDDEN if name in self.hidden else value for name, value in values.items()}

    def condition(self, where: Where | None) -> str:
        """The text of a condition."""
        if where is None:
            return ""
        # the condition on a private column holds its values
        return HIDDEN if self.hidden & set(where.columns) else where.text

    def key(self, source: str, key: str) -> str:
        """The key of one case of a source."""
        return HIDDEN if key and source in self.keys else key

    def target(self, source: str, target: Any) -> Any:
        """The label of one case of a source."""
        return HIDDEN if source in self.targets else target


def version_entry(version: Version) -> dict[str, Any]:
    """One side of the comparison."""
    manifest = version.manifest
    data: dict[str, Any] = {
        "spec": version.spec,
        "version": version.version,
        "digest": version.digest,
        "sha256": version.sha256,
        "name": version.name,
        "why": version.why,
        "kind": version.kind,
    }
    if manifest is not None:
        data |= {
            "python": manifest.python,
            "data": manifest.data.get("sha256", ""),
            "configuration": manifest.configuration.get("sha256", ""),
            "lock": manifest.lock.get("sha256", ""),
            "commit": manifest.code.get("commit", ""),
            "metrics": dict(manifest.metrics),
        }
    return data


def source_entry(plan: Plan, state: SourceState) -> dict[str, Any]:
    """One input source and its accounting."""
    source = next(source for source in plan.sources if source.name == state.name)
    return {
        "name": source.name,
        "kind": "search" if source.search else "table",
        "where": source.where,
        "planned": state.planned,
        "accounting": state.accounting(),
        "labelled": source.labelled,
        "seed": getattr(source, "seed", None),
    }


def rule_entry(one: RuleResult, show: Shown) -> dict[str, Any]:
    """One rule on one source: what it measured, its limit, and what came of it."""
    return {
        "name": one.bound.name,
        "rule": one.bound.kind,
        "inputs": one.bound.source,
        "output": one.bound.output,
        "status": one.status,
        "severity": one.bound.severity,
        "chosen": one.bound.chosen,
        "says": one.bound.rule.says(),
        # what differs from run to run stands beside the result
        "measured": "" if isinstance(one.bound.rule, OPERATIONS) else one.measured,
        "limit": one.limit,
        "violations": one.violations,
        "compared": one.compared,
        "both_nan": one.both_nan,
        "largest": one.largest,
        "worst_key": show.key(one.bound.source, one.worst_key),
        "reason": f"{one.code} {one.reason}".strip() if one.reason else "",
        "owner": one.bound.owner,
        "justified": one.bound.reason,
        "waived": one.waived,
        "waivers": list(one.waivers),
        "evidence": one.bound.evidence,
        "until": str(one.bound.until or ""),
        "where": show.condition(one.bound.where),
        "replaces": one.bound.replaces,
        "cases": one.cases,
        "ties": one.ties,
        "slices": [
            {**asdict(part), "worst_key": show.key(one.bound.source, part.worst_key)} for part in one.slices
        ],
        "statistics": [asdict(statistic) for statistic in one.statistics],
    }


def operation_entry(one: RuleResult) -> dict[str, Any]:
    """What a rule of operation measured."""
    return {"name": one.bound.name, "inputs": one.bound.source, "measured": one.measured, **one.beside}


def waiver_entry(one: waivers.Reviewed, show: Shown) -> dict[str, Any]:
    """One waiver and what it excused here."""
    waiver = one.waiver
    return {
        "name": waiver.name,
        "rule": waiver.rule,
        "inputs": list(waiver.inputs),
        "where": show.condition(parse(waiver.where) if waiver.where else None),
        "direction": waiver.direction,
        "max_magnitude": waiver.max_magnitude,
        "versions": waiver.versions,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "until": waiver.until.isoformat(),
        "status": one.status,
        "inside": one.inside,
        "outside": one.outside,
    }


def fault_entries(
    states: Sequence[SourceState], troubles: Sequence[HarnessError], show: Shown | None
) -> list[dict[str, Any]]:
    """Faults of the versions, then troubles of the run."""
    found = []
    for state in states:
        for key, fault in (state.tally.faults if state.tally else {}).items():
            side, error, message = key.split("\t", 2)
            found.append(
                {
                    "code": "",
                    "side": side,
                    "source": state.name,
                    "message": message,
                    "error": error,
                    "count": fault.count,
                    "first_key": show.key(state.name, fault.first_key) if show else fault.first_key,
                    "frames": list(fault.frames),
                    "hint": "",
                }
            )
    for trouble in troubles:
        found.append(
            {
                "code": trouble.code,
                "side": "run",
                "source": trouble.where,
                "message": trouble.message,
                "error": "",
                "count": 1,
                "first_key": "",
                "frames": [],
                "hint": trouble.hint,
            }
        )
    return found


def moved_entry(source: str, output: str, one: Moved, noise: float | None, show: Shown) -> dict[str, Any]:
    """How far one output moved."""
    return {
        "source": source,
        "output": output,
        "over": MOVED_OVER,
        "count": one.count,
        "compared": one.compared,
        "rate": one.count / one.compared if one.compared else None,
        "noise": noise,
        "largest": one.largest,
        "largest_key": show.key(source, one.largest_key),
        "largest_absolute": one.absolute,
        "largest_absolute_key": show.key(source, one.absolute_key),
        "measured": one.sums.count,
        "mean": one.sums.mean(),
        "std": one.sums.std(),
        "curve": one.curve(),
        "histogram": {"edges": list(MOVED_EDGES), "counts": list(one.histogram)},
    }


def finding_entries(states: Sequence[SourceState], plan: Plan, show: Shown) -> list[dict[str, Any]]:
    """The worst cases of every rule."""
    return [
        finding_entry(state.name, bound, finding, show)
        for state in states
        for bound in plan.bounds_of(state.name)
        if state.tally is not None and bound.name in state.tally.rules
        for finding in state.tally.rules[bound.name].findings
    ]


def finding_entry(
    source: str, bound: Bound, finding: Finding, show: Shown, harm: bool = False
) -> dict[str, Any]:
    """One case worth showing; `harm`: its magnitude is the harm done."""
    return {
        "source": source,
        "rule": bound.name,
        "output": finding.output,
        "key": show.key(source, finding.key),
        "magnitude": finding.magnitude,
        "says": bound.rule.says(),
        "inputs": show.values(finding.inputs),
        "baseline": show.values(finding.baseline),
        "candidate": show.values(finding.candidate),
        "target": show.target(source, finding.target),
        "shrunk": finding.shrunk,
        "harm": finding.magnitude if harm else None,
    }


def accounting_sum(states: Sequence[SourceState]) -> dict[str, int]:
    """The accounting of all sources together."""
    names = (
        "planned",
        "compared",
        "baseline_faulted",
        "candidate_faulted",
        "both_faulted",
        "dropped",
        "not_reached",
    )
    return {name: sum(state.accounting()[name] for state in states) for name in names}


def chosen_lines(plan: Plan) -> list[str]:
    """What was decided for the reader, in words."""
    change = plan.change
    why = "; ".join(change.evidence)
    lines = [f"change = {change.declared}: judged as {change.kind} ({why})"]
    defaults = sorted({b.name for b in plan.bounds if b.chosen.startswith("default")})
    if defaults:
        lines.append(f"default rules of a {change.kind}: {', '.join(defaults)}")
    if plan.on_records and plan.settings.recorded is not None:
        declared = plan.settings.recorded
        lines.append(
            f"baseline {plan.baseline.title} is judged on its recorded answers ({declared.owner}: {declared.reason}); "
            "no search is asked of it"
        )
    if change.kind == "retrain" and not any(b.chosen == "configured" for b in plan.bounds):
        lines.append("values are reported and not judged one by one: a retrain moves them")
    return lines
