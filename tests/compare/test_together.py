"""Rules in a comparison: outputs judged one by one or together, whose tallies add up however the rows are cut."""

from __future__ import annotations

import datetime
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.align import compare
from harness.compare.outputs import means, meant
from harness.compare.rules.functions import declared, rule
from harness.compare.ruleset import Bound, SourceFacts, bind
from harness.compare.tally import Tally
from harness.settings import RuleSettings, Settings
from harness.tables import Batch, Column, Outcome

OUTPUTS = ("probability_a", "probability_b", "probability_c", "list", "text", "tree")
RULES = (
    RuleSettings("top", "same_top_k", "probability_*"),
    RuleSettings("order", "same_ranking", "probability_*", {"min_tau": 0.3}),
    RuleSettings("mass", "close_probabilities", "probability_*", {"atol": 0.1, "max_total_variation": 0.2}),
    RuleSettings("way", "close_vector", "probability_*", {"max_cosine_distance": 0.01}),
    RuleSettings("bits", "ulp", "probability_a", {"max_ulps": 4}),
    RuleSettings("shelf", "same_ranking", "list", {"min_tau": 0.3, "k": 1}),
    RuleSettings("items", "same_set", "list"),
    RuleSettings("words", "same_text", "text", {"max_edits": 1}),
    RuleSettings("nested", "same_structure", "tree", {"atol": 0.1}),
)
SETTINGS = Settings(path=Path("harness.toml"), root=Path(), model="m", rules=RULES)


@rule("grew")
def grew(baseline, candidate, inputs):
    return (candidate > baseline) & (inputs["i"] % 2 == 0)


def bounds():
    facts = [SourceFacts("s", search=False, labelled=False)]
    made = declared({"grew": grew})["grew"]()
    return [
        *bind(SETTINGS, "refactor", facts, OUTPUTS, datetime.date(2026, 1, 1)),
        Bound("function", "grew", "s", made, "probability_a"),
    ]


numbers = st.sampled_from([0.1, 0.2, 0.5, math.nan, math.inf]) | st.floats(0, 1)
answers = st.tuples(
    numbers, numbers, numbers,
    st.lists(st.sampled_from("abc"), max_size=3), st.sampled_from(["x", "xy", "abc"]),
    st.fixed_dictionaries({"v": numbers}),
)  # fmt: skip


def outcome(rows):
    columns = {}
    for place, name in enumerate(OUTPUTS):
        values = [row[place] for row in rows]
        if name in ("list", "tree"):
            array = np.empty(len(values), object)
            array[:] = values
            columns[name] = Column("json", array)
        else:
            columns[name] = Column.of(values)
    return Outcome(columns, np.ones(len(rows), bool))


def tally_of(pairs, start=0):
    keys = np.arange(start, start + len(pairs))
    batch = Batch("s", 0, start, keys, {"i": Column("int", keys)})
    return compare(batch, outcome([b for b, _ in pairs]), outcome([c for _, c in pairs]), bounds())


def written(tally):
    return json.dumps(Tally(tally.accounting, {}, tally.rules, tally.moved).to_json(), sort_keys=True)


@given(st.lists(st.tuples(answers, answers), min_size=2, max_size=20), st.data())
def test_any_chunking_gives_an_equal_tally(pairs, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(pairs) - 1), max_size=4)))
    parts = [tally_of(pairs[a:b], start=a) for a, b in pairwise([0, *cuts, len(pairs)])]
    merged, whole = sum(data.draw(st.permutations(parts)), Tally()), tally_of(pairs)
    # how far outputs moved holds float sums, which are those of whole blocks
    assert written(Tally(rules=merged.rules)) == written(Tally(rules=whole.rules))


@given(st.lists(answers, min_size=1, max_size=10))
def test_nothing_violates_beside_itself(rows):
    assert all(one.violations == 0 for one in tally_of([(row, row) for row in rows]).rules.values())


def test_a_row_violates_once_and_shows_the_class_that_moved_most():
    old = (0.2, 0.3, 0.5, ["a"], "x", {"v": 1.0})
    new = (0.5, 0.29, 0.21, ["a"], "x", {"v": 1.0})
    tally = tally_of([(old, old), (old, new)])
    mass = tally.rules["mass"]
    assert (mass.compared, mass.violations, mass.outputs) == (2, 1, OUTPUTS[:3])
    assert mass.largest == pytest.approx(0.3)
    assert [(one.key, one.output) for one in mass.findings] == [("1", "probability_a")]
    assert [one.output for one in tally.rules["top"].findings] == ["probability_*"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("embedding[*]", ["embedding[0]", "embedding[12]"]),
        ("embedding[0]", ["embedding[0]"]),
        ("embedding[?]", ["embedding[0]"]),
        ("*[0]", ["embedding[0]", "prediction[0]"]),
        ("*", ["embedding[0]", "embedding[12]", "prediction[0]", "prediction"]),
        ("prediction", ["prediction"]),
        ("embedding[!0]", []),
    ],
)
def test_brackets_of_an_output_are_its_name(pattern, names):
    assert meant(pattern, ["embedding[0]", "embedding[12]", "prediction[0]", "prediction"]) == names
    assert not means(pattern, "Prediction") or pattern == "*"


def test_an_output_of_a_second_axis_can_be_named():
    settings = Settings(
        path=Path("h"),
        root=Path(),
        model="m",
        rules=(RuleSettings("r", "close", "prediction[0]", {"atol": 1.0}),),
    )
    facts = [SourceFacts("s", search=False, labelled=False)]
    found = bind(settings, "refactor", facts, ("prediction[0]",), datetime.date(2026, 1, 1))
    assert [one.name for one in found] == ["structure", "faults", "r", "values"]
