"""What is made of a merged tally, case by case: each status, each code, each word that a reader decides by."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from harness.compare import census
from harness.compare.cases import Leaving
from harness.compare.census import Count
from harness.compare.results import FAIL, INCONCLUSIVE, PASS
from harness.compare.rules import SameError
from harness.compare.rules.shares import ClassSet, NullRate
from harness.compare.rules.values import Close, Exact
from harness.compare.ruleset import Bound, Changed, Drift, Faults, NotWorse, Structure
from harness.compare.tally import Accounting, Finding, RuleTally, Shift, Tally
from harness.compare.verdict import RuleResult, SourceState, Verdict, accounting_troubles, decide, judge_rule
from harness.compare.where import parse
from harness.errors import Exit, HarnessError

NEAR = Bound("near", "close", "rows", Close(rtol=0.01))
SEEN = RuleTally(compared=100, outputs=("y",), cases=100)


def state(seen=SEEN, bound=NEAR, accounting=None, planned=100, **tally):
    rules = {bound.name: seen} if seen is not None else {}
    accounting = accounting or Accounting(compared=100)
    return SourceState("rows", planned, Tally(accounting, {0: 1}, rules, **tally))


def judged(seen=SEEN, bound=NEAR, **of):
    return judge_rule(bound, state(seen, bound, **of))


# ---- one rule


def test_a_rule_without_violations_passes_and_says_what_it_saw():
    one = judged(replace(SEEN, both_nan=3, ties=2, largest=0.25, valueless=5))
    assert (one.status, one.code, one.reason) == (PASS, "", "")
    assert one.measured == "0 of 100 rows (2 ties of the baseline excepted)"
    assert one.limit == "0 rows"
    assert (one.violations, one.compared, one.both_nan, one.largest) == (0, 100, 3, 0.25)
    assert (one.cases, one.ties, one.waived, one.waivers) == (100, 2, 0, ())
    assert (one.worst_key, one.slices, one.statistics) == ("", (), ())
    assert judged().measured == "0 of 100 rows"


@pytest.mark.parametrize(("violations", "status"), [(0, PASS), (4, PASS), (5, PASS), (6, FAIL), (100, FAIL)])
def test_a_budget_is_the_last_count_that_passes(violations, status):
    bound = replace(NEAR, max_violations=5)
    one = judged(replace(SEEN, violations=violations), bound)
    assert one.status == status
    assert one.limit == "5 rows"
    if status == FAIL:
        assert one.reason == (f"{violations} of 100 rows violate near, {NEAR.rule.says()}; the limit is 5")


def test_a_rate_is_said_in_rows_and_percent():
    bound = replace(NEAR, max_violation_rate=0.025)
    assert judged(replace(SEEN, violations=2), bound).status == PASS
    one = judged(replace(SEEN, violations=3), bound)
    assert one.status == FAIL
    assert one.limit == "2 rows (2.5%)"


def test_where_none_may_the_words_say_so_and_name_the_worst_case():
    first = Finding((-1.0, 7), "r7", "y", 1.0, {}, {}, {})
    one = judged(replace(SEEN, violations=1, findings=(first, replace(first, key="r8"))))
    assert one.reason == f"1 of 100 rows violate near, {NEAR.rule.says()}; none may"
    assert one.worst_key == "r7"


def test_violations_that_are_waived_are_said():
    one = judged(replace(SEEN, violations=1, covered=1))
    assert one.status == FAIL  # no waiver of the rule excuses them
    assert one.measured == "1 of 100 rows, 1 waived"
    assert one.waived == 1


def test_problems_of_whole_batches_are_said_the_largest_first():
    one = judged(replace(SEEN, violations=100, problems={"b": 40, "a": 60, "c": 2}))
    assert one.reason == "a (and 2 more): 60 of 100 rows"
    alone = judged(replace(SEEN, violations=100, problems={"b": 40}))
    assert alone.reason == "b: 40 of 100 rows"
    tied = judged(replace(SEEN, violations=100, problems={"a": 40, "b": 40}))
    assert tied.reason == "b (and 1 more): 40 of 100 rows"


@pytest.mark.parametrize(
    ("new_only", "words"),
    [(True, "the candidate fails where the baseline answers"), (False, "one version alone fails")],
)
def test_faults_have_words_of_their_own(new_only, words):
    bound = Bound("faults", "faults", "rows", Faults(new_only=new_only))
    assert judged(replace(SEEN, violations=3), bound).reason == f"{words}: 3 of 100 rows"


def test_a_share_that_changed_has_words_of_its_own():
    bound = Bound("changed-rate", "changed", "rows", Changed(0.1), max_violation_rate=0.1)
    one = judged(replace(SEEN, violations=11), bound)
    assert one.reason == "11 of 100 rows changed; the limit is 10"


def drift(**limits):
    return Drift(**{"anchor": "1.0.0", "over": 0.01, "max_share": 0.1, "max_mean_shift": None, **limits})


def test_drift_from_the_anchor_has_words_of_its_own():
    bound = Bound("drift", "drift", "rows", drift(), max_violation_rate=0.1)
    one = judged(replace(SEEN, violations=11), bound)
    assert one.reason == "11 of 100 rows moved by over 1% from the anchor 1.0.0; the limit is 10"
    assert one.limit == "10 rows (10%)"
    mean = Bound("drift", "drift", "rows", drift(max_mean_shift=0.02), max_violation_rate=0.1)
    unit = 2**1126
    still = {"y": Shift(100, 0, 0, 100 * unit)}
    moved = {"y": Shift(100, 0, 5 * unit, 100 * unit)}
    assert judged(SEEN, mean, shifts=still).status == PASS
    far = judged(SEEN, mean, shifts=moved)
    assert (far.status, far.code) == (FAIL, "")
    assert far.limit == "10 rows (10%); mean shift 2%"
    assert far.measured.startswith("0 of 100 rows")
    assert far.measured != "0 of 100 rows"
    lost = judged(SEEN, mean, shifts={"y": Shift(0, 100, 0, 0)})
    assert (lost.status, lost.code) == (INCONCLUSIVE, "E28") or lost.status == FAIL
    alone = Bound(
        "drift", "drift", "rows", drift(max_share=None, max_mean_shift=0.02), max_violation_rate=1.0
    )
    assert judged(SEEN, alone, shifts=still).limit == "mean shift 2%"
    none = judged(replace(SEEN, compared=0), mean, shifts=moved)
    assert none.status == INCONCLUSIVE


def test_a_source_that_was_not_reached_was_not_compared():
    one = judge_rule(NEAR, SourceState("rows", 100, None))
    assert (one.status, one.code, one.reason) == (INCONCLUSIVE, "E10", "rows was not compared")


def test_a_rule_that_met_no_output_checked_nothing():
    one = judged(RuleTally(), replace(NEAR, output="score"))
    assert (one.status, one.code) == (INCONCLUSIVE, "E28")
    assert one.reason == "rule near checked nothing: no output is named score"
    # with nothing answered there is no output to be named
    nothing = judged(RuleTally(), accounting=Accounting(both_faulted=100))
    assert (nothing.code, nothing.reason) == ("E10", "0 of 100 comparisons")
    assert (
        judged(RuleTally(compared=3, cases=3), Bound("e", "same_error", "rows", SameError())).status == PASS
    )
    assert judged(None, replace(NEAR, output="score")).code == "E28"


def leaving(bound, **more):
    return replace(bound, leaves=(Leaving("other", "*", None), Leaving("another", "*", None)), **more)


def test_a_default_whose_outputs_are_all_taken_over_has_nothing_to_say():
    default = leaving(NEAR, chosen="default for a refactor")
    structure = {"structure": RuleTally(outputs=("y",))}
    tally = Tally(Accounting(compared=100), {0: 1}, {"near": RuleTally(), **structure})
    one = judge_rule(default, SourceState("rows", 100, tally))
    assert (one.status, one.measured) == (PASS, "no output is left to it by another, other")
    for other in (replace(default, chosen="rules[0]"), replace(default, leaves=())):
        assert judge_rule(other, SourceState("rows", 100, tally)).code == "E28"
    bare = Tally(Accounting(compared=100), {0: 1}, {"near": RuleTally()})
    assert judge_rule(default, SourceState("rows", 100, bare)).code == "E28"


def test_a_condition_without_cases_checked_nothing():
    empty = RuleTally(outputs=("y",))
    where = parse("x > 3", "rules[0].where")
    one = judged(empty, replace(NEAR, where=where))
    assert (one.status, one.code) == (INCONCLUSIVE, "E28")
    assert one.reason == "rule near checked nothing: no case of rows has x > 3"
    both = judged(empty, leaving(NEAR, where=where))
    assert both.reason == "rule near checked nothing: no case of rows that no other rule took has x > 3"
    left = judged(empty, leaving(NEAR))
    assert left.reason == "rule near checked nothing: every case of rows left it for another, other"
    default = judged(empty, leaving(NEAR, chosen="default for a refactor"))
    assert (default.status, default.measured) == (PASS, "no case is left to it by another, other")
    plain = judged(empty)
    assert (plain.status, plain.code, plain.reason) == (INCONCLUSIVE, "E10", "0 of 100 comparisons")
    some = judged(replace(empty, cases=1), replace(NEAR, where=where))
    assert some.code == "E10"


def test_rows_without_any_value_are_nothing_to_judge():
    one = judged(replace(SEEN, valueless=100))
    assert (one.status, one.code) == (INCONCLUSIVE, "E10")
    assert one.reason == "no value to judge: both versions answer NaN or null in all 100 rows"
    assert judged(replace(SEEN, valueless=99)).status == PASS


def test_fewer_cases_than_the_rule_asks_for_say_nothing():
    one = judged(SEEN, replace(NEAR, min_cases=101))
    assert (one.status, one.code) == (INCONCLUSIVE, "")
    assert one.reason == "100 cases are fewer than min_cases = 101"
    assert judged(SEEN, replace(NEAR, min_cases=100)).status == PASS


def test_a_violation_outranks_whatever_else_is_unsure():
    assert judged(replace(SEEN, violations=1), replace(NEAR, min_cases=101)).status == FAIL
    assert (
        judge_rule(NEAR, SourceState("rows", 100, Tally(rules={"near": replace(SEEN, violations=1)}))).status
        == FAIL
    )


def test_slices_are_judged_with_it():
    bound = replace(NEAR, slices=(parse("x > 3", "rules[0].slices"),))
    assert judged(SEEN, bound).status == INCONCLUSIVE  # nobody has x > 3
    assert judged(SEEN).slices == ()


def test_what_nobody_counted_is_zero():
    bare = RuleResult(NEAR, PASS, "", "")
    names = ("violations", "compared", "both_nan", "largest", "cases", "ties", "waived")
    assert [getattr(bare, name) for name in names] == [0] * len(names)
    assert SourceState("rows", 1, None).search is False


def test_only_severity_fail_decides():
    assert RuleResult(NEAR, FAIL, "", "").decides
    assert not RuleResult(replace(NEAR, severity="warn"), FAIL, "", "").decides


# ---- the cases of a source


def counted(planned=100, trouble=(), **counts):
    blocks = counts.pop("blocks", {0: 1})
    return SourceState("rows", planned, Tally(Accounting(**counts), blocks), trouble=trouble)


LATE = HarnessError("late", code="E04", exit=Exit.INCONCLUSIVE)
SAME = Bound("same", "same_error", "rows", SameError(), chosen="rules[0]")
DEFAULT = replace(SAME, chosen="default for a search")


def said(found):
    return [(one.code, one.message) for one in found]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (counted(compared=100), []),
        (counted(compared=99), [("E11", "partial run: 99 of 100 cases reached")]),
        (counted(compared=99, candidate_faulted=1), []),
        (counted(compared=98, candidate_faulted=1, dropped=1), []),
        (counted(compared=101), [("E13", "ledger mismatch: 101 cases seen of 100 planned")]),
        (counted(planned=0), [("E10", "0 of 0 comparisons")]),
        (counted(planned=-1, compared=0), [("E13", "ledger mismatch: 0 cases seen of -1 planned")]),
        (counted(candidate_faulted=100), [("E10", "0 of 100 comparisons")]),
        (counted(candidate_faulted=100, trouble=(LATE,)), []),
        (counted(compared=9, trouble=(LATE,)), []),
        (counted(planned=1, compared=1), []),
        (
            counted(compared=100, blocks={0: 1, 3: 2, 2: 2}),
            [("E13", "ledger mismatch: block 2 was compared more than once")],
        ),
        (
            counted(compared=99, baseline_faulted=1),
            [("E10", "the baseline fails on 1 of 100 cases: nothing to compare there")],
        ),
        (
            counted(compared=99, both_faulted=1),
            [("E10", "both versions fail on 1 of 100 cases: too little was compared")],
        ),
        (SourceState("rows", 100, None), [("E10", "rows was not compared")]),
        (SourceState("rows", 100, None, trouble=(LATE,)), []),
    ],
)
def test_the_cases_of_a_source_add_up_or_it_is_said_why_not(seen, expected):
    found = accounting_troubles(seen, [NEAR])
    assert said(found) == expected
    for one in found:
        assert one.exit == Exit.INCONCLUSIVE
        assert one.where == "rows"
        assert one.hint


@pytest.mark.parametrize(
    ("bounds", "budget", "both", "fits"),
    [
        ([NEAR], None, 0, True),
        ([NEAR], None, 1, False),
        ([NEAR, DEFAULT], None, 1, False),
        ([NEAR, SAME], None, 50, True),
        ([NEAR, SAME], None, 51, False),
        ([DEFAULT, SAME], None, 50, True),
        ([NEAR, SAME], 3, 3, True),
        ([NEAR, SAME], 3, 4, False),
        ([NEAR], 3, 3, True),
        ([NEAR], 3, 4, False),
        ([NEAR, SAME], 0, 1, False),
        ([NEAR, SAME], 0, 0, True),
    ],
)
def test_both_versions_may_fail_within_a_budget(bounds, budget, both, fits):
    found = accounting_troubles(counted(compared=100 - both, both_faulted=both), bounds, budget)
    assert (not found) is fits
    assert all(f"max_both_faulted = {both} at rows" in one.hint for one in found)


def test_a_rule_for_errors_accounts_for_those_of_the_baseline():
    seen = counted(compared=99, baseline_faulted=1)
    assert said(accounting_troubles(seen, [NEAR, SAME])) == []
    assert said(accounting_troubles(seen, [NEAR, DEFAULT])) == []


def test_every_planned_case_is_somewhere():
    seen = counted(
        compared=1, baseline_faulted=2, candidate_faulted=3, both_faulted=4, dropped=5
    ).accounting()
    assert seen == {
        "planned": 100,
        "compared": 1,
        "baseline_faulted": 2,
        "candidate_faulted": 3,
        "both_faulted": 4,
        "dropped": 5,
        "not_reached": 85,
    }
    assert SourceState("rows", 7, None).accounting()["not_reached"] == 7
    assert counted(planned=3, compared=5).accounting()["not_reached"] == 0
    assert counted(planned=5, compared=5).accounting()["not_reached"] == 0


# ---- the verdict


WORDS = {"pass": "equal"}


def result(status, name="near", **more):
    bound = replace(NEAR, name=name, severity=more.pop("severity", "fail"))
    return RuleResult(bound, status, "", "", reason=more.pop("reason", f"{name} said so"), **more)


def trouble(exit, code="E01", message="died", hint="look"):
    return HarnessError(message, code=code, exit=exit, hint=hint)


def test_a_pass_needs_a_result_a_plan_and_no_trouble():
    assert decide([result(PASS)], [], 1, WORDS) == Verdict(PASS, Exit.PASS, "equal")
    for nothing in (decide([], [], 1, WORDS), decide([result(PASS)], [], 0, WORDS)):
        assert nothing == Verdict(INCONCLUSIVE, Exit.INCONCLUSIVE, "E10 0 of 0 comparisons")


def test_what_only_warns_decides_nothing():
    for status in (FAIL, INCONCLUSIVE):
        assert decide([result(status, severity="warn"), result(PASS)], [], 1, WORDS).name == PASS


def test_a_failure_names_itself_and_how_many_more():
    one = decide([result(PASS), result(FAIL)], [], 1, WORDS)
    assert one == Verdict(FAIL, Exit.FAIL, "near said so  [near, rows]")
    two = decide([result(FAIL), result(FAIL, "far"), result(INCONCLUSIVE)], [], 1, WORDS)
    assert two == Verdict(FAIL, Exit.FAIL, "near said so  [near, rows] (and 1 more)")
    test = decide([result(FAIL), result(FAIL, "far")], [trouble(Exit.FAIL, "", "1 test failed")], 1, WORDS)
    assert test == Verdict(FAIL, Exit.FAIL, "1 test failed (and 2 more)")


def test_what_is_unsure_names_the_cause_first_and_what_is_missing_last():
    unsure = result(INCONCLUSIVE, code="E28")
    one = decide([unsure], [], 1, WORDS)
    assert one == Verdict(INCONCLUSIVE, Exit.INCONCLUSIVE, "E28 near said so  [near, rows]")
    bare = decide([result(INCONCLUSIVE)], [], 1, WORDS)
    assert bare.reason == "near said so  [near, rows]"
    missing = [
        trouble(Exit.INCONCLUSIVE, "E10", "nothing", hint="ten"),
        trouble(Exit.INCONCLUSIVE, "E11", "partial", hint="eleven"),
        trouble(Exit.INCONCLUSIVE, "E01", "died", hint=""),
    ]
    all_three = decide([unsure], missing, 1, WORDS)
    assert all_three.reason == "E01 died (and 3 more)"
    assert all_three.hint == "eleven"
    assert decide([result(PASS)], missing[:2], 1, WORDS).reason == "E11 partial (and 1 more)"
    assert decide([result(PASS)], missing[2:], 1, WORDS) == Verdict(
        INCONCLUSIVE, Exit.INCONCLUSIVE, "E01 died", ""
    )
    # trouble says why there are no results, and no E10 has to
    assert decide([], missing[2:], 0, WORDS).reason == "E01 died"


@pytest.mark.parametrize(
    ("results", "exits", "name", "exit"),
    [
        ([FAIL], [Exit.INCONCLUSIVE], FAIL, 1),
        ([INCONCLUSIVE], [Exit.FAIL], FAIL, 1),
        ([PASS], [Exit.FAIL], FAIL, 1),
        ([PASS], [Exit.INCONCLUSIVE], INCONCLUSIVE, 10),
        ([PASS], [Exit.STORE], INCONCLUSIVE, 11),
        ([PASS], [Exit.REFUSED], INCONCLUSIVE, 12),
        ([FAIL], [Exit.REFUSED], FAIL, 12),
        ([PASS], [Exit.USAGE], INCONCLUSIVE, 4),
        ([FAIL], [Exit.USAGE], FAIL, 4),
        ([FAIL], [Exit.INTERRUPTED], FAIL, 2),
        ([PASS], [Exit.TERMINATED, Exit.STORE], INCONCLUSIVE, 143),
        ([PASS, INCONCLUSIVE], [], INCONCLUSIVE, 10),
    ],
)
def test_fail_over_inconclusive_over_pass_and_the_code_by_precedence(results, exits, name, exit):
    one = decide([result(status) for status in results], [trouble(code) for code in exits], 1, WORDS)
    assert (one.name, one.exit) == (name, exit)


@pytest.mark.parametrize(
    "one", [Verdict(PASS, Exit.PASS, ""), RuleResult(NEAR, PASS, "", ""), counted(compared=1)]
)
def test_nobody_changes_what_was_judged(one):
    name = next(iter(type(one).__slots__))
    with pytest.raises(FrozenInstanceError):
        setattr(one, name, "PASS")
    assert not hasattr(one, "__dict__")


def test_what_needs_kept_columns_is_not_judged_here():
    with pytest.raises(AssertionError):
        judge_rule(Bound("not-worse", "not_worse", "rows", NotWorse("mae", 0.1)), state())


def test_structure_and_exact_rules_pass_alike():
    for rule in (Structure(), Exact()):
        assert judged(SEEN, Bound("r", "r", "rows", rule)).status == PASS


# ---- rules that count all of their cases together


def counting(rule, rows, **seen):
    """A rule of rates on 100 rows, `rows` of which are null in the candidate."""
    bound = Bound("few-nulls", "null_rate", "rows", rule)
    counted = {census.key(census.CANDIDATE, "y"): Count(rows, 3, "r3")} if rows else {}
    return judged(replace(SEEN, counted=counted, **seen), bound)


def test_a_rate_is_judged_from_counts_and_says_which_rule_it_was():
    passes = counting(NullRate(max_rate=0.05), 5, violations=40)
    assert (passes.status, passes.reason, passes.code, passes.violations) == (PASS, "", "", 0)
    assert passes.limit == "5% of the rows"
    fails = counting(NullRate(max_rate=0.05), 6, violations=40)
    assert (fails.status, fails.code, fails.worst_key) == (FAIL, "", "r3")
    assert fails.reason.endswith(" (few-nulls)")
    assert fails.measured == passes.measured.replace("in 5 of", "in 6 of")
    assert fails.violations > 0


def test_a_class_that_nobody_can_judge_is_no_pass_and_no_other_rule_s_words():
    bound = Bound("classes", "class_set", "rows", ClassSet())
    crowd = {
        census.key(census.BASELINE, "y", f"c{n:03}"): Count(1, n, f"r{n}") for n in range(census.LIMIT + 1)
    }
    one = judged(replace(SEEN, counted=crowd), bound)
    assert one.status == INCONCLUSIVE
    assert "(classes)" not in one.reason


def test_where_nothing_was_compared_counts_say_nothing():
    bound = Bound("few-nulls", "null_rate", "rows", NullRate(max_rate=0.0))
    one = judged(replace(SEEN, compared=0, outputs=(), violations=40), bound)
    assert one.reason != ""
    assert one.violations == 0


def test_a_source_has_no_recorded_answers_unless_somebody_says_so():
    assert SourceState("rows", 100, None).recorded == 0


def test_a_rate_that_holds_on_too_few_cases_is_no_pass():
    bound = Bound("few-nulls", "null_rate", "rows", NullRate(max_rate=0.05), min_cases=200)
    assert judged(SEEN, bound).status == INCONCLUSIVE
