"""Rates and classes: null answers, failing rows, the classes of a classifier; against Python's counting."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare import census, waivers
from harness.compare.align import compare
from harness.compare.ruleset import SourceFacts, bind
from harness.compare.tally import RuleTally, Tally
from harness.compare.verdict import FAIL, INCONCLUSIVE, PASS, SourceState, judge_rule
from harness.errors import HarnessError
from harness.settings import RuleSettings, Settings, WaiverSettings
from harness.tables import Batch, Column, Fault, Outcome

TODAY = datetime.date(2026, 1, 1)
FAULT = "fault"


def rule(name, kind, output="*", *, where="", severity="fail", **parameters):
    return RuleSettings(name, kind, output=output, where=where, severity=severity, parameters=parameters)


def bound(*rules, change="retrain", classes=None, search=False, **more):
    whole = Settings(path=Path("harness.toml"), root=Path(), model="m", rules=rules, **more)
    facts = [SourceFacts("s", search=search, labelled=False, columns={"i": "int"})]
    return {one.name: one for one in bind(whole, change, facts, ("x",), TODAY, classes)}


def outcome(answers):
    """FAULT, None (null) or a value for each row."""
    faults = tuple(Fault(row, "ValueError", "no") for row, one in enumerate(answers) if one == FAULT)
    answered = np.array([one != FAULT for one in answers], bool)
    text = any(isinstance(one, str) and one != FAULT for one in answers)
    if text:
        values = np.array([one if isinstance(one, str) else "" for one in answers], object)
    else:
        values = np.array([one if isinstance(one, float) else 0.0 for one in answers])
    null = np.array([one is None for one in answers], bool)
    return Outcome({"x": Column("str" if text else "float", values, null)}, answered, faults)


def batch_of(n, start=0, block=0, target=None):
    rows = np.arange(start, start + n)
    labels = None if target is None else Column("str", np.array(target, object))
    return Batch(
        "s", block, start, np.array([f"r{row}" for row in rows], object), {"i": Column("int", rows)}, labels
    )


def judged(bounds, old, new, name, target=None):
    batch = batch_of(len(old), target=target)
    tally = compare(batch, outcome(old), outcome(new), list(bounds.values()))
    return judge_rule(bounds[name], SourceState("s", len(old), tally))


answers = st.sampled_from([1.0, 2.0, None, math.nan, FAULT])
pairs = st.lists(st.tuples(answers, answers), min_size=1, max_size=40)
shares = st.sampled_from([0.0, 0.05, 0.07, 0.1, 0.25, 0.5, 0.99])


def allowed(share, of):
    """The most rows that are no larger a share than this, by counting up in whole thousandths."""
    return max(k for k in range(of + 1) if k * 1000 <= round(share * 1000) * of)


@given(pairs, shares, shares)
def test_rates_agree_with_counting(rows, rate, increase):
    old, new = (list(side) for side in zip(*rows, strict=True))
    bounds = bound(
        rule("nulls", "null_rate", max_rate=rate, max_increase=increase),
        rule("errors", "error_rate", max_rate=rate, max_increase=increase),
    )
    failed = [sum(one == FAULT for one in side) for side in (old, new)]
    most = min(allowed(rate, len(rows)), failed[0] + allowed(increase, len(rows)))
    assert judged(bounds, old, new, "errors").status == (FAIL if failed[1] > most else PASS)
    both = [(b, c) for b, c in rows if FAULT not in (b, c)]
    gone = [sum(one is None or math.isnan(one) for one in side) for side in zip(*both, strict=True)] or [0, 0]
    most = min(allowed(rate, len(both)), gone[0] + allowed(increase, len(both)))
    expected = FAIL if gone[1] > most else PASS
    assert judged(bounds, old, new, "nulls").status == (expected if both else INCONCLUSIVE)


words = st.sampled_from(["a", "b", "c", "d"])


@given(st.lists(st.tuples(words, words), min_size=1, max_size=20), st.sets(words), st.sets(words))
def test_classes_agree_with_sets(rows, new, gone):
    old_side, new_side = (list(side) for side in zip(*rows, strict=True))
    bounds = bound(rule("classes", "class_set", allow_new=sorted(new), allow_gone=sorted(gone)))
    fails = set(new_side) - set(old_side) - new or set(old_side) - set(new_side) - gone
    assert judged(bounds, old_side, new_side, "classes").status == (FAIL if fails else PASS)


@given(st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 2500)), min_size=3, max_size=9), st.data())
def test_however_classes_are_cut_the_counts_are_the_same(spans, data):
    """Many more classes than are kept, in blocks that overlap: the same counts in any order and grouping."""
    parts = []
    for start, (low, high) in enumerate(spans):
        named = [f"c{number}" for number in range(low, min(high, low + 700), 1)]
        column = Column("str", np.array([*named, "x"], object))
        mask, keys = np.ones(len(column), bool), np.arange(len(column))
        parts.append(
            Tally(rules={"r": _counted(census.of_classes("baseline", "x", column, mask, start * 1000, keys))})
        )
    order = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(0, len(parts)))
    straight = sum(parts, Tally())
    grouped = sum(order[:cut], Tally()) + sum(order[cut:], Tally())
    assert json.dumps(straight.to_json()) == json.dumps(grouped.to_json())
    assert Tally.from_json(json.loads(json.dumps(straight.to_json()))) == straight


def _counted(counts):
    return RuleTally(counted=counts)


def test_a_budget_for_nulls_takes_them_from_structure_and_from_nothing_else():
    old, new = [1.0] * 20, [None, math.inf, *[1.0] * 18]
    assert judged(bound(), old, new, "structure").violations == 2
    bounds = bound(rule("nulls", "null_rate", "x", max_rate=0.05))
    assert judged(bounds, old, new, "nulls").status == PASS
    left = judged(bounds, old, new, "structure")
    assert (left.status, left.violations) == (FAIL, 1)
    assert left.reason.startswith("answers became infinite: x")
    # by its kind's own rule every answer of a refactor is judged all the same
    bounds = bound(rule("nulls", "null_rate", max_rate=0.05), change="refactor")
    assert judged(bounds, old, new, "values").status == FAIL


def test_a_budget_for_errors_takes_them_from_faults():
    old, new = [1.0] * 20, [FAULT, *[1.0] * 19]
    assert judged(bound(), old, new, "faults").status == FAIL
    bounds = bound(rule("errors", "error_rate", max_rate=0.05))
    assert judged(bounds, old, new, "faults").status == PASS
    assert judged(bounds, old, new, "errors").measured == "errors in 1 of 20 rows (baseline 0)"
    bounds = bound(rule("errors", "error_rate", max_rate=0.04))
    failed = judged(bounds, old, new, "errors")
    assert (failed.status, failed.worst_key) == (FAIL, "r0")
    assert failed.reason == "errors in 1 of 20 rows (baseline 0); the limit is 0 (errors)"


@pytest.mark.parametrize("more", [{"severity": "warn"}, {"where": "i > 10"}])
def test_a_warning_or_other_cases_take_nothing(more):
    bounds = bound(
        rule("nulls", "null_rate", max_rate=0.9, **more), rule("errors", "error_rate", max_rate=0.9, **more)
    )
    old, new = [1.0] * 20, [None, FAULT, *[1.0] * 18]
    assert judged(bounds, old, new, "structure").status == FAIL
    assert judged(bounds, old, new, "faults").status == FAIL


def test_the_rate_of_the_chosen_cases_is_judged():
    bounds = bound(rule("nulls", "null_rate", max_rate=0.1, where="i < 10"))
    result = judged(bounds, [1.0] * 20, [None, None, *[1.0] * 18], "nulls")
    assert (result.status, result.measured) == (FAIL, "x NaN or null in 2 of 10 rows (baseline 0)")


def test_a_new_class_of_a_retrained_classifier_fails_unless_it_is_known():
    old, new = ["a", "b"] * 10, [*["a", "b"] * 9, "a", "c"]
    plain = bound(classes={"x": ()})
    failed = judged(plain, old, new, "class-set")
    assert (failed.status, failed.violations, failed.worst_key) == (FAIL, 1, "r19")
    assert "the candidate answers 1 class that the baseline does not know (c): 1 of 20 rows" in failed.reason
    assert judged(plain, old, old, "class-set").status == PASS
    # what the manifest declares, or a label of the table names, is known though the baseline never answered it
    assert judged(bound(classes={"x": ("c",)}), old, new, "class-set").status == PASS
    assert judged(plain, old, new, "class-set", target=[*["a"] * 19, "c"]).status == PASS
    # a class that is no longer answered is a matter of quality, and fails where configuration says so
    assert judged(plain, old, ["a"] * 20, "class-set").status == PASS
    gone = judged(bound(rule("classes", "class_set")), old, ["a"] * 20, "classes")
    assert (gone.status, gone.measured) == (FAIL, "1 gone (b)")


def test_free_text_is_no_set_of_classes_and_rubbish_beside_classes_fails():
    texts = [f"t{row}" for row in range(20)]
    other = [f"u{row}" for row in range(20)]
    assert judged(bound(classes={"x": ()}), texts, other, "class-set").measured == "no output holds classes"
    assert judged(bound(classes={"x": ()}), ["a", "b"] * 10, other, "class-set").status == FAIL
    many = [f"t{row}" for row in range(census.LIMIT + 1)]
    assert judged(bound(rule("c", "class_set")), many, many, "c").status == INCONCLUSIVE
    rubbish = judged(bound(rule("c", "class_set")), ["a"] * len(many), many, "c")
    assert rubbish.status == FAIL


def test_a_configured_set_stands_in_place_of_the_default():
    assert "class-set" in bound(classes={"x": ()})
    assert "class-set" not in bound(rule("c", "class_set", "x"), classes={"x": ()})
    assert "class-set" in bound(rule("c", "class_set", "x", severity="warn"), classes={"x": ()})
    assert "class-set" not in bound(classes={"x": ()}, change="refactor")
    assert "class-set" not in bound(classes={"x": ()}, search=True)


def test_classes_of_a_private_output_are_never_named():
    bounds = bound(classes={"x": ()}, private=("x",))
    said = judged(bounds, ["a"] * 10, ["secret"] * 10, "class-set")
    assert said.status == FAIL
    assert "secret" not in said.reason + said.measured
    with pytest.raises(HarnessError, match="whose values are private"):
        bound(rule("c", "class_set", "x"), private=("x",))


@pytest.mark.parametrize(("more", "words"), [
    ({"max_violations": 3}, "has max_violations, and rule = \"null_rate\" counts all of its cases together"),
    ({"slices": ("i",)}, "has slices"),
    ({"replaces": "other"}, "has replaces"),
])  # fmt: skip
def test_what_does_not_fit_such_a_rule_is_refused(more, words):
    item = RuleSettings("nulls", "null_rate", parameters={"max_rate": 0.1}, **more)
    with pytest.raises(HarnessError, match=words) as caught:
        bound(item)
    assert caught.value.code == "E27"


def test_an_error_has_no_output_and_no_budget_binds_to_a_search():
    with pytest.raises(HarnessError, match="a row that fails has no output"):
        bound(rule("errors", "error_rate", "x", max_rate=0.1))
    with pytest.raises(HarnessError, match="no input source that it may judge"):
        bound(rule("errors", "error_rate", max_rate=0.1), search=True)
    with pytest.raises(HarnessError, match="contradict each other"):
        bound(rule("a", "null_rate", max_rate=0.1), rule("b", "null_rate", max_rate=0.2))


def test_such_a_rule_cannot_be_waived():
    waiver = WaiverSettings("w", "nulls", "me", "why", datetime.date(2027, 1, 1))
    settings = Settings(
        path=Path("harness.toml"), root=Path(), model="m", waivers=(waiver,),
        rules=(rule("nulls", "null_rate", max_rate=0.1),),
    )  # fmt: skip
    bounds = bind(settings, "retrain", [SourceFacts("s", False, False)], ("x",), TODAY)
    with pytest.raises(HarnessError, match="waiver w: nulls cannot be waived"):
        waivers.attach(bounds, settings, ("1.0.0", "1.1.0"), TODAY)


def test_another_rule_is_not_taken_from_its_cases_by_a_rate():
    values = bound(rule("nulls", "null_rate", max_rate=0.9), change="refactor")["values"]
    assert values.leaves == ()


def test_classes_that_are_too_many_crowd_out_those_of_no_other_output():
    names = [f"c{number:04}" for number in range(census.LIMIT + 9)]
    counts = {
        census.key(side, output, name): census.Count(1, 0, "r0")
        for side in ("baseline", "candidate")
        for output in ("x", "y")
        for name in names
    }
    kept = [json.loads(name)[:2] for name in census.first(counts)]
    assert [kept.count(pair) for pair in (["baseline", "x"], ["candidate", "y"])] == [census.LIMIT + 1] * 2
