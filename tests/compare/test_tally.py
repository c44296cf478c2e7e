"""Each count of a tally by hand: what is added, what is the largest, which come first. Laws stand in `test_laws.py`."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields

import pytest

from harness.compare import census
from harness.compare.census import Count
from harness.compare.movement import Moved
from harness.compare.slices import SliceTally
from harness.compare.tally import (
    TOP,
    Accounting,
    FaultTally,
    Finding,
    RuleTally,
    Shift,
    Tally,
    Waived,
)


@pytest.mark.parametrize("kind", [Accounting, Waived, Shift])
def test_every_count_is_added_to_its_own(kind):
    """Distinct powers of two, so that no count can take the place of another."""
    names = [field.name for field in fields(kind)]
    assert kind() == kind(*(0 for _ in names))
    left = kind(**{name: 3 ** (2 * n) for n, name in enumerate(names)})
    right = kind(**{name: 3 ** (2 * n + 1) for n, name in enumerate(names)})
    both = left + right
    for n, name in enumerate(names):
        pair = (3 ** (2 * n), 3 ** (2 * n + 1))
        assert getattr(both, name) == (max(pair) if name == "largest" else sum(pair)), name
    assert left + right == right + left
    assert left + kind() == left


def test_what_was_seen_is_whatever_became_of_it():
    assert Accounting(1, 10, 100, 1000, 10000).seen == 11111
    assert Accounting().seen == 0


def test_a_waiver_covers_neither_what_lies_elsewhere_nor_what_is_too_large_or_goes_the_other_way():
    assert Waived(inside=1, elsewhere=10, other_way=100, too_large=1000, largest=5.0).outside == 1110
    assert Waived().outside == 0


COUNTS = ("compared", "violations", "both_nan", "cases", "ties", "covered", "valueless")


def test_every_count_of_a_rule_is_added_to_its_own():
    assert all(getattr(RuleTally(), name) == 0 for name in (*COUNTS, "largest"))
    left = RuleTally(**{name: 3 ** (2 * n) for n, name in enumerate(COUNTS)}, largest=2.0)
    right = RuleTally(**{name: 3 ** (2 * n + 1) for n, name in enumerate(COUNTS)}, largest=1.0)
    for one in (left + right, right + left):
        assert [getattr(one, name) for name in COUNTS] == [
            3 ** (2 * n) + 3 ** (2 * n + 1) for n in range(len(COUNTS))
        ]
        assert one.largest == 2.0


def test_what_a_rule_names_is_united_and_sorted():
    left = RuleTally(
        outputs=("b", "a"),
        problems={"x": 1, "y": 2},
        slices={"s": SliceTally(1, 1, 1)},
        waived={"w": Waived(1)},
    )
    right = RuleTally(
        outputs=("c", "a"),
        problems={"a": 4, "y": 8},
        slices={"s": SliceTally(2, 2), "t": SliceTally(4)},
        waived={"w": Waived(2), "v": Waived(4)},
    )
    both = left + right
    assert both.outputs == ("a", "b", "c")
    assert list(both.problems.items()) == [("a", 4), ("x", 1), ("y", 10)]
    assert both.slices == {"s": SliceTally(3, 3, 1), "t": SliceTally(4)}
    assert list(both.waived.items()) == [("v", Waived(4)), ("w", Waived(3))]


def finding(magnitude, row=0, **other):
    return Finding(
        **{
            "rank": (-magnitude, row),
            "key": f"r{row}",
            "output": "y",
            "magnitude": magnitude,
            "inputs": {"x": 1},
            "baseline": {"y": 1},
            "candidate": {"y": 2},
            **other,
        }
    )


def test_the_worst_findings_are_kept_and_no_more():
    assert TOP == 20
    many = [finding(float(n), n) for n in range(15)]
    kept = (RuleTally(findings=tuple(many)) + RuleTally(findings=tuple(many[:9]))).findings
    assert len(kept) == 20
    assert [one.magnitude for one in kept[:3]] == [14.0, 13.0, 12.0]
    assert list(kept) == sorted(kept)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (finding(2.0, 9), finding(1.0, 0)),
        (finding(1.0, 0), finding(1.0, 1)),
        (finding(1.0, 0, key="a"), finding(1.0, 0, key="b")),
        (finding(1.0, 0, output="a"), finding(1.0, 0, output="b")),
        (finding(1.0, 0, inputs={"x": 1}), finding(1.0, 0, inputs={"x": 2})),
        (finding(1.0, 0, baseline={"y": 1}), finding(1.0, 0, baseline={"y": 2})),
        (finding(1.0, 0, candidate={"y": 1}), finding(1.0, 0, candidate={"y": 2})),
        (finding(1.0, 0, target=1), finding(1.0, 0, target=2)),
    ],
)
def test_findings_have_an_order_without_ties(first, second):
    assert first < second
    assert not second < first
    assert not first.shrunk
    assert first.__lt__(first) is False
    # what is not shown first decides nothing
    assert not first < finding(1.0, 0) or first != finding(1.0, 0)


def test_the_first_of_equal_faults_is_shown_and_all_are_counted():
    early, late = FaultTally(2, 3, "r3", ("a.py:1",)), FaultTally(5, 7, "r7", ("b.py:2",))
    for both in (early + late, late + early):
        assert both == FaultTally(7, 3, "r3", ("a.py:1",))
    other_key = FaultTally(1, 3, "r4")
    assert early + other_key == other_key + early == FaultTally(3, 3, "r3", ("a.py:1",))
    other_frames = FaultTally(1, 3, "r3", ("a.py:0",))
    assert early + other_frames == other_frames + early == FaultTally(3, 3, "r3", ("a.py:0",))


def test_how_far_answers_moved_is_added_by_output():
    one, two = Tally(moved={"y": Moved(3, 1, largest=0.5)}), Tally(moved={"y": Moved(5, 4), "z": Moved(7)})
    both = (one + two).moved
    assert (both["y"].compared, both["y"].count, both["y"].largest) == (8, 5, 0.5)
    assert both["z"].compared == 7


def tally(block, **other):
    return Tally(
        Accounting(1, 2, 4, 8, 16),
        {block: 1},
        {"values": RuleTally(compared=3, findings=(finding(1.0, block),))},
        {},
        {"candidate\tValueError\tno": FaultTally(1, block, f"r{block}", ("m.py:3",))},
        {"y": Shift(1, 2, 3, 4)},
        **other,
    )


def test_a_tally_adds_each_of_its_parts():
    both = tally(1) + tally(2)
    assert both.accounting == Accounting(2, 4, 8, 16, 32)
    assert both.blocks == {1: 1, 2: 1}
    assert (tally(1) + tally(1)).blocks == {1: 2}
    assert both.rules["values"].compared == 6
    assert len(both.rules["values"].findings) == 2
    assert both.faults["candidate\tValueError\tno"] == FaultTally(2, 1, "r1", ("m.py:3",))
    assert both.shifts == {"y": Shift(2, 4, 6, 8)}
    assert sum([tally(1), tally(2)], Tally()) == both == sum([tally(1), tally(2)])
    with pytest.raises(TypeError):
        tally(1).__radd__(1) + 1
    assert tally(1).__radd__(1) is NotImplemented
    assert tally(1).__radd__(-1) is NotImplemented


def test_keys_are_sorted_whichever_side_they_come_from():
    both = Tally(blocks={3: 1, 1: 1}) + Tally(blocks={2: 1, 0: 5, 3: 1})
    assert list(both.blocks.items()) == [(0, 5), (1, 1), (2, 1), (3, 2)]


def test_a_tally_survives_its_journey():
    sent = tally(7)
    sent = sent + Tally(
        rules={
            "values": RuleTally(
                slices={"a = 1": SliceTally(1, 1, 1, 0.5, (0.5, -1, "r1"))},
                waived={"w": Waived(1, 2, 3, 4, 5.0)},
                outputs=("y",),
            )
        }
    )
    text = json.dumps(sent.to_json())
    back = Tally.from_json(json.loads(text))
    assert back == sent
    assert json.dumps(back.to_json()) == text
    assert isinstance(back.rules["values"].findings[0].rank, tuple)
    assert isinstance(back.rules["values"].outputs, tuple)
    assert isinstance(back.faults["candidate\tValueError\tno"].frames, tuple)
    assert (back + tally(7)).blocks == {7: 2}


@pytest.mark.parametrize(
    "one", [Accounting(), Waived(), Shift(), RuleTally(), Tally(), finding(1.0), FaultTally(1, 1, "")]
)
def test_nobody_changes_a_count_in_place(one):
    name = fields(one)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(one, name, getattr(one, name))
    assert not hasattr(one, "__dict__")


def test_counts_of_rates_and_classes_are_added_name_by_name():
    here, there = census.key("baseline", "y", "a"), census.key("candidate", "y", "b")
    left = RuleTally(counted={here: Count(3, 7, "r7")})
    right = RuleTally(counted={here: Count(5, 2, "r2"), there: Count(1, 9, "r9")})
    both = left + right
    assert both.counted == {here: Count(8, 2, "r2"), there: Count(1, 9, "r9")}
    assert both == right + left
