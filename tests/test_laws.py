"""The laws of the architecture, as properties."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.align import compare
from harness.compare.exact import Sums
from harness.compare.ruleset import SourceFacts, bind
from harness.compare.tally import Tally
from harness.compare.verdict import FAIL, PASS, SourceState, accounting_troubles, decide, judge_rule
from harness.errors import Exit
from harness.settings import RuleSettings, Settings
from harness.tables import Batch, Column, Fault, Outcome

numbers = st.floats(allow_nan=True, allow_infinity=True, width=64) | st.sampled_from([0.0, -0.0, 1.0, 1.01])
labels = st.sampled_from(["a", "b", "c", ""])
SETTINGS = Settings(
    path=Path("harness.toml"),
    root=Path(),
    model="m",
    rules=(
        RuleSettings("wide", "close", output="x", parameters={"rtol": 0.02}, when=("refactor",)),
        RuleSettings("classes", "class_set", output="y", when=("upgrade",)),
        RuleSettings("nulls", "null_rate", output="x", parameters={"max_rate": 0.5}, when=("upgrade",)),
        RuleSettings("errors", "error_rate", parameters={"max_increase": 0.1}, when=("upgrade",)),
    ),
)


def bounds(change: str = "refactor"):
    facts = [SourceFacts("s", search=False, labelled=True)]
    return bind(SETTINGS, change, facts, ("x", "y"), datetime.date(2026, 1, 1))


SIZES = st.integers(1, 12)


@st.composite
def rows(draw, size=SIZES):
    """Rows of both versions: (answers or None, answers or None), None where the row faulted."""
    answer = st.none() | st.tuples(numbers, labels)
    return draw(size.flatmap(lambda n: st.lists(st.tuples(answer, answer), min_size=n, max_size=n)))


def outcome(answers) -> Outcome:
    answered = np.array([a is not None for a in answers], bool)
    columns = {
        "x": Column("float", np.array([0.0 if a is None else a[0] for a in answers])),
        "y": Column("str", np.array(["" if a is None else a[1] for a in answers], object)),
    }
    faults = tuple(Fault(i, "ValueError", "no", ("model.py:1",)) for i, a in enumerate(answers) if a is None)
    return Outcome(columns, answered, faults)


def tally_of(pairs, start=0, block=0, change="refactor") -> Tally:
    keys = np.arange(start, start + len(pairs))
    batch = Batch("s", block, start, keys, {"i": Column("int", keys)})
    return compare(batch, outcome([b for b, _ in pairs]), outcome([c for _, c in pairs]), bounds(change))


def same(a: Tally, b: Tally) -> bool:
    # nan != nan, so tallies are compared as the bytes that are handed over
    return json.dumps(a.to_json(), sort_keys=True) == json.dumps(b.to_json(), sort_keys=True)


@st.composite
def tallies(draw):
    block = draw(st.integers(0, 5))
    return tally_of(draw(rows()), start=block * 100, block=block)


@given(tallies(), tallies(), tallies())
def test_adding_tallies_is_associative_and_commutative(a, b, c):
    assert same((a + b) + c, a + (b + c))
    assert same(a + b, b + a)


@given(tallies())
def test_the_empty_tally_is_neutral(a):
    assert same(a + Tally(), a)
    assert same(Tally() + a, a)


@given(rows(st.integers(2, 30)), st.data())
def test_any_chunking_gives_an_equal_tally(pairs, data):
    whole = tally_of(pairs)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(pairs) - 1), max_size=4)))
    edges = [0, *cuts, len(pairs)]
    parts = [tally_of(pairs[a:b], start=a, block=0) for a, b in pairwise(edges)]
    merged = sum(data.draw(st.permutations(parts)), Tally())
    # blocks count how often a block was seen, and float sums are those of whole blocks: chunks of one block may
    # differ in these, and in nothing else
    assert same(Tally(whole.accounting, {}, whole.rules, without_sums(whole), whole.faults),
                Tally(merged.accounting, {}, merged.rules, without_sums(merged), merged.faults))  # fmt: skip
    assert [m.sums.count for m in whole.moved.values()] == [m.sums.count for m in merged.moved.values()]


def without_sums(tally: Tally):
    return {name: replace(moved, sums=Sums()) for name, moved in tally.moved.items()}


@given(st.lists(rows(), min_size=2, max_size=8), st.data())
def test_any_grouping_and_order_of_blocks_gives_the_same_bytes(blocks, data):
    parts = [tally_of(pairs, start=100 * number, block=number) for number, pairs in enumerate(blocks)]
    whole = sum(parts, Tally())
    shuffled = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(0, len(parts)))
    grouped = sum(shuffled[cut:], Tally()) + sum(shuffled[:cut], Tally())
    assert same(whole, grouped)
    assert moved_said(whole) == moved_said(grouped)


def moved_said(tally: Tally):
    return [(m.sums.mean(), m.sums.std(), m.curve()) for m in tally.moved.values()]


@given(tallies(), tallies())
def test_a_tally_survives_its_journey_between_processes(a, b):
    there = Tally.from_json(json.loads(json.dumps((a + b).to_json())))
    assert same(there, a + b)


@given(rows())
def test_every_case_is_accounted_for(pairs):
    state = SourceState("s", len(pairs), tally_of(pairs))
    accounting = state.accounting()
    assert accounting["planned"] == sum(v for k, v in accounting.items() if k != "planned")


@given(rows(), st.sampled_from(["refactor", "upgrade", "retrain"]))
def test_comparing_a_thing_with_itself_never_violates(pairs, change):
    tally = tally_of([(b, b) for b, _ in pairs], change=change)
    assert all(rule.violations == 0 for rule in tally.rules.values())


@given(rows())
def test_only_answered_rows_are_compared_and_the_rest_forbid_a_pass(pairs):
    state = SourceState("s", len(pairs), tally_of(pairs))
    results = [judge_rule(b, state) for b in bounds()]
    verdict = decide(results, accounting_troubles(state, bounds()), state.planned, {"pass": "equal"})
    if verdict.name == PASS:
        assert state.accounting()["compared"] == len(pairs)


@pytest.mark.parametrize("change", ["refactor", "upgrade", "retrain"])
@given(rows(st.integers(1, 6)))
def test_dropped_column_never_passes(change, pairs):
    answered = [(b, b) for b, _ in pairs if b is not None] or [((1.0, "a"), (1.0, "a"))]
    batch = Batch("s", 0, 0, np.arange(len(answered)), {"i": Column.of(range(len(answered)))})
    whole = outcome([b for b, _ in answered])
    for kept in ("x", "y"):
        part = Outcome({kept: whole.columns[kept]}, whole.answered)
        for baseline, candidate in ((whole, part), (part, whole)):
            tally = compare(batch, baseline, candidate, bounds(change))
            structure = next(b for b in bounds(change) if b.name == "structure")
            assert judge_rule(structure, SourceState("s", len(answered), tally)).status == FAIL


def test_no_comparison_no_rule_and_an_unreached_source_are_never_a_pass():
    nothing = SourceState("s", 10, None)
    results = [judge_rule(b, nothing) for b in bounds()]
    assert {r.status for r in results} == {"INCONCLUSIVE"}
    assert decide(results, accounting_troubles(nothing, bounds()), 10, {"pass": ""}).exit == Exit.INCONCLUSIVE
    assert decide([], [], 10, {"pass": ""}).exit == Exit.INCONCLUSIVE
    assert decide(results, [], 0, {"pass": ""}).exit == Exit.INCONCLUSIVE


def test_a_block_compared_twice_is_a_ledger_mismatch():
    tally = tally_of([((1.0, "a"), (1.0, "a"))])
    troubles = accounting_troubles(SourceState("s", 2, tally + tally), bounds())
    assert [trouble.code for trouble in troubles] == ["E13"]
