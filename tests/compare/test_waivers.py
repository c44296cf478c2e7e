"""Waivers: what one covers, against a loop over rows; what it may never do; how each kind of misuse is answered."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare import waivers
from harness.compare.align import compare
from harness.compare.ruleset import SourceFacts, bind
from harness.compare.tally import RuleTally, Tally, Waived
from harness.compare.verdict import FAIL, PASS, SourceState, judge_rule
from harness.errors import HarnessError
from harness.settings import MaxQuantile, RuleSettings, Settings, WaiverSettings, load
from harness.tables import Batch, Column, Outcome

TODAY = datetime.date(2026, 1, 1)
PAIR = ("1.0.0", "1.1.0")
FACTS = [SourceFacts("s", False, True, {"i": "int"})]
SETTINGS = Settings(
    path=Path("harness.toml"),
    root=Path(),
    model="m",
    rules=(RuleSettings("near", "close", output="*", parameters={"atol": 1.0}),),
)


def waiver(name="w", rule="near", **more):
    given = {"owner": "pricing", "reason": "known", "until": datetime.date(2026, 6, 30)} | more
    return WaiverSettings(name, rule, **given)


def bounds(*chosen, rule=None, change="refactor", versions=PAIR):
    settings = replace(SETTINGS, waivers=chosen, rules=(rule,) if rule else SETTINGS.rules)
    bound = bind(settings, change, FACTS, ("x", "y"), TODAY)
    return waivers.attach(bound, settings, versions, TODAY, FACTS)


def near(*chosen, **more):
    return next(bound for bound in bounds(*chosen, **more) if bound.name == "near")


def tally_of(rows, bound, start=0) -> Tally:
    """Rows of (baseline x, y, candidate x, y); None is null, over a value that nobody may look at."""
    keys = np.arange(start, start + len(rows))
    batch = Batch("s", 0, start, keys, {"i": Column("int", keys)})
    sides = [
        Outcome(
            {
                name: Column(
                    "float",
                    np.array([50.0 if row[k] is None else row[k] for row in rows], float),
                    np.array([row[k] is None for row in rows], bool),
                )
                for name, k in zip("xy", places, strict=True)
            },
            np.ones(len(rows), bool),
        )
        for places in ((0, 1), (2, 3))
    ]
    return compare(batch, *sides, [bound])


plain = st.sampled_from([0.0, 1.0, 1.5, 2.5, -3.0, 100.0])
answers = plain | plain | st.none() | st.floats()
cases = st.lists(st.tuples(answers, answers, answers, answers), min_size=1, max_size=25)
limits = st.none() | st.sampled_from([0.0, 1.5, 2.0, 50.0])
some = st.lists(st.tuples(st.sampled_from(["any", "up", "down"]), limits), min_size=1, max_size=3)


def gone(value):
    return value is None or math.isnan(value)


def violation(b, c):
    """(violates, magnitude, way) of one answer under |c - b| <= 1, without numpy."""
    if gone(b) or gone(c):
        both = gone(b) and gone(c)
        return not both, 0.0 if both else math.inf, 0
    way = (c > b) - (c < b)
    if b == c:
        return False, 0.0, 0
    size = abs(c - b) if math.isfinite(b) and math.isfinite(c) else math.inf
    return not size <= 1.0, size, way


def covers(direction, largest, row):
    for b, c in ((row[0], row[2]), (row[1], row[3])):
        bad, size, way = violation(b, c)
        if bad and direction != "any" and way != {"up": 1, "down": -1}[direction]:
            return False
        if bad and largest is not None and not size <= largest:
            return False
    return True


@given(cases, some)
def test_a_waiver_covers_what_a_loop_over_rows_says(rows, chosen):
    named = [waiver(f"w{i}", direction=d, max_magnitude=m) for i, (d, m) in enumerate(chosen)]
    tally = tally_of(rows, near(*named)).rules["near"]
    bad = [row for row in rows if violation(row[0], row[2])[0] or violation(row[1], row[3])[0]]
    assert tally.violations == len(bad)
    assert tally.covered == sum(any(covers(d, m, row) for d, m in chosen) for row in bad)
    for one, (d, m) in zip(named, chosen, strict=True):
        seen = tally.waived.get(one.name, Waived())
        assert seen.inside == sum(covers(d, m, row) for row in bad)
        assert seen.inside + seen.outside == len(bad)


@given(cases, some, st.data())
def test_counts_beside_waivers_add_up_in_any_chunking_and_order(rows, chosen, data):
    bound = near(*(waiver(f"w{i}", direction=d, max_magnitude=m) for i, (d, m) in enumerate(chosen)))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(rows) - 1)), max_size=4)))
    edges = [0, *(cut for cut in cuts if cut < len(rows)), len(rows)]
    parts = [tally_of(rows[a:b], bound, start=a) for a, b in pairwise(edges)]
    merged = sum(data.draw(st.permutations(parts)), Tally())
    whole = tally_of(rows, bound)
    there = Tally.from_json(json.loads(json.dumps(merged.to_json())))
    for one in (merged, there):
        assert json.dumps(one.to_json()["rules"]) == json.dumps(whole.to_json()["rules"])


@given(cases, some, st.integers(0, 3))
def test_a_waived_rule_passes_exactly_where_it_would_without_the_covered_cases(rows, chosen, allowed):
    rule = RuleSettings("near", "close", parameters={"atol": 1.0}, max_violations=allowed)
    named = [waiver(f"w{i}", direction=d, max_magnitude=m) for i, (d, m) in enumerate(chosen)]
    bound = near(*named, rule=rule)
    state = SourceState("s", len(rows), tally_of(rows, bound))
    result = judge_rule(bound, state)
    left = [row for row in rows if not any(covers(d, m, row) for d, m in chosen)]
    bad = sum(violation(row[0], row[2])[0] or violation(row[1], row[3])[0] for row in left)
    # two rows of nulls are no agreement, with a waiver or without
    valueless = all(value is None or value != value for row in rows for value in row)
    assert (result.status == PASS) == (bad <= allowed and not valueless)
    plain = judge_rule(replace(bound, waivers=()), state)
    # a pass that leans on a waiver names it, any other names none
    assert bool(result.waivers) == (result.status == PASS and plain.status == FAIL)


@given(cases, some)
def test_a_waiver_of_other_versions_changes_nothing(rows, chosen):
    named = [
        waiver(f"w{i}", direction=d, max_magnitude=m, versions="0.9 -> 1.0.0")
        for i, (d, m) in enumerate(chosen)
    ]
    bound = near(*named)
    assert bound.waivers == ()
    assert tally_of(rows, bound).rules["near"].covered == 0


@pytest.mark.parametrize(
    ("versions", "applies"),
    [
        ("* -> *", True),
        ("1.0.0 -> 1.1.0", True),
        ("1.0.0->1.1.0", True),
        ("1.0.* -> 1.1.*", True),
        ("1.0.0 -> 1.1", False),
        ("1.1.0 -> 1.0.0", False),
    ],
)
def test_the_pair_of_versions_decides_whether_it_applies(versions, applies):
    assert bool(near(waiver(versions=versions)).waivers) == applies


@pytest.mark.parametrize(
    ("chosen", "code", "words"),
    [
        (waiver(until=datetime.date(2025, 12, 31)), "E27", "waiver w expired on 2025-12-31"),
        (waiver(rule="naer"), "E28", 'did you mean "near"'),
        (waiver(rule="structure"), "E27", "structure cannot be waived"),
        (waiver(rule="not-worse"), "E27", "move margin"),
        (waiver(where="i > > 3"), "E27", "harness.toml, waiver w, where"),
        (waiver(where="age > 3"), "E27", "no column is named age"),
        (waiver(where="i > 'a'"), "E27", "waiver w"),
    ],
)
def test_a_waiver_that_cannot_hold_is_refused(chosen, code, words):
    with pytest.raises(HarnessError) as caught:
        bounds(chosen)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_the_largest_magnitude_is_covered_and_nothing_above_it():
    sizes = np.array([0.5, math.nextafter(0.5, 1), math.inf, math.nan])
    change = waivers.Change(np.ones(4, bool), sizes, np.ones(4, np.int8))
    found, covered = waivers.count([waiver(max_magnitude=0.5)], {}, [change])
    assert covered.tolist() == [True, False, False, False]
    assert (found["w"].inside, found["w"].too_large) == (1, 3)


def test_the_last_day_still_counts():
    assert near(waiver(until=TODAY)).waivers


BASE = '[tool.harness]\nmodel = "m"\n[[tool.harness.inputs]]\nname = "s"\npath = "s.csv"\n'
GOOD = {"name": '"w"', "rule": '"r"', "owner": '"o"', "reason": '"x"', "until": "2027-01-01"}


def loaded(tmp_path, **keys):
    lines = [f"{key} = {value}" for key, value in (GOOD | keys).items() if value is not None]
    path = tmp_path / "pyproject.toml"
    path.write_text(BASE + "[[tool.harness.waivers]]\n" + "\n".join(lines))
    return load(path)


def test_a_waiver_is_read(tmp_path):
    (one,) = loaded(tmp_path, versions='"1.1.0 -> 1.2.0"', direction='"down"', max_magnitude="3").waivers
    assert one.pair == ("1.1.0", "1.2.0")
    assert (one.direction, one.max_magnitude) == ("down", 3.0)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"owner": None}, "a waiver has no owner"),
        ({"reason": '""'}, "a waiver has no reason"),
        ({"until": None}, "a waiver has no until"),
        ({"until": '"2027-01-01"'}, "until must be a date, got '2027-01-01'"),
        ({"direction": '"upp"'}, 'did you mean "up"'),
        ({"max_magnitude": "-1"}, "max_magnitude is -1"),
        ({"max_magnitude": "nan"}, "max_magnitude is nan"),
        ({"versions": '"1.1.0"'}, "name a pair"),
        ({"versions": '"1 -> 2 -> 3"'}, "name a pair"),
        ({"inputs": '["t"]'}, 'did you mean "s"|known: s'),
        ({"max_magnitud": "1"}, 'did you mean "max_magnitude"'),
    ],
)
def test_a_waiver_said_wrongly_is_refused_in_words(tmp_path, keys, words):
    with pytest.raises(HarnessError) as caught:
        loaded(tmp_path, **keys)
    assert any(one in str(caught.value) for one in words.split("|")), str(caught.value)


def reviewed(one, tally, complete=True, **more):
    (found,) = waivers.review(
        replace(SETTINGS, waivers=(one,)), [waivers.Seen(near(one), tally, complete)], PAIR, **more
    )
    return found.status


@pytest.mark.parametrize(
    ("tally", "complete", "status"),
    [
        (RuleTally(compared=9, violations=2, covered=2, waived={"w": Waived(2)}), True, waivers.USED),
        (RuleTally(compared=9, violations=3, covered=2, waived={"w": Waived(2, 0, 0, 1)}), True, waivers.EXCEEDED),
        (RuleTally(compared=9, violations=1, waived={"w": Waived(0, 0, 1)}), True, waivers.EXCEEDED),
        (RuleTally(compared=9), True, waivers.UNNEEDED),
        # a run that ended early has not seen everything that might need it
        (RuleTally(compared=4), False, waivers.UNDECIDED),
    ],
)  # fmt: skip
def test_what_became_of_a_waiver(tally, complete, status):
    assert reviewed(waiver(), tally, complete) == status


def test_a_waiver_whose_cases_another_covers_too_is_used_and_one_that_covers_none_is_not():
    wide, narrow = waiver("wide"), waiver("narrow", max_magnitude=0.0)
    rows = [(0.0, 0.0, 5.0, 0.0)]
    bound = near(wide, narrow)
    tally = tally_of(rows, bound).rules["near"]
    settings = replace(SETTINGS, waivers=(wide, narrow))
    found = waivers.review(settings, [waivers.Seen(bound, tally, True)], PAIR)
    assert [one.status for one in found] == [waivers.USED, waivers.UNNEEDED]


LIMITS = st.integers(0, 12)


@given(cases, LIMITS, st.sampled_from(["i < {0}", "not i < {0}", "i in ({0}, 3)"]))
def test_a_waiver_with_a_condition_covers_its_cases_alone(rows, edge, text):
    holds = {
        "i < {0}": lambda i: i < edge,
        "not i < {0}": lambda i: i >= edge,
        "i in ({0}, 3)": lambda i: i in (edge, 3),
    }[text]
    tally = tally_of(rows, near(waiver(where=text.format(edge)))).rules["near"]
    bad = [i for i, row in enumerate(rows) if violation(row[0], row[2])[0] or violation(row[1], row[3])[0]]
    inside = sum(holds(i) for i in bad)
    seen = tally.waived.get("w", Waived())
    assert (tally.violations, tally.covered) == (len(bad), inside)
    assert (seen.inside, seen.elsewhere) == (inside, len(bad) - inside)


@given(cases, LIMITS, st.integers(0, 2))
def test_a_rule_with_slices_passes_exactly_where_each_would_without_the_covered_cases(rows, edge, allowed):
    rule = RuleSettings(
        "near", "close", parameters={"atol": 1.0}, max_violations=allowed, slices=("i < 3", "i >= 2")
    )
    bound = near(waiver(where=f"i < {edge}"), rule=rule)
    tally = tally_of(rows, bound)
    result = judge_rule(bound, SourceState("s", len(rows), tally))
    bad = [i for i, row in enumerate(rows) if violation(row[0], row[2])[0] or violation(row[1], row[3])[0]]
    left = [i for i in bad if i >= edge]
    parts = [left, [i for i in left if i < 3], [i for i in left if i >= 2]]
    assert (result.status == FAIL) == any(len(part) > allowed for part in parts)
    sums = {name: (one.violations, one.covered) for name, one in tally.rules["near"].slices.items()}
    for name, mine in (("i < 3", range(3)), ("i >= 2", range(2, len(rows)))):
        if len(mine) and name in sums:
            here = [i for i in bad if i in mine]
            assert sums[name] == (len(here), sum(i < edge for i in here))
    whole = [bad, [i for i in bad if i < 3], [i for i in bad if i >= 2]]
    if result.status == PASS:
        assert bool(result.waivers) == any(len(part) > allowed for part in whole)
    (found,) = waivers.review(
        replace(SETTINGS, waivers=bound.waivers), [waivers.Seen(bound, tally.rules["near"], True)], PAIR
    )
    if result.status == FAIL:
        assert found.status == waivers.EXCEEDED
        assert result.waivers == ()


def test_a_rule_whose_budget_is_a_statistic_cannot_be_waived():
    rule = RuleSettings("near", "close", parameters={"atol": 1.0}, max_quantile=MaxQuantile(0.5, 1.0))
    with pytest.raises(HarnessError, match="near cannot be waived") as caught:
        bounds(waiver(), rule=rule)
    assert caught.value.code == "E27"


def test_several_outputs_that_are_judged_together_have_no_direction():
    rule = RuleSettings("near", "close_vector", parameters={"max_l2_distance": 1.0})
    rows = [(0.0, 0.0, 5.0, 5.0), (0.0, 0.0, 0.0, 0.0)]
    for direction, covered in (("any", 1), ("up", 0), ("down", 0)):
        tally = tally_of(rows, near(waiver(direction=direction), rule=rule)).rules["near"]
        assert (tally.violations, tally.covered) == (1, covered)
