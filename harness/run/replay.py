"""`harness replay RUN`: a past run once more, from what was kept of it. It has to come to the same result.

Versions, cases, seeds and rules are those of the run, on its day; only the models answer anew, the baseline too. Where
the result is another, it is said what moved. Nothing is written but a folder that is removed at the end.
"""

from __future__ import annotations

import datetime
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import __version__, versions
from harness import settings as configuration
from harness.compare.align import compare
from harness.compare.rules import Exact, SameError
from harness.compare.ruleset import Bound, Faults, Structure
from harness.compare.tally import Tally
from harness.errors import Exit, HarnessError
from harness.run import binding, blocks, bundle, extensions, past, tombstone
from harness.run.blocks import KeptTable
from harness.run.conclude import Circumstances, conclude
from harness.run.entries import Shown
from harness.run.past import Past
from harness.run.plan import Plan, bound_plan, rules_digest
from harness.run.session import Session, running_of
from harness.run.tree import Tree
from harness.settings import Settings
from harness.versions.version import Version
from harness.versions.wheel import version_of

SIDES = ("baseline", "candidate")
_SAME = tuple(
    Bound(name, name, "", rule)
    for name, rule in (
        ("structure", Structure()),
        ("faults", Faults(new_only=False)),
        ("same_error", SameError()),
        ("exact", Exact()),
    )
)
"""What two answers of one version to the same batch have to agree in: everything."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run and what came of it now. `moved` are lines of what is another than it was, most of it a reason."""

    run: Past
    verdict: str
    reason: str
    result_digest: str
    moved: tuple[str, ...]
    differing: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the run was reproduced: the same result, byte for byte."""
        return self.result_digest == self.run.result_digest


def replay(settings: Settings, run_id: str, reports: Path, progress: Callable[[str], None]) -> Replayed:
    """Run it again. HarnessError E72 where it cannot be; whatever a model does is in the result."""
    run = past.recall(reports, run_id)
    stored = _stored(reports, run)
    work = reports / "runs" / run.run_id
    moved = list(_moved_answers(run, work))
    if stored and stored["accounting"]["not_reached"]:
        moved.append(
            f"run: it ended early, after {stored['compared']:,} of {stored['planned']:,} cases were compared"
        )
    with tempfile.TemporaryDirectory(prefix="harness-replay-") as folder:
        scratch = Path(folder)
        then = configuration.load(bundle.unpack(run.bundle, reports, scratch))
        # the store is where it is today: an anchor comes from it, and recorded answers
        then = replace(
            then,
            store=_store(settings),
            store_options=settings.store_options,
            channel=run.bound.get("channel", then.channel),
        )
        extensions.load(then)
        if stored and rules_digest(then) != stored["result"]["rules_digest"]:
            moved.append("rules: those that were kept are not those that judged")
        found, lines = _versions(run, settings, then, reports, scratch)
        moved += lines
        plan = _plan(run, then, found, scratch)
        if (plan.anchor and plan.anchor.digest) != (run.anchor and run.anchor.digest):
            moved.append(f"versions: the anchor is {plan.anchor.title if plan.anchor else 'gone'}")
        result, running = _again(run, plan, progress)
        moved += _surroundings(running_of(work), running)
        moved += _harness(run)
        # both versions can have moved together, and come to the same result
        moved += _answers(plan, work)
        differing = _differing(stored["result"], result["result"]) if stored else ()
    return Replayed(
        run, result["verdict"], result["reason"], result["result_digest"], tuple(moved), tuple(differing)
    )


def _stored(reports: Path, run: Past) -> dict[str, Any] | None:
    """The record of the run, if it was kept and is that of its result."""
    try:
        found = past.record(reports, run.run_id)
    except HarnessError:
        return None
    return found if found["result_digest"] == run.result_digest else None


def _store(settings: Settings) -> str:
    """The store as a value of its key that means the same from another folder."""
    local = "://" not in settings.store
    return str(settings.root / settings.store) if local else settings.store


def _versions(
    run: Past, today: Settings, then: Settings, reports: Path, scratch: Path
) -> tuple[dict[str, Version], list[str]]:
    """Both versions as they were: from the kept wheels, else resolved again; and what is another about them."""
    found, moved = {}, []
    # a baseline may be asked as the candidate's profile says
    today = replace(today, candidate=run.candidate.spec)
    for side in SIDES:
        was: Version = getattr(run, side)
        place = bundle.wheel(run.bundle, reports, side, scratch / "wheels", Path(was.location).name)
        if place is not None:
            profile = replace(was.profile, **_limits(then, was))
            now = version_of(place, why=was.why, expected=was.sha256, profile=profile)
        else:
            try:
                # what a profile of today adds (headers of an endpoint) is kept in no report's folder
                now = versions.resolve(was.spec, today, side)
            except HarnessError as error:
                raise bundle.gone(
                    f"the {side} of the run cannot be had again: {error.message}", error.where
                ) from None
        now = replace(now, spec=was.spec, why=was.why, version=was.version, name=was.name)
        if (now.digest, now.sha256) != (was.digest, was.sha256):
            moved.append(f"versions: {side} {was.title} was {was.digest[:12]}, is {now.digest[:12]}")
        found[side] = now
    return found, moved


def _limits(then: Settings, was: Version) -> dict[str, Any]:
    """Seconds and memory of the profile that named it: they are no part of its identity, and were not noted."""
    named = then.versions.get(was.profile.name)
    return {"timeout": named.timeout, "memory": named.memory} if named else {}


def _plan(run: Past, then: Settings, found: Mapping[str, Version], scratch: Path) -> Plan:
    settings = replace(
        then,
        candidate=run.request.candidate or then.candidate,
        change=run.request.change or then.change,
    )
    pair = (found["baseline"], found["candidate"])
    new = tombstone.new_run_id()
    # what was recorded is asked: whether it still answers so is the question
    on_records = settings.recorded is not None and settings.recorded.version == run.baseline.version
    request = replace(run.request, live=not on_records)
    return bound_plan(settings, request, new, scratch / "reports", pair, run.sources, run.day)


def _again(
    run: Past, plan: Plan, progress: Callable[[str], None]
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    plan.work.mkdir(parents=True, exist_ok=True)
    session = Session(plan, progress)
    try:
        session.drive()
    finally:
        session.close()
    around = Circumstances(
        seconds=time.monotonic() - began, tree=Tree(), **run.around(plan, "harness replay", started)
    )
    done = conclude(plan, session.states(), replace(around, running=running_of(plan.work)))
    return done.record, running_of(plan.work)


def _moved_answers(run: Past, work: Path) -> Iterator[str]:
    for source in run.sources:
        if isinstance(source, KeptTable) and binding.answers_digest(work / source.name) != run.bound.get(
            "answers", {}
        ).get(source.name, ""):
            yield f"inputs: what was kept of {source.name} has changed since the run"


def _surroundings(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if then.get("processor") != now.get("processor") and then.get("processor"):
        yield f"environment: the processor was {then['processor']}, is {now.get('processor')}"
    for side in SIDES:
        old, new = then.get(side, {}), now.get(side, {})
        # answers that were recorded ran nowhere
        if not old.get("python") or not new.get("python"):
            continue
        if old["python"] != new["python"]:
            yield f"environment: {side} ran under Python {old['python']}, runs under {new['python']}"
        libraries = old.get("libraries", {}), new.get("libraries", {})
        for name in sorted(libraries[0].keys() | libraries[1].keys()):
            was, is_now = (one.get(name, "none") for one in libraries)
            if was != is_now:
                yield f"environment: {name} of the {side} was {was}, is {is_now}"


def _harness(run: Past) -> Iterator[str]:
    if run.harness != __version__:
        yield f"harness: the run is of {run.harness}, this is {__version__}"
    elif run.code and run.code != bundle.code():
        yield f"harness: its code has changed, though both are {__version__}"


def _answers(plan: Plan, work: Path) -> Iterator[str]:
    """For each version the cases that it answers otherwise than it did, to the last bit."""
    show = Shown.of(plan.settings)
    for source in plan.sources:
        then = {block.batch.block: block for block in blocks.read(work / source.name)}
        totals = {side: Tally() for side in SIDES}
        for now in blocks.read(plan.work / source.name):
            was = then.get(now.batch.block)
            if was is None or not blocks.same_cases(was.batch, now.batch):
                yield f"inputs: {source.name} has other cases from row {now.batch.start:,} on"
                break
            for side in SIDES:
                seen = compare(now.batch, getattr(was, side), getattr(now, side), _SAME)
                totals[side] = totals[side] + seen
        for side, tally in totals.items():
            count = max((one.violations for one in tally.rules.values()), default=0)
            if count:
                worst = next((one.findings[0].key for one in tally.rules.values() if one.findings), "")
                first = f", {show.key(source.name, worst)} among them" if worst else ""
                rows = f"{count:,} of {tally.accounting.seen:,} rows of {source.name}"
                yield f"answers: the {side} answers {rows} otherwise{first}"


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Fields of the result that are another, as JSON sees them."""
    return [
        name
        for name in sorted(then.keys() | now.keys())
        if json.dumps(then.get(name), sort_keys=True) != json.dumps(now.get(name), sort_keys=True)
    ]


def error_of(replayed: Replayed) -> HarnessError:
    """E72 for a run that did not come to the same result."""
    run = replayed.run
    return HarnessError(
        f"run {run.run_id} is not reproduced: {run.verdict} then, {replayed.verdict} now",
        where=f"result {run.result_digest[:12]} then, {replayed.result_digest[:12]} now",
        hint="; ".join(replayed.moved)
        or "nothing that is known has moved: a model or a rule does not repeat itself",
        code="E72",
        exit=Exit.FAIL,
    )
