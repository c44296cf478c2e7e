"""What rules would catch on stored answers, against what their own formulas say."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.compare.ruleset import SourceFacts, bind
from harness.run.sensitivity import NEVER, Stored, of_rule, together
from harness.settings import MaxMeanShift, MaxQuantile, RuleSettings, Settings
from harness.tables import Batch, Column, Outcome


def stored(values, size=7):
    """Answers in blocks of `size` rows."""
    batches = []
    for block, start in enumerate(range(0, len(values), size)):
        part = Column.of(values[start : start + size])
        keys = np.arange(start, start + len(part))
        batch = Batch("s", block, start, keys, {"i": Column("int", keys)})
        batches.append((batch, Outcome({"x": part}, np.ones(len(part), bool))))
    return Stored(batches, Path(), len(values))


def bound(name, kind, **more):
    own = {key: more.pop(key) for key in ("atol", "max_rate", "allow_new") if key in more}
    item = RuleSettings(name, kind, parameters=own, **more)
    whole = Settings(path=Path("harness.toml"), root=Path(), model="m", rules=(item,))
    facts = [SourceFacts("s", False, False)]
    return {one.name: one for one in bind(whole, "refactor", facts, ("x",), datetime.date(2026, 1, 1))}[name]


NUMBERS = [float(value) for value in range(1, 21)]


@settings(max_examples=25)
@given(st.sampled_from([0.001, 0.1, 0.5, 3.0, 40.0]), st.integers(0, 19))
def test_a_tolerance_is_caught_just_above_it_and_a_budget_by_one_row_more(atol, allowed):
    found = of_rule(bound("near", "close", atol=atol, max_violations=allowed), stored(NUMBERS))
    assert found.shift == pytest.approx(atol, rel=2e-3)
    assert found.shift >= atol
    assert found.changed == allowed + 1


def test_statistics_of_all_cases_are_asked_as_in_a_run():
    level = bound("level", "budget", max_mean_shift=MaxMeanShift(0.25))
    assert of_rule(level, stored(NUMBERS)).shift == pytest.approx(0.25, rel=2e-3)
    most = bound("most", "budget", max_quantile=MaxQuantile(0.9, 2.0))
    found = of_rule(most, stored(NUMBERS))
    assert found.shift == pytest.approx(2.0, rel=2e-3)
    assert found.changed == 3


def test_labels_have_no_shift_and_a_rule_that_sees_nothing_catches_nothing():
    found = of_rule(bound("flips", "same_label", max_violation_rate=0.25), stored(["a", "b"] * 10))
    assert (found.shift, found.changed) == (None, 6)
    assert found.words() == "6 of 20 rows"
    assert of_rule(bound("text", "same_text"), stored(["a", "b"] * 10)).changed == 1
    blind = of_rule(bound("nulls", "null_rate", max_rate=0.5), stored(NUMBERS))
    assert (blind.shift, blind.changed) == (NEVER, NEVER)
    assert blind.words() == "no shift, no number of rows"
    classes = of_rule(bound("classes", "class_set"), stored(["a", "b"] * 10))
    assert classes.changed == 1


def test_a_rule_that_never_passes_says_so():
    found = of_rule(bound("few", "close", atol=1.0, min_cases=99), stored(NUMBERS))
    assert found.always
    assert found.words() == "does not pass on equal answers"


def test_together_the_most_sensitive_rule_counts():
    rules = {"a": bound("a", "close", atol=2.0), "b": bound("b", "close", atol=0.5, max_violations=9)}
    found = together({name: of_rule(one, stored(NUMBERS)) for name, one in rules.items()}, 20)
    assert found.shift == pytest.approx(0.5, rel=2e-3)
    assert found.changed == 1
