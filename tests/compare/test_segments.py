"""Which cases a rule judges: where, slices, replaces, precedence; whatever the work is cut into."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.align import compare
from harness.compare.ruleset import SourceFacts, bind
from harness.compare.slices import LIMIT, SliceTally
from harness.compare.tally import RuleTally, Tally
from harness.compare.verdict import FAIL, INCONCLUSIVE, PASS, SourceState, judge_rule
from harness.compare.where import parse
from harness.errors import HarnessError
from harness.settings import MaxQuantile, RuleSettings, Settings
from harness.tables import Batch, Column, Outcome

TODAY = datetime.date(2026, 1, 1)
KINDS = {"t": "str", "k": "int", "f": "float"}


def rule(name, kind="close", output="x", parameters=None, **more):
    return RuleSettings(name, kind, output=output, parameters=parameters or {}, **more)


def bound(*rules, change="refactor", outputs=("x", "y"), search=False, columns=KINDS, **settings):
    whole = Settings(path=Path("harness.toml"), root=Path(), model="m", rules=rules, **settings)
    facts = [SourceFacts("s", search=search, labelled=False, columns=columns)]
    return {one.name: one for one in bind(whole, change, facts, outputs, TODAY)}


def tally_of(rows, bounds, start=0, block=0, beside=()):
    """Rows are (t, k, f, x of the baseline, x of the candidate, y of both sides or None); `beside` are columns that
    no version takes."""
    keys = np.array([f"r{start + i}" for i in range(len(rows))], object)
    t, k, f, old, new = zip(*rows, strict=True)
    columns = {
        "t": Column("str", np.array([v or "" for v in t], object), np.array([v is None for v in t])),
        "k": Column("int", np.array(k)),
        "f": Column("float", np.array([np.nan if v is None else v for v in f])),
    }
    more = {name: columns.pop(name) for name in beside}
    batch = Batch("s", block, start, keys, columns, beside=more)
    sides = [
        Outcome(
            {"x": Column("float", np.array(x, float)), "y": Column("str", np.array(["a"] * len(x), object))},
            np.ones(len(x), bool),
        )
        for x in (old, new)
    ]
    return compare(batch, *sides, list(bounds.values()))


def result(rows, bounds, name):
    return judge_rule(bounds[name], SourceState("s", len(rows), tally_of(rows, bounds)))


rows = st.lists(
    st.tuples(
        st.none() | st.sampled_from(["a", "b", "O'Brien"]),
        st.integers(0, 2),
        st.none() | st.sampled_from([0.5, 1.0, -0.0]),
        st.sampled_from([1.0, 2.0]),
        st.sampled_from([1.0, 2.0, 2.5]),
    ),
    min_size=1,
    max_size=30,
)
SEGMENTS = (
    rule(
        "wide",
        parameters={"atol": 1.0},
        where="t == 'a' or k == 2",
        replaces="near",
        slices=("t", "k", "f < 1"),
    ),
    rule("near", parameters={"atol": 0.5}, slices=("t",), max_violation_rate=0.5),
)


@given(rows, st.data())
def test_any_chunking_gives_an_equal_tally(rows, data):
    bounds = bound(*SEGMENTS)
    whole = tally_of(rows, bounds)
    cuts = sorted(
        data.draw(st.sets(st.integers(1, max(1, len(rows) - 1)), max_size=4)) & set(range(1, len(rows)))
    )
    parts = [tally_of(rows[a:b], bounds, start=a) for a, b in pairwise([0, *cuts, len(rows)])]
    merged = sum(data.draw(st.permutations(parts)), Tally())
    there = Tally.from_json(json.loads(json.dumps(merged.to_json())))
    seen, expected = (json.dumps(one.to_json()["rules"], sort_keys=True) for one in (there, whole))
    assert seen == expected


@given(rows, st.sets(st.sampled_from(sorted(KINDS))), st.integers(0, 30))
def test_it_makes_no_difference_whether_a_version_takes_the_columns_of_a_condition(rows, beside, cut):
    bounds = bound(*SEGMENTS)
    whole = tally_of(rows, bounds).rules
    found = [part for part in (rows[:cut], rows[cut:]) if part]
    starts = (0, len(found[0]))
    there = sum(
        (tally_of(one, bounds, at, beside=beside) for one, at in zip(found, starts, strict=False)), Tally()
    )
    for name in ("wide", "near", "values"):
        assert there.rules[name].slices == whole[name].slices
        for field in ("compared", "violations", "cases", "largest"):
            assert getattr(there.rules[name], field) == getattr(whole[name], field)


def test_what_lies_beside_the_inputs_is_given_to_nobody():
    batch = Batch("s", 0, 0, np.arange(2), {"k": Column.of([1, 2])}, beside={"t": Column.of(["a", "b"])})
    assert set(batch.whole) == {"k", "t"}
    for names in (None, ("k",), ("k", "t")):
        given_to = batch.given(names)
        assert (set(given_to.columns), dict(given_to.beside)) == ({"k"}, {})
    assert batch.take([1]).beside["t"].tolist() == ["b"]
    # what two versions take whole travels once
    inputs = batch.given()
    assert inputs.given(("k", "z")) is inputs.given() is inputs
    assert "t" not in batch.case(0)


def test_a_search_has_no_columns_beside_its_inputs():
    """A rule by one judges the table alone and takes nothing from the default there; bound to the search, or named by
    nobody, it is refused."""
    facts = [
        SourceFacts("table", search=False, labelled=False, columns=KINDS, beside=frozenset({"t"})),
        SourceFacts("search", search=True, labelled=False, columns={"k": "int"}),
    ]

    def bounds(*rules):
        whole = Settings(path=Path("harness.toml"), root=Path(), model="m", rules=rules)
        return {(one.source, one.name): one for one in bind(whole, "refactor", facts, ("x",), TODAY)}

    one = bounds(rule("a", where="t == 'a'", slices=("t",)))
    assert ("table", "a") in one
    assert ("search", "a") not in one
    assert [gone.to for gone in one["table", "values"].leaves] == ["a"]
    assert one["search", "values"].leaves == ()
    sliced = bounds(rule("a", slices=("t", "k")))
    assert len(sliced["table", "a"].slices) == 2
    assert ("search", "a") in sliced
    with pytest.raises(HarnessError, match="E27 rule a is bound to the search search, whose cases have no t"):
        bounds(rule("a", where="t == 'a'", inputs=("search",)))
    # an input of the table that the search's schema lacks is no column beside: that is an error, as before
    with pytest.raises(HarnessError, match="E27 no column is named f"):
        bounds(rule("a", where="f > 1"))


@given(rows)
def test_every_case_of_an_output_is_judged_by_one_of_the_rules_that_share_it(rows):
    bounds = bound(*SEGMENTS)
    seen = tally_of(rows, bounds).rules
    wide = [t == "a" or k == 2 for t, k, *_ in rows]
    assert seen["wide"].compared == sum(wide)
    assert seen["near"].compared == len(rows) - sum(wide)
    apart = [abs(new - old) for *_, old, new in rows]
    assert seen["wide"].violations == sum(w and d > 1 for w, d in zip(wide, apart, strict=True))
    assert seen["near"].violations == sum(not w and d > 0.5 for w, d in zip(wide, apart, strict=True))
    # the default has the other output alone, since the configured rules have x between them
    assert seen["values"].outputs == ("y",)


@given(rows)
def test_slices_are_counted_apart_and_named_so_that_a_rule_can_take_the_name(rows):
    bounds = bound(rule("near", parameters={"atol": 0.5}, slices=("t", "k", "f")))
    slices = tally_of(rows, bounds).rules["near"].slices
    expected = Counter()
    for t, k, f, old, new in rows:
        quoted = "t is null" if t is None else "t == '" + t.replace("'", "''") + "'"
        for name in (
            quoted,
            f"k == {k}",
            {None: "f is null", 0.5: "f == 0.5", 1.0: "f == 1", 0.0: "f == 0"}[f],
        ):
            expected[name, "cases"] += 1
            expected[name, "violations"] += abs(new - old) > 0.5
    assert list(slices) == sorted({name for name, _ in expected})
    for name, seen in slices.items():
        assert (seen.cases, seen.violations) == (expected[name, "cases"], expected[name, "violations"])
        narrowed = bound(rule("near", parameters={"atol": 0.5}, where=name))
        alone = tally_of(rows, narrowed).rules["near"]
        assert (alone.compared, alone.violations) == (seen.compared, seen.violations)
        assert seen.worst_key == (alone.findings[0].key if alone.findings else "")


@given(st.lists(st.sets(st.integers(0, 300), max_size=250), min_size=1, max_size=4), st.data())
def test_too_many_slices_are_too_many_in_any_order_of_merging(parts, data):
    tallies = [
        RuleTally(slices=dict(sorted({f"k == {v}": SliceTally(1) for v in values}.items())[: LIMIT + 1]))
        for values in parts
    ]
    whole = Counter(f"k == {v}" for values in parts for v in values)
    expected = {name: whole[name] for name in sorted(whole)[: LIMIT + 1]}
    merged = RuleTally()
    for one in data.draw(st.permutations(tallies)):
        merged = merged + one
    assert {name: one.cases for name, one in merged.slices.items()} == expected


def test_more_slices_than_can_be_judged_are_inconclusive():
    bounds = bound(rule("near", parameters={"atol": 0.5}, slices=("k",)))
    many = [("a", k, 1.0, 1.0, 1.0) for k in range(LIMIT + 1)]
    found = result(many, bounds, "near")
    assert (found.status, found.code) == (INCONCLUSIVE, "E27")
    assert "more than 200 slices" in found.reason
    assert result(many[:LIMIT], bounds, "near").status == PASS


def test_a_budget_holds_again_within_each_slice():
    bounds = bound(rule("near", parameters={"atol": 0.5}, max_violation_rate=0.2, slices=("t",)))
    calm = [("a", 0, 1.0, 1.0, 1.0)] * 18
    moved = [("b", 0, 1.0, 1.0, 3.0), ("b", 0, 1.0, 1.0, 1.0)]
    found = result(calm + moved, bounds, "near")
    assert found.status == FAIL
    assert found.reason == ("1 of 2 rows with t == 'b' violate near, |c - b| <= 0.5; none may")
    assert found.worst_key == "r18"
    assert [(one.name, one.status) for one in found.slices] == [("t == 'a'", PASS), ("t == 'b'", FAIL)]
    assert result(calm + calm + [("a", 0, 1.0, 1.0, 3.0)], bounds, "near").status == PASS


def test_min_cases_holds_within_each_slice_and_failure_outranks_it():
    bounds = bound(rule("near", parameters={"atol": 0.5}, min_cases=2, slices=("t",)))
    few = [("a", 0, 1.0, 1.0, 1.0)] * 2 + [("b", 0, 1.0, 1.0, 1.0)]
    found = result(few, bounds, "near")
    assert found.status == INCONCLUSIVE
    assert "1 cases with t == 'b' are fewer than min_cases = 2" in found.reason
    assert result([*few, ("a", 0, 1.0, 1.0, 9.0)], bounds, "near").status == FAIL


def test_a_condition_without_cases_checked_nothing():
    calm = [("a", 0, 1.0, 1.0, 1.0)]
    for one in (
        rule("near", parameters={"atol": 0.5}, where="t == 'z'"),
        rule("near", parameters={"atol": 0.5}, slices=("t == 'z'",)),
    ):
        found = result(calm, bound(one), "near")
        assert (found.status, found.code) == (INCONCLUSIVE, "E28")
        assert "t == 'z'" in found.reason


def test_a_case_outside_the_condition_is_left_to_the_default():
    bounds = bound(rule("near", parameters={"atol": 5.0}, where="t == 'a'"))
    assert result([("a", 0, 1.0, 1.0, 3.0), ("b", 0, 1.0, 1.0, 1.0)], bounds, "values").status == PASS
    found = result([("a", 0, 1.0, 1.0, 1.0), ("b", 0, 1.0, 1.0, 1.5)], bounds, "values")
    assert (found.status, found.violations) == (FAIL, 1)


def test_a_default_without_cases_left_passes_and_a_configured_rule_does_not():
    calm = [("a", 0, 1.0, 1.0, 1.0)]
    found = result(calm, bound(rule("equal", "exact", output="*", where="t == 'a'")), "values")
    assert (found.status, found.measured) == (PASS, "no case is left to it by equal")
    whole = bound(
        rule("near", parameters={"atol": 5.0}, where="t == 'a'", replaces="far"),
        rule("far", parameters={"atol": 1.0}),
    )
    found = result(calm, whole, "far")
    assert (found.status, found.code) == (INCONCLUSIVE, "E28")
    assert "left it for near" in found.reason


def test_replacing_is_for_the_outputs_that_both_judge():
    bounds = bound(
        rule("all", "exact", output="*"),
        rule("near", parameters={"atol": 5.0}, where="t == 'a'", replaces="all"),
    )
    seen = tally_of([("a", 0, 1.0, 1.0, 3.0)], bounds).rules
    assert seen["all"].outputs == ("x", "y")
    assert (seen["all"].compared, seen["all"].violations) == (1, 0)  # y of that case stays with it


def test_a_rule_that_is_replaced_everywhere_is_not_bound_and_no_error():
    wide = rule("wide", parameters={"atol": 5.0}, replaces="near", when=("upgrade",))
    near = rule("near", parameters={"atol": 0.5})
    assert "near" not in bound(wide, near, change="upgrade")
    assert "wide" not in bound(wide, near)
    # a budget judges no search: there the replaced rule keeps its cases
    wide = rule("wide", parameters={"atol": 5.0}, replaces="near", max_violation_rate=0.1, when=("upgrade",))
    assert "near" in bound(near, search=True, change="upgrade")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            (rule("a", parameters={"atol": 1.0}), rule("b", parameters={"atol": 2.0})),
            "rules a and b contradict each other on s",
        ),
        (
            (rule("a", "exact", max_violations=1), rule("b", "exact", output="*", max_violations=2)),
            "rules a and b contradict each other on s: equal with different budgets",
        ),
        (
            (
                rule("a", parameters={"atol": 1.0}, where="k<1 and t == 'a'"),
                rule("b", parameters={"atol": 2.0}, where='k < 1   and t == "a"'),
            ),
            "contradict",
        ),
        ((rule("a", "exact", replaces="b"),), 'unknown rule "b"'),
        ((rule("a", "exact", replaces="a"),), "rules replace one another: a → a"),
        (
            (rule("a", "exact", replaces="b"), rule("b", parameters={"atol": 1.0}, replaces="a")),
            "rules replace one another: a → b → a",
        ),
        ((rule("a", "exact", replaces="b"), rule("b", "exact", output="y")), "no output in common"),
        ((rule("a", "same_error", where="k == 1"),), "same_error judges every case"),
        ((rule("a", "exact", replaces="b"), rule("b", "same_error")), "accounts for errors"),
        ((rule("a", "budget"),), "has none"),
        ((rule("a", "exact", where="z == 1"),), "no column is named z"),
        ((rule("a", "exact", where="k == "),), "cannot read the condition"),
        ((rule("a", "exact", slices=("z",)),), "no column is named z"),
        ((rule("a", "exact", slices=("k <",)),), "cannot read the condition"),
        ((rule("a", "exact", slices=("j",)),), "column j holds json"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rules, words):
    with pytest.raises(HarnessError, match=words) as caught:
        bound(*rules, columns=KINDS | {"j": "json"})
    assert caught.value.code in ("E27", "E28")
    assert caught.value.where
    assert caught.value.hint


def test_the_last_day_of_a_rule_still_counts():
    assert "a" in bound(rule("a", "exact", until=TODAY))
    with pytest.raises(HarnessError, match="rule a expired on 2025-12-31"):
        bound(rule("a", "exact", until=TODAY - datetime.timedelta(days=1)))


@pytest.mark.parametrize(
    "rules",
    [
        # a ladder: a wider tolerance has a smaller budget
        (
            rule("a", parameters={"atol": 1.0}, max_violation_rate=0.1),
            rule("b", parameters={"atol": 2.0}),
        ),
        (rule("a", parameters={"atol": 1.0}, severity="warn"), rule("b", parameters={"atol": 2.0})),
        (rule("a", parameters={"atol": 1.0}, where="k == 1"), rule("b", parameters={"atol": 2.0})),
        (rule("a", parameters={"atol": 1.0}, replaces="b"), rule("b", parameters={"atol": 2.0})),
        (rule("a", parameters={"atol": 1.0}), rule("b", output="y", parameters={"atol": 2.0})),
        (rule("a", parameters={"atol": 1.0}), rule("b", "exact")),
        (
            rule("a", parameters={"atol": 1.0}, when=("refactor",)),
            rule("b", parameters={"atol": 2.0}, when=("upgrade",)),
        ),
        (
            rule("a", "budget", max_quantile=MaxQuantile(0.5, 1.0)),
            rule("b", "budget", max_quantile=MaxQuantile(0.99, 9.0)),
        ),
    ],
)
def test_rules_that_may_stand_beside_one_another(rules):
    assert bound(*rules)


def test_slices_by_a_private_column_would_show_its_values():
    with pytest.raises(HarnessError, match="whose values are private"):
        bound(rule("a", "exact", slices=("t",)), private=("t",))
    assert bound(rule("a", "exact", slices=("k",), where="t == 'a'"), private=("t",))


def chances(old, new, a, b, change="upgrade"):
    """One row whose label went from `old` to `new`, with the baseline's probabilities of a and b."""
    bounds = bound(change=change, outputs=("label", "probability_a", "probability_b"))
    batch = Batch("s", 0, 0, np.arange(1), {"k": Column.of([1])})
    labels = {"probability_a": Column.of([a]), "probability_b": Column.of([b])}
    sides = [Outcome({"label": Column.of([label])} | labels, np.ones(1, bool)) for label in (old, new)]
    tally = compare(batch, *sides, list(bounds.values()))
    return judge_rule(bounds["values"], SourceState("s", 1, tally))


def test_ties_of_the_baseline_are_excepted_under_an_upgrade_and_counted():
    found = chances("a", "b", 0.5, 0.5)
    assert (found.status, found.ties) == (PASS, 1)
    assert found.measured == "0 of 1 rows (1 ties of the baseline excepted)"
    assert chances("a", "b", 0.5, 0.5 + 1e-9).ties == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("a", "b", 0.5, 0.5, "refactor"),
        ("a", "b", 0.6, 0.4),  # the baseline chose
        ("b", "a", 0.6, 0.4),  # and its label was not its choice
        ("a", "c", 0.5, 0.5),  # a third label is no part of the tie
        ("a", "b", float("nan"), 0.5),
        ("a", None, 0.5, 0.5),
    ],
)
def test_what_is_no_tie_is_a_flip(arguments):
    found = chances(*arguments)
    assert (found.status, found.ties) == (FAIL, 0)


def test_float32_has_the_wider_tolerance_under_an_upgrade_alone():
    for change, status in (("upgrade", PASS), ("refactor", FAIL)):
        bounds = bound(change=change, outputs=("x",))
        batch = Batch("s", 0, 0, np.arange(1), {"k": Column.of([1])})
        sides = [
            Outcome({"x": Column("float", np.array([x], np.float32))}, np.ones(1, bool))
            for x in (1.0, 1.00005)
        ]
        tally = compare(batch, *sides, list(bounds.values()))
        assert judge_rule(bounds["values"], SourceState("s", 1, tally)).status == status


def test_a_condition_is_read_once_for_all_blocks():
    assert bound(rule("a", "exact", where="k == 1"))["a"].where == parse("k == 1")
