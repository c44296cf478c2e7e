"""The same budget again within each slice: slices judged from merged tallies, and joined to the rule's result.

A rule is one result whatever its slices are, because they are known only from the answers, and what is planned
comes from configuration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.compare import waivers
from harness.compare.results import FAIL, INCONCLUSIVE, PASS, SliceResult, gravest
from harness.compare.slices import LIMIT, SliceTally
from harness.compare.tally import RuleTally
from harness.compare.where import Where

if TYPE_CHECKING:
    from harness.compare.bound import Bound
    from harness.compare.verdict import RuleResult


def joined(result: RuleResult, tally: RuleTally) -> RuleResult:
    """The rule's result with those of its slices: FAIL over INCONCLUSIVE over PASS."""
    bound = result.bound
    if len(tally.slices) > LIMIT:
        words = f"rule {bound.name} has more than {LIMIT} slices, the first is {next(iter(tally.slices))}"
        if result.status != PASS:
            return result
        return replace(
            result, status=INCONCLUSIVE, code="E27", reason=f"{words}: slice by a coarser condition"
        )
    wanted = [part.text for part in bound.slices if isinstance(part, Where)]
    seen = {**{text: SliceTally() for text in wanted}, **tally.slices}
    slices = tuple(_judge(bound, name, seen[name]) for name in sorted(seen))
    bad = [one for one in slices if one.status != PASS]
    status = gravest(result.status, *(one.status for one in bad))
    result = replace(result, slices=slices, measured=result.measured + _words(slices))
    if status != PASS:
        # what does not pass leans on nothing
        result = replace(result, waivers=())
    if not bad or (result.status != PASS and status == result.status):
        return replace(result, status=status)
    first = max((one for one in bad if one.status == status), key=_share)
    same = sum(one.status == status for one in bad) - 1
    more = f" (and {same} more {'slices' if same > 1 else 'slice'})" if same else ""
    return replace(
        result,
        status=status,
        reason=first.reason + more + (waivers.exceeded_words(bound, tally) if status == FAIL else ""),
        code=first.code,
        worst_key=first.worst_key or result.worst_key,
    )


def _judge(bound: Bound, name: str, seen: SliceTally) -> SliceResult:
    limit = bound.limit(seen.compared)
    result = SliceResult(
        name,
        PASS,
        seen.violations,
        seen.compared,
        limit,
        seen.largest,
        seen.worst_key,
        waived=seen.covered if bound.waivers else 0,
    )
    if waivers.not_excused(bound, seen) > limit:
        allowed = f"the limit there is {limit:,}" if limit else "none may"
        words = f"{seen.violations:,} of {seen.compared:,} rows with {name} violate {bound.name}, {bound.rule.says()}"
        return replace(result, status=FAIL, reason=f"{words}; {allowed}")
    if seen.cases == 0:
        words = f"slice {name} of rule {bound.name} checked nothing: no case has it"
        return replace(result, status=INCONCLUSIVE, code="E28", reason=words)
    if seen.compared == 0:
        words = f"0 of {seen.cases:,} comparisons with {name}"
        return replace(result, status=INCONCLUSIVE, code="E10", reason=words)
    if seen.compared < bound.min_cases:
        words = f"{seen.compared:,} cases with {name} are fewer than min_cases = {bound.min_cases:,}"
        return replace(result, status=INCONCLUSIVE, reason=words)
    return result


def _words(slices: tuple[SliceResult, ...]) -> str:
    worst = max((one for one in slices if one.violations), key=_share, default=None)
    count = f"; {len(slices)} {'slices' if len(slices) > 1 else 'slice'}"
    if worst is None:
        return count
    return f"{count}, the worst {worst.name}: {worst.violations:,} of {worst.compared:,}"


def _share(one: SliceResult) -> tuple[float, int]:
    # the first of equals is the first by name, since max keeps it
    return one.violations / one.compared if one.compared else 0.0, one.violations
