"""`harness score`: which of the 28 tests of the ML Test Score this project evidences, computed and never typed in.

A test counts only by what the harness itself did and kept; where that is not known, it does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.run.score import data, infrastructure, model, monitoring, rubric
from harness.run.score.facts import Facts, gather
from harness.run.score.found import FULL, NONE, Found, none
from harness.settings import Settings

FORMAT = 1
JUDGES: Mapping[str, Callable[[Facts], Found]] = {
    "data-1": data.schema,
    "data-2": data.beneficial,
    "data-3": data.cost,
    "data-4": data.requirements,
    "data-5": data.privacy,
    "data-7": data.tested,
    "model-1": model.reviewed,
    "model-3": model.tuned,
    "model-4": model.stale,
    "model-5": model.simpler,
    "model-6": model.slices,
    "infrastructure-1": infrastructure.reproducible,
    "infrastructure-3": infrastructure.integrated,
    "infrastructure-4": infrastructure.validated,
    "infrastructure-6": infrastructure.canaried,
    "infrastructure-7": infrastructure.rolled_back,
    "monitoring-1": monitoring.dependencies,
    "monitoring-2": monitoring.invariants,
    "monitoring-3": monitoring.skew,
    "monitoring-5": monitoring.stable,
    "monitoring-6": monitoring.performance,
    "monitoring-7": monitoring.served,
}
"""Who looks for the evidence of a test. The others are beyond what the harness knows."""


@dataclass(frozen=True, slots=True)
class Score:
    """What was found about each test, in the rubric's order, by one run and what stands around it. `planted` is what
    harness sensitivity noted under the present rules of either version of the run."""

    model: str
    run_id: str
    candidate: str
    found: tuple[tuple[rubric.Test, Found], ...]
    troubles: tuple[str, ...]
    planted: Mapping[str, Any] | None = None

    def points(self, section: str) -> float:
        """The sum of a section's points, 0 to 7."""
        return sum(found.points for test, found in self.found if test.section == section)

    @property
    def score(self) -> float:
        """The least of the four sections."""
        return rubric.score(self.points(section) for section in rubric.SECTIONS)

    def to_json(self) -> dict[str, Any]:
        """Plain data, whatever it is written as."""
        return {
            "format": FORMAT,
            "model": self.model,
            "run_id": self.run_id,
            "candidate": self.candidate,
            "score": self.score,
            "band": rubric.band(self.score),
            "sections": [
                {
                    "name": section,
                    "title": title,
                    "points": self.points(section),
                    "tests": [_test(test, found) for test, found in self.found if test.section == section],
                }
                for section, title in rubric.SECTIONS.items()
            ],
            "planted": _planted(self.planted),
            "troubles": list(self.troubles),
        }


def score(settings: Settings, folder: Path, run: str = "last") -> Score:
    """The score by the newest run, or the one that is named. HarnessError where a named run is not there."""
    return of(gather(settings, folder, run))


def of(facts: Facts) -> Score:
    """The score of these facts."""
    title = str(facts.result["candidate"].get("version", "")) if facts.result is not None else ""
    found = tuple((test, _found(test, facts)) for test in rubric.TESTS)
    return Score(
        facts.settings.model,
        facts.run_id if facts.result is not None else "",
        title,
        found,
        tuple(facts.troubles),
        data.planted(facts)[0],
    )


def _found(test: rubric.Test, facts: Facts) -> Found:
    if test.most == NONE:
        return none("nothing that the harness keeps could evidence it")
    found = JUDGES[test.name](facts)
    assert found.points <= test.most, test.name
    return found


def _planted(act: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if act is None:
        return None
    faults = [
        {"title": one["title"], "words": one["words"], "caught": one["caught"], "planted": bool(one["tried"])}
        for one in act["faults"]
    ]
    return {"version": act["version"], "change": act["change"], "at": act["at"], "faults": faults}


def _next(test: rubric.Test, found: Found) -> str:
    if found.points < test.most or test.most == NONE:
        return test.next
    return "" if found.points == FULL else "the other half is beyond what the harness sees"


def _test(test: rubric.Test, found: Found) -> dict[str, Any]:
    return {
        "name": test.name,
        "title": test.title,
        "points": found.points,
        "found": found.words,
        "links": [asdict(link) for link in found.links],
        "most": test.most,
        "next": _next(test, found),
    }
