"""Events of a session that are lost, repeated or reordered: the verdict is PASS only where every one that counts came.

The oracle is written down here in other words than the code: a set of what has to have been said.
"""

from __future__ import annotations

import os
from dataclasses import FrozenInstanceError, dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.compare.results import FAIL, INCONCLUSIVE, PASS
from harness.compare.rules.values import Exact
from harness.compare.ruleset import Bound
from harness.compare.tally import Accounting, RuleTally, Tally
from harness.compare.verdict import SourceState, accounting_troubles, decide, judge_rule
from harness.run.reported import Report, Reported, missing_items

RUNS = int(os.environ.get("HARNESS_LEDGER_RUNS", "300"))
"""5,000 by `tox -e ledger`."""

BLOCK = 4
SOURCES = {"rows": 3, "more": 2}  # blocks of each
ITEMS = [(source, name) for source in SOURCES for name in ("structure", "values")]
BOUNDS = {
    source: [Bound(name, "exact", source, Exact()) for at, name in ITEMS if at == source]
    for source in SOURCES
}
OWN = ["test_own.py::test_one", "test_own.py::test_two"]


def node(item):
    return "harness.toml::" + "::".join(item)


@dataclass(frozen=True)
class Event:
    """One message of one process to the one that concludes."""

    kind: str  # collected, report, block, down
    what: object
    worker: str = ""


def reports_of(test, item=None):
    phases = [Report(test, phase, "passed") for phase in ("setup", "call", "teardown")]
    if item is not None:
        phases[1] = Report(test, "call", "passed", item, PASS)
        phases[2] = Report(test, "teardown", "passed", item, PASS)
    return [Event("report", one) for one in phases]


def block_of(source, number):
    seen = RuleTally(compared=BLOCK, outputs=("y",), cases=BLOCK)
    return Tally(Accounting(compared=BLOCK), {number: 1}, {"structure": seen, "values": seen})


def whole_session():
    """Every event of a session in which nothing goes wrong."""
    tests = [*map(node, ITEMS), *OWN]
    events = [Event("collected", tuple(tests), worker) for worker in ("gw0", "gw1")]
    for item in ITEMS:
        events += reports_of(node(item), item)
    for test in OWN:
        events += reports_of(test)
    for source, blocks in SOURCES.items():
        events += [Event("block", (source, number)) for number in range(blocks)]
    return [*events, Event("down", False, "gw0"), Event("down", False, "gw1")]


def verdict_of(events, exitstatus=0):
    """What the run concludes from these events, in this order."""
    reported, tallies = Reported(frozenset(ITEMS)), {source: Tally() for source in SOURCES}
    for event in events:
        if event.kind == "collected":
            reported.collected |= set(event.what)
        elif event.kind == "report":
            reported.report(event.what)
        elif event.kind == "block":
            source, number = event.what
            tallies[source] = tallies[source] + block_of(source, number)
        elif event.kind == "down":
            reported.workers.add(event.worker)
            if event.what:
                reported.crashed.add(event.worker)
    states = [
        SourceState(source, blocks * BLOCK, tallies[source] if tallies[source].blocks else None)
        for source, blocks in SOURCES.items()
    ]
    troubles = [*reported.troubles(exitstatus), *missing_items(ITEMS, reported.executed)]
    for state in states:
        troubles += accounting_troubles(state, BOUNDS[state.name])
    results = [judge_rule(bound, state) for state in states for bound in BOUNDS[state.name]]
    planned = sum(SOURCES.values()) * BLOCK
    return decide(results, troubles, planned, {"pass": "equal"})


def complete(events):
    """Each item judged in a whole test, each test that anybody named whole, each block counted once, nobody dead."""
    said = [(one.what.test, one.what.phase) for one in events if one.kind == "report"]
    named = {test for one in events if one.kind == "collected" for test in one.what}
    named |= {test for test, _ in said} | {node(item) for item in ITEMS}
    every = all((test, phase) in said for test in named for phase in ("setup", "call", "teardown"))
    blocks = sorted(one.what for one in events if one.kind == "block")
    planned = sorted((source, number) for source, n in SOURCES.items() for number in range(n))
    alive = not any(one.what for one in events if one.kind == "down")
    return every and blocks == planned and alive


def test_a_whole_session_passes():
    assert verdict_of(whole_session()).name == PASS
    assert complete(whole_session())


@pytest.mark.parametrize("place", range(len(whole_session())))
def test_without_any_one_event_it_passes_only_where_the_others_say_it_too(place):
    events = whole_session()
    lost = events.pop(place)
    # what both workers collected is said twice, and a worker that does not say that it ended has lost no result
    harmless = lost.kind in ("collected", "down")
    assert (verdict_of(events).name == PASS) is harmless is complete(events)


@pytest.mark.parametrize("place", range(len(whole_session())))
def test_any_one_event_twice_changes_nothing_but_a_block_which_is_a_mismatch(place):
    events = whole_session()
    verdict = verdict_of([*events, events[place]])
    if events[place].kind == "block":
        assert verdict.name == INCONCLUSIVE
        assert "E13 ledger mismatch" in verdict.reason
    else:
        assert verdict == verdict_of(events)


@given(st.permutations(whole_session()))
def test_any_order_gives_the_same_verdict(events):
    assert verdict_of(events) == verdict_of(whole_session())


FAILING = [
    Event("report", Report(OWN[0], "setup", "failed")),
    Event("report", Report(OWN[0], "call", "failed")),
    Event("report", Report(OWN[1], "teardown", "failed")),
    Event("report", Report(node(ITEMS[0]), "teardown", "failed", ITEMS[0], PASS)),
    Event("report", Report(node(ITEMS[0]), "call", "failed", ITEMS[0], PASS)),
    Event("report", Report(node(ITEMS[0]), "setup", "failed")),
    Event("report", Report(node(("rows", "warned")), "call", "failed", ("rows", "warned"), FAIL)),
]


@pytest.mark.parametrize("failing", FAILING)
def test_a_failure_that_the_gate_did_not_judge_is_a_failed_test(failing):
    reported = Reported(frozenset(ITEMS))
    for event in [*whole_session(), failing, *whole_session()]:
        if event.kind == "report":
            reported.report(event.what)
    assert reported.failed == {failing.what.test}


@pytest.mark.parametrize("status", [FAIL, INCONCLUSIVE])
def test_what_the_gate_judged_is_no_failed_test(status):
    reported = Reported(frozenset(ITEMS))
    reported.report(Report(node(ITEMS[0]), "call", "failed", ITEMS[0], status))
    assert not reported.failed
    assert reported.executed == {ITEMS[0]}
    assert not list(Reported(frozenset(ITEMS)).troubles(0))


def test_a_test_on_which_a_worker_died_is_unfinished_and_not_failed():
    reported = Reported(frozenset(ITEMS))
    reported.report(Report("test_own.py::test_one", "???", "failed"))
    assert not reported.failed
    assert reported.unfinished() == ["test_own.py::test_one"]
    (trouble,) = reported.troubles(1)
    assert (trouble.code, trouble.exit, trouble.where) == ("E11", 10, "pytest")
    assert trouble.message == "partial run: 1 of 1 tests did not finish, test_own.py::test_one among them"
    assert trouble.hint


@pytest.mark.parametrize("outcome", ["skipped", "failed", "rerun"])
def test_a_test_that_is_not_called_needs_no_call(outcome):
    reported = Reported(collected={"t"})
    reported.report(Report("t", "setup", outcome))
    assert reported.unfinished() == ["t"]
    reported.report(Report("t", "teardown", "passed"))
    assert reported.unfinished() == []


@pytest.mark.parametrize(
    "report", [Report("t", "setup", "passed", ITEMS[0], PASS), Report("t", "call", "passed", ITEMS[0])]
)
def test_an_item_is_executed_by_its_call_and_its_judgement(report):
    reported = Reported()
    reported.report(report)
    assert not reported.executed


@pytest.mark.parametrize(
    ("code", "exit"), [(0, None), (1, 1), (2, None), (3, 10), (4, None), (5, None), (6, 10), (70, 10)]
)
def test_an_exit_code_that_no_test_explains_is_a_trouble(code, exit):
    found = list(Reported().troubles(code))
    assert [one.exit for one in found] == ([] if exit is None else [exit])
    if code == 3:
        assert found[0].message == "pytest ended with an internal error"
    elif found:
        assert found[0].message == f"pytest ended with code {code}, though no test failed"
    assert all(one.hint and one.where == "pytest" for one in found)
    failed = Reported()
    failed.report(Report("t", "call", "failed", ITEMS[0], FAIL))
    failed.report(Report("t", "setup", "passed"))
    failed.report(Report("t", "teardown", "passed"))
    assert [one.exit for one in failed.troubles(code)] == ([10] if code == 3 else [])


def test_items_that_did_not_run_are_counted_and_the_first_is_named():
    assert not list(missing_items(ITEMS, ITEMS))
    (trouble,) = missing_items(ITEMS, ITEMS[3:])
    assert trouble.message == "partial run: 1 of 4 checks ran; more::structure did not"
    assert (trouble.code, trouble.exit, trouble.where) == ("E11", 10, "pytest")
    assert trouble.hint


def test_the_first_of_several_unfinished_tests_is_named():
    reported = Reported(collected={"a", "b", "c"})
    for event in reports_of("b"):
        reported.report(event.what)
    (trouble,) = reported.troubles(0)
    assert trouble.message == "partial run: 2 of 3 tests did not finish, a among them"


def test_nobody_changes_a_report():
    one = Report("t", "call", "passed")
    with pytest.raises(FrozenInstanceError):
        one.outcome = "failed"
    assert not hasattr(one, "__dict__")
    assert not hasattr(Reported(), "__dict__")


def test_crashed_workers_are_named_in_order():
    reported = Reported(crashed={"gw1", "gw0"})
    found = list(reported.troubles(0))
    assert [one.message for one in found] == ["gw0 crashed", "gw1 crashed"]
    assert {(one.code, one.exit, one.where) for one in found} == {("E12", 10, "pytest-xdist")}
    assert all(one.hint for one in found)


class Wire(RuleBasedStateMachine):
    """A wire between the processes of a run that loses, repeats, delays and reorders, and processes that die."""

    def __init__(self):
        super().__init__()
        self.sent: list[Event] = whole_session()
        self.arrived: list[Event] = []
        self.exitstatus = 0

    @initialize(order=st.randoms(use_true_random=False))
    def shuffle(self, order):
        order.shuffle(self.sent)

    @precondition(lambda self: self.sent)
    @rule(many=st.integers(1, 30))
    def arrives(self, many):
        self.arrived += self.sent[:many]
        del self.sent[:many]

    @precondition(lambda self: self.sent)
    @rule()
    def everything_arrives(self):
        self.arrived += self.sent
        self.sent.clear()

    @precondition(lambda self: self.sent)
    @rule(place=st.integers(0, 10**6))
    def is_lost(self, place):
        del self.sent[place % len(self.sent)]

    @precondition(lambda self: self.sent)
    @rule(place=st.integers(0, 10**6))
    def is_repeated_later(self, place):
        self.sent.append(self.sent[place % len(self.sent)])

    @precondition(lambda self: self.arrived)
    @rule(place=st.integers(0, 10**6))
    def arrives_again(self, place):
        self.arrived.append(self.arrived[place % len(self.arrived)])

    @rule(worker=st.sampled_from(["gw0", "gw1"]))
    def a_worker_dies(self, worker):
        self.sent.append(Event("down", True, worker))

    @invariant()
    def never_passes_unless_complete(self):
        verdict = verdict_of(self.arrived, self.exitstatus)
        assert (verdict.name == PASS) == complete(self.arrived), verdict.reason
        if verdict.name != PASS:
            assert verdict.exit == 10
            assert verdict.reason.startswith("E1")


TestWire = Wire.TestCase
TestWire.settings = settings(
    max_examples=RUNS, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
