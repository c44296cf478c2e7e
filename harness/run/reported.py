"""What pytest reported of a session, as sets that only grow: which tests there are, which ran whole, which failed.

An event that comes twice or out of order changes nothing; one that is lost leaves a test unfinished, which is trouble.
So no order, repetition or loss of events makes a quieter verdict. Knows no pytest: the plugin says what happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from harness.errors import Exit, HarnessError

PHASES = ("setup", "call", "teardown")
NOT_PASSED = ("FAIL", "INCONCLUSIVE")

Item = tuple[str, str]
"""An item of the gate: input source and rule."""


def missing_items(planned: Collection[Item], executed: Collection[Item]) -> Iterator[HarnessError]:
    """E11 where an item of the plan did not run. The plan comes from configuration, never from collection."""
    missing = sorted(set(planned) - set(executed))
    if missing:
        first = "::".join(missing[0])
        yield HarnessError(
            f"partial run: {len(set(planned)) - len(missing)} of {len(set(planned))} checks ran; {first} did not",
            where="pytest",
            hint="run without -k, -x, --lf and typed node ids: a verdict needs every check",
            code="E11",
            exit=Exit.INCONCLUSIVE,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """One phase of one test: `phase` is setup, call or teardown (of a crash: something else), `outcome` passed,
    failed, skipped or whatever a plugin makes of it. Where the test is an item of the gate, `item` says which, and
    `status` what it judged."""

    test: str
    phase: str
    outcome: str
    item: Item | None = None
    status: str = ""

    def unexplained(self, deciding: Collection[Item]) -> bool:
        """Whether it failed, and not because an item of the gate said its no, which the verdict knows of itself."""
        said_no = self.phase == "call" and self.status in NOT_PASSED and self.item in deciding
        return self.outcome == "failed" and not said_no


@dataclass(slots=True)
class Reported:
    """`deciding`: the items of the gate whose rule can keep a release back; `crashed`: workers of pytest-xdist."""

    deciding: Collection[Item] = ()
    collected: set[str] = field(default_factory=set)
    executed: set[Item] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    crashed: set[str] = field(default_factory=set)
    workers: set[str] = field(default_factory=set)
    _no: bool = False
    _begun: set[str] = field(default_factory=set)
    _called: set[str] = field(default_factory=set)
    _ended: set[str] = field(default_factory=set)

    def report(self, one: Report) -> None:
        """One phase of one test is over."""
        if one.item is not None and one.phase == "call" and one.status:
            self.executed.add(one.item)
        if one.outcome == "failed":
            self._no = True
        if one.phase not in PHASES:
            # pytest-xdist says of the test that a worker died on: nobody knows what it would have said
            self._begun.add(one.test)
        elif one.unexplained(self.deciding):
            self.failed.add(one.test)
        if one.phase == "setup":
            self._begun.add(one.test)
            # what is skipped or fails there is not called
            if one.outcome != "passed":
                self._called.add(one.test)
        elif one.phase == "call":
            self._called.add(one.test)
        elif one.phase == "teardown":
            self._ended.add(one.test)

    def unfinished(self) -> list[str]:
        """Tests that did not run from setup to teardown."""
        whole = self._begun & self._called & self._ended
        return sorted((self.collected | self._begun | self._called | self._ended) - whole)

    def troubles(self, exitstatus: int) -> Iterator[HarnessError]:
        """Why the session was not whole, or not well. `exitstatus` is pytest's own, plugins' changes included."""
        for worker in sorted(self.crashed):
            yield HarnessError(
                f"{worker} crashed",
                where="pytest-xdist",
                hint="run the comparison again without -n to see what ends the worker",
                code="E12",
                exit=Exit.INCONCLUSIVE,
            )
        unfinished = self.unfinished()
        if unfinished:
            count = len(self.collected | set(unfinished))
            yield HarnessError(
                f"partial run: {len(unfinished)} of {count} tests did not finish, {unfinished[0]} among them",
                where="pytest",
                hint="see above what ended the session early, and run it whole",
                code="E11",
                exit=Exit.INCONCLUSIVE,
            )
        if exitstatus == 3:
            yield HarnessError(
                "pytest ended with an internal error",
                where="pytest",
                hint="the traceback above names it",
                exit=Exit.INCONCLUSIVE,
            )
        elif exitstatus not in (0, 2, 4, 5) and not self._no:
            # a plugin's no, such as too little coverage: 2, 4 and 5 have words of their own
            yield HarnessError(
                f"pytest ended with code {exitstatus}, though no test failed",
                where="pytest",
                hint="see above which plugin or conftest said no; what fails the session forbids PASS",
                exit=Exit.FAIL if exitstatus == 1 else Exit.INCONCLUSIVE,
            )
