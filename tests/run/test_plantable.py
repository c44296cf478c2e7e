"""What can be planted is found from the manifest, and each key of it is one that planting takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.run.catching import CAUGHT, MISSED, UNDECIDED, Answer, Effect, Tried, _tried
from harness.run.plantable import Ladder, Step, ladders
from harness.schema import Schema
from harness.training.planting import recipe
from harness.training.planting.recipe import FAULTS
from harness.versions.manifest import Manifest

NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6))
FIELDS = st.lists(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(("float", "int", "str", "bool", "datetime")), "nullable": st.booleans()},
        optional={
            "minimum": NUMBERS,
            "maximum": NUMBERS,
            "categories": st.lists(st.text(max_size=5), max_size=6),
        },
    ),
    max_size=5,
)


def manifest(fields, profile=None) -> Manifest:
    return Manifest(
        name="m",
        version="1.0.0",
        task="regression",
        entry="m:p",
        inputs=Schema.parse(
            [
                {"name": f"f{n}", **{key: value for key, value in one.items() if value is not None}}
                for n, one in enumerate(fields)
            ]
        ),
        outputs=Schema.parse([{"name": "prediction", "kind": "float"}]),
        python="3.11",
        lock={},
        files={},
        data={"profile": profile or {}},
    )


@given(FIELDS)
def test_whatever_is_proposed_can_be_planted(fields):
    made = manifest(fields)
    kinds = {one.name: one.kind for one in made.inputs}
    for ladder in ladders(made, trees=True):
        assert bool(ladder.steps) != bool(ladder.why_not)
        assert set(ladder.features) <= kinds.keys()
        for step in ladder.steps:
            assert recipe(ladder.fault, step.keys, kinds).says


def test_all_nine_faults_are_proposed_where_they_make_sense():
    fields = [
        {"kind": "float", "nullable": True, "minimum": 0, "maximum": 10},
        {"kind": "float", "minimum": 0, "maximum": 10},
        {"kind": "str", "categories": ["a", "b"]},
    ]
    assert {one.fault for one in ladders(manifest(fields), trees=True)} == FAULTS.keys()
    without = {one.fault: one.why_not for one in ladders(manifest(fields), trees=False) if one.why_not}
    assert without == {"threshold": "the model has no trees"}


def test_categories_are_taken_from_the_commonest_on():
    profile = {"f0": {"shares": {"a": 0.1, "b": 0.6, "c": 0.3}}}
    made = manifest([{"kind": "str", "categories": ["a", "b", "c"]}], profile)
    (ladder,) = [one for one in ladders(made, None) if one.fault == "rare-category"]
    assert [step.keys["category"] for step in ladder.steps] == ["b", "c", "a"]
    assert all(step.keys["to"] != step.keys["category"] for step in ladder.steps)


def entry(status: str, severity: str = "fail", kind: str = "close") -> dict[str, str]:
    return {"name": "values", "rule": kind, "status": status, "severity": severity, "reason": "too few cases"}


RUN = {"side": "run", "code": "E54", "message": "the worker died"}


@pytest.mark.parametrize(
    ("rules", "faults", "status"),
    [
        ([entry("PASS"), entry("FAIL")], [], CAUGHT),
        ([entry("PASS")], [], MISSED),
        ([entry("PASS"), entry("FAIL", "warn")], [], MISSED),
        # that no manifest says "retrain" is no merit of the rules
        ([entry("PASS")], [{**RUN, "code": "E55"}], MISSED),
        ([entry("PASS")], [RUN], UNDECIDED),
        ([entry("PASS"), entry("INCONCLUSIVE")], [], UNDECIDED),
        ([entry("INCONCLUSIVE"), entry("FAIL")], [RUN], CAUGHT),
        (
            [entry("PASS"), entry("INCONCLUSIVE", kind="latency"), entry("FAIL", kind="peak_memory")],
            [],
            MISSED,
        ),
        ([], [], UNDECIDED),
        ([entry("FAIL", "warn")], [], UNDECIDED),
    ],
)
def test_a_fault_is_caught_by_a_rule_that_fails_and_by_nothing_else(rules, faults, status):
    assert _tried("", "", {"rules": rules, "faults": faults}, Effect()).status == status


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (Effect(0, 1200), "none of 1,200 answers changes"),
        (Effect(3, 1200), "3 of 1,200 answers change"),
        (Effect(3, 1200, 2.5e-7), "3 of 1,200 answers change, by at most 2.5e-05%"),
        (Effect(3, 9, 0.5, "MAE +1%"), "3 of 9 answers change, by at most 50%; MAE +1%"),
    ],
)
def test_an_effect_in_words(effect, words):
    assert effect.words() == words


def tried(size: str, status: str) -> Tried:
    return Tried(size, "", status, ("values",), Effect())


def test_the_smallest_caught_has_every_graver_one_caught():
    ladder = Ladder("skew", ("x",), (Step("1", {}), Step("2", {}), Step("3", {})))
    hole = Answer(ladder, (tried("9", CAUGHT), tried("3", UNDECIDED), tried("1", CAUGHT)))
    assert hole.smallest == hole.tried[0]
    assert hole.caught
    assert hole.words() == "caught from 9 on, by values; undecided at 3; caught at 1"
    late = Answer(ladder, (tried("9", UNDECIDED), tried("3", CAUGHT)))
    assert late.smallest is None
    assert not late.caught
    assert not Answer(ladder, ()).caught
