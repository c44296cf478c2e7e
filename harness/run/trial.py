"""`harness rules try FILE --last N`: which past verdicts other rules would have changed, and why. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import settings as configuration
from harness.errors import Exit, HarnessError
from harness.run import past, sensitivity
from harness.run.conclude import Circumstances, conclude
from harness.run.judge import plan_again, state_again
from harness.run.tree import Tree
from harness.settings import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """One past run under the rules that are tried. `verdict` is empty where it could not be judged."""

    run_id: str
    pair: str
    before: str
    verdict: str
    why: str

    @property
    def flips(self) -> bool:
        """Whether the verdict would have been another."""
        return bool(self.verdict) and self.verdict != self.before

    def words(self) -> str:
        """One line: `20261123T143220-c2f4d5  1.0.0 -> 1.1.0  PASS -> FAIL: 3 of 20 rows violate …`."""
        if not self.verdict:
            return f"{self.run_id}  {self.pair}  not judged: {self.why}"
        return f"{self.run_id}  {self.pair}  {self.before} -> {self.verdict}: {self.why}"


def try_rules(settings: Settings, file: Path, folder: Path, last: int) -> Iterator[Trial]:
    """The newest `last` stored runs, newest first, each judged under the rules and waivers of `file`.

    The rules and waivers of the configuration do not count; everything else of it does. HarnessError where the file
    is wrong, or no run is stored.
    """
    tried = configuration.with_rules(settings, file)
    chosen = past.ids(folder)[::-1][:last]
    if not chosen:
        raise HarnessError(
            "no stored run to try the rules on",
            where=str(folder / "runs"),
            hint="compare two versions first: every run is kept there",
            exit=Exit.INCONCLUSIVE,
        )
    for run_id in chosen:
        yield _tried(tried, folder, run_id)


def sensitivity_lines(settings: Settings, file: Path, folder: Path, last: int) -> Iterator[str]:
    """What the rules of the configuration and those of `file` would catch, on the answers of the newest of these runs
    that can be judged. Nothing where none can."""
    tried = configuration.with_rules(settings, file)
    for run_id in past.ids(folder)[::-1][:last]:
        try:
            run = past.recall(folder, run_id)
            before, after = (plan_again(one, run, folder) for one in (settings, tried))
        except HarnessError:
            # said already: such a run is not judged
            continue
        try:
            found = list(sensitivity.lines(before, after))
        except HarnessError as error:
            yield f"sensitivity on the answers of {run_id}: not computed: {error.headline}"
            return
        yield f"sensitivity on the answers of {run_id}:"
        yield from (f"  {line}" for line in found)
        return


def _tried(settings: Settings, folder: Path, run_id: str) -> Trial:
    pair, before = "", ""
    try:
        run = past.recall(folder, run_id)
        pair, before = f"{run.baseline.title} -> {run.candidate.title}", run.verdict
        plan = plan_again(settings, run, folder)
        states = [state_again(plan, source, run) for source in plan.sources]
        around = Circumstances(seconds=0.0, tree=Tree(), **run.around(plan, "harness rules try", ""))
        # what failed beside the gate then says nothing about these rules, and is in both verdicts
        done = conclude(plan, states, around)
    except HarnessError as error:
        return Trial(run_id, pair, before, "", error.headline)
    return Trial(run_id, pair, before, done.verdict.name, done.record["result"]["reason"])
