"""From merged tallies to one verdict: PASS, FAIL or INCONCLUSIVE.

Fail closed: a rule that compared nothing, a case that is not accounted for, a source that was not reached and a
run without rules are INCONCLUSIVE, never PASS. Verdicts are judged from the merged state and never merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.compare import census, drift, waivers, within
from harness.compare.bound import Bound
from harness.compare.builtin import Changed, Drift, NotWorse
from harness.compare.results import FAIL, INCONCLUSIVE, PASS, SliceResult, Statistic
from harness.compare.rules import SameError
from harness.compare.tally import RuleTally, Tally
from harness.errors import Exit, HarnessError, worst


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule on one source, judged. `measured` and `limit` are words; `reason` says why it is no PASS. `waived`
    violations are covered by waivers, and `waivers` are those without which it would be no PASS. `beside`: figures that
    differ from run to run, and so stand beside the result in the record."""

    bound: Bound
    status: str
    measured: str
    limit: str
    violations: int = 0
    compared: int = 0
    both_nan: int = 0
    largest: float = 0.0
    worst_key: str = ""
    reason: str = ""
    code: str = ""
    cases: int = 0
    ties: int = 0
    slices: tuple[SliceResult, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    waived: int = 0
    waivers: tuple[str, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def decides(self) -> bool:
        """Whether it can keep a release back."""
        return self.bound.severity == "fail"


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source after its run: what was planned, what was seen (None: not reached), what went wrong. `recorded`
    cases were not asked of the baseline: it had answered them before."""

    name: str
    planned: int
    tally: Tally | None
    search: bool = False
    trouble: tuple[HarnessError, ...] = ()
    recorded: int = 0

    def accounting(self) -> dict[str, int]:
        """Every planned case, by what became of it; the identity of law 4 holds by construction."""
        seen = (self.tally or Tally()).accounting
        return {
            "planned": self.planned,
            "compared": seen.compared,
            "baseline_faulted": seen.baseline_faulted,
            "candidate_faulted": seen.candidate_faulted,
            "both_faulted": seen.both_faulted,
            "dropped": seen.dropped,
            "not_reached": max(0, self.planned - seen.seen),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the exit code that carries it, and the one line that explains it."""

    name: str
    exit: Exit
    reason: str
    hint: str = ""


def judge_rule(bound: Bound, state: SourceState) -> RuleResult:
    """One rule on one source. `NotWorse` is judged by `statistics` instead, from kept columns."""
    assert not isinstance(bound.rule, NotWorse)
    tally = (state.tally.rules.get(bound.name) if state.tally else None) or RuleTally()
    result = _overall(bound, state, tally)
    return within.joined(result, tally) if bound.slices else result


def _overall(bound: Bound, state: SourceState, tally: RuleTally) -> RuleResult:
    """The rule over all of its cases."""
    limit = bound.limit(tally.compared)
    worst_key = tally.findings[0].key if tally.findings else ""
    tied = f" ({tally.ties:,} ties of the baseline excepted)" if tally.ties else ""
    result = RuleResult(
        bound,
        PASS,
        measured=f"{tally.violations:,} of {tally.compared:,} rows{tied}",
        limit=_limit_words(bound, limit),
        violations=tally.violations,
        compared=tally.compared,
        both_nan=tally.both_nan,
        largest=tally.largest,
        worst_key=worst_key,
        cases=tally.cases,
        ties=tally.ties,
        waived=tally.covered,
    )
    if isinstance(bound.rule, census.KINDS):
        # its violations are rows that are new to the candidate: reported, and judged from the counts below
        result = replace(result, limit=census.limit_words(bound.rule), violations=0)
    elif tally.covered:
        result = replace(result, measured=f"{result.measured}, {tally.covered:,} waived")
    if isinstance(bound.rule, census.KINDS) and tally.compared and tally.outputs:
        found = census.judge(bound.rule, tally.counted, tally.compared, tally.outputs)
        result = replace(result, measured=found.measured, violations=found.rows, worst_key=found.worst_key)
        if found.status != PASS:
            why = f"{found.reason} ({bound.name})" if found.status == FAIL else found.reason
            return replace(result, status=found.status, reason=why, code=found.code)
    elif waivers.not_excused(bound, tally) > limit:
        why = _violation_words(bound, tally, limit) + waivers.exceeded_words(bound, tally)
        return replace(result, status=FAIL, reason=why)
    if isinstance(bound.rule, Drift) and state.tally is not None and tally.compared:
        result = replace(result, measured=result.measured + drift.mean_words(state.tally))
        status, why = drift.mean_trouble(bound.rule, state.tally)
        if status:
            return replace(result, status=status, reason=why, code="E28" if status == INCONCLUSIVE else "")
    if state.tally is None:
        return replace(result, status=INCONCLUSIVE, code="E10", reason=f"{state.name} was not compared")
    if not tally.outputs and not isinstance(bound.rule, SameError) and state.tally.accounting.compared:
        structure = state.tally.rules.get("structure", RuleTally())
        if bound.chosen.startswith("default") and bound.leaves and structure.outputs:
            others = ", ".join(sorted({one.to for one in bound.leaves}))
            return replace(result, measured=f"no output is left to it by {others}")
        return replace(
            result,
            status=INCONCLUSIVE,
            code="E28",
            reason=f"rule {bound.name} checked nothing: no output is named {bound.output}",
        )
    if tally.outputs and tally.cases == 0 and (bound.where is not None or bound.leaves):
        if bound.chosen.startswith("default"):
            # the rest of a kind's own rule may be empty: each of its cases is judged by a configured rule
            others = ", ".join(sorted({one.to for one in bound.leaves}))
            return replace(result, measured=f"no case is left to it by {others}")
        return replace(result, status=INCONCLUSIVE, code="E28", reason=_no_case(bound, state.name))
    if tally.compared == 0:
        return replace(result, status=INCONCLUSIVE, code="E10", reason=f"0 of {state.planned:,} comparisons")
    if tally.valueless == tally.compared:
        return replace(
            result,
            status=INCONCLUSIVE,
            code="E10",
            reason=f"no value to judge: both versions answer NaN or null in all {tally.compared:,} rows",
        )
    if tally.compared < bound.min_cases:
        return replace(
            result,
            status=INCONCLUSIVE,
            reason=f"{tally.compared:,} cases are fewer than min_cases = {bound.min_cases:,}",
        )
    return replace(result, waivers=waivers.leaned_on(bound, tally))


def _no_case(bound: Bound, source: str) -> str:
    if bound.leaves and bound.where is None:
        others = ", ".join(sorted({one.to for one in bound.leaves}))
        return f"rule {bound.name} checked nothing: every case of {source} left it for {others}"
    text = bound.where.text if bound.where is not None else ""
    left = " that no other rule took" if bound.leaves else ""
    return f"rule {bound.name} checked nothing: no case of {source}{left} has {text}"


def _limit_words(bound: Bound, limit: int) -> str:
    if isinstance(bound.rule, Drift):
        share, mean = bound.rule.max_share, bound.rule.max_mean_shift
        words = [] if share is None else [f"{limit:,} rows ({share * 100:.4g}%)"]
        return "; ".join(words + ([] if mean is None else [f"mean shift {mean * 100:.4g}%"]))
    if bound.max_violation_rate is not None:
        return f"{limit:,} rows ({bound.max_violation_rate * 100:.4g}%)"
    return f"{limit:,} rows"


def _violation_words(bound: Bound, tally: RuleTally, limit: int) -> str:
    """`214 of 10,000 rows violate price-close (…); the limit is 50`."""
    count = f"{tally.violations:,} of {tally.compared:,} rows"
    if tally.problems:
        first, rows = max(tally.problems.items(), key=lambda item: (item[1], item[0]))
        more = f" (and {len(tally.problems) - 1} more)" if len(tally.problems) > 1 else ""
        return f"{first}{more}: {rows:,} of {tally.compared:,} rows"
    if bound.kind == "faults":
        sides = "the candidate fails where the baseline answers" if bound.rule.new_only else "one version alone fails"  # type: ignore[union-attr]  # fmt: skip
        return f"{sides}: {count}"
    if isinstance(bound.rule, Changed):
        return f"{count} changed; the limit is {limit:,}"
    if isinstance(bound.rule, Drift):
        words = f"{count} moved by over {bound.rule.over * 100:.4g}% from the anchor {bound.rule.anchor}"
        return f"{words}; the limit is {limit:,}"
    allowed = f"the limit is {limit:,}" if limit else "none may"
    return f"{count} violate {bound.name}, {bound.rule.says()}; {allowed}"


def accounting_troubles(
    state: SourceState, bounds: Sequence[Bound], max_both_faulted: int | None = None
) -> list[HarnessError]:
    """Why the cases of a source do not add up to a comparison of every one of them. Empty: they do.

    `max_both_faulted` is the source's budget of cases on which both versions fail. Without one, a configured rule
    `same_error` says that such cases are meant, and stands for half of the plan; otherwise there may be none.
    """
    if state.tally is None:
        return [] if state.trouble else [_unsure(f"{state.name} was not compared", state.name, "E10")]
    troubles = []
    twice = sorted(number for number, times in state.tally.blocks.items() if times > 1)
    if twice:
        troubles.append(
            _unsure(f"ledger mismatch: block {twice[0]} was compared more than once", state.name, "E13")
        )
    seen = state.tally.accounting
    if state.planned == 0:
        troubles.append(_unsure("0 of 0 comparisons", state.name, "E10"))
    elif seen.seen > state.planned:
        troubles.append(
            _unsure(
                f"ledger mismatch: {seen.seen:,} cases seen of {state.planned:,} planned", state.name, "E13"
            )
        )
    elif seen.seen < state.planned and not state.trouble:
        troubles.append(
            _unsure(f"partial run: {seen.seen:,} of {state.planned:,} cases reached", state.name, "E11")
        )
    elif seen.compared == 0 and not state.trouble:
        troubles.append(_unsure(f"0 of {state.planned:,} comparisons", state.name, "E10"))
    judging = [bound for bound in bounds if isinstance(bound.rule, SameError)]
    meant = any(not bound.chosen.startswith("default") for bound in judging)
    limit = max_both_faulted
    if limit is None:
        limit = state.planned // 2 if meant else 0
    if seen.both_faulted > limit:
        troubles.append(
            HarnessError(
                f"both versions fail on {seen.both_faulted:,} of {state.planned:,} cases: too little was compared",
                where=state.name,
                hint=f"mend the inputs or narrow what is generated; where it is meant: "
                f"max_both_faulted = {seen.both_faulted} at {state.name}",
                code="E10",
                exit=Exit.INCONCLUSIVE,
            )
        )
    if seen.baseline_faulted and not judging:
        troubles.append(
            HarnessError(
                f"the baseline fails on {seen.baseline_faulted:,} of {state.planned:,} cases: nothing to compare there",
                where=state.name,
                hint='mend the inputs, or bind a rule = "same_error" to them: such rows are then accounted for',
                code="E10",
                exit=Exit.INCONCLUSIVE,
            )
        )
    return troubles


def decide(
    results: Sequence[RuleResult], troubles: Sequence[HarnessError], planned: int, headline: Mapping[str, str]
) -> Verdict:
    """The verdict of a run: FAIL over INCONCLUSIVE over PASS; the exit code by precedence.

    `headline` gives the words of a PASS (`"pass"`), since what a release manager wants to know then depends on
    the kind of change.
    """
    failed = [result for result in results if result.decides and result.status == FAIL]
    unsure = [result for result in results if result.decides and result.status == INCONCLUSIVE]
    codes = [Exit.FAIL] * bool(failed) + [Exit.INCONCLUSIVE] * bool(unsure)
    codes += [trouble.exit for trouble in troubles]
    nothing = not results or planned == 0
    if nothing and not troubles:
        codes.append(Exit.INCONCLUSIVE)
    exit = worst(codes)
    if failed or any(trouble.exit == Exit.FAIL for trouble in troubles):
        name = FAIL
    else:
        name = PASS if exit == Exit.PASS else INCONCLUSIVE
    if name == FAIL:
        said = [trouble.headline for trouble in troubles if trouble.exit == Exit.FAIL]
        said += [f"{result.reason}  [{result.bound.name}, {result.bound.source}]" for result in failed]
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return Verdict(FAIL, exit, said[0] + more)
    if name == INCONCLUSIVE:
        # the cause comes first: a dead worker explains why its rules compared nothing
        said = [trouble.headline for trouble in sorted(troubles, key=_gravity)]
        said += [
            f"{result.code} {result.reason}  [{result.bound.name}, {result.bound.source}]".strip()
            for result in unsure
        ]
        hint = next((trouble.hint for trouble in sorted(troubles, key=_gravity) if trouble.hint), "")
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return Verdict(INCONCLUSIVE, exit, (said or ["E10 0 of 0 comparisons"])[0] + more, hint)
    return Verdict(PASS, exit, headline["pass"])


def _gravity(trouble: HarnessError) -> int:
    # accounting says that something is missing, and whatever else is there says why: so does what did not run of what
    # was not compared
    return {"E10": 2, "E11": 1}.get(trouble.code, 0)


def _unsure(message: str, where: str, code: str) -> HarnessError:
    return HarnessError(
        message,
        where=where,
        hint="run the whole comparison again: pytest --compare-to=previous -m differential",
        code=code,
        exit=Exit.INCONCLUSIVE,
    )
