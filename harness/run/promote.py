"""`harness release`, `promote` and `rollback`: what becomes the newest release of a channel."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import inputs, predictors, store, versions
from harness.errors import Exit, HarnessError
from harness.run import answers, approval, binding, blocks, extensions, journal, surroundings, wide
from harness.run.apart import declared
from harness.run.approval import name_of
from harness.run.drive import how_asked
from harness.run.session import running_of
from harness.run.tree import commit_of
from harness.run.verify import verify
from harness.settings import Settings
from harness.store import Act, Release, catalogue
from harness.versions.version import Version


def release_first(settings: Settings, folder: Path, reason: str, dry_run: bool) -> Release:
    """The first release of a channel: nothing to compare with, so its answers on the fixtures are recorded."""
    extensions.load(settings)
    candidate = versions.resolve(settings.candidate, settings, "candidate")
    store.refuse_first_when_released(store.open_place(settings), settings.model, settings.channel)
    noted = journal.events(folder, settings.model)
    approval.demand(settings, noted, {"result_digest": approval.FIRST}, candidate.sha256, "")
    outcomes = {} if dry_run else _ask(settings, candidate)
    act = Act(name_of(settings.root), reason, noted, dry_run)
    return _release(settings, candidate, outcomes, approval.FIRST, None, act)


def rebase(settings: Settings, folder: Path, reason: str, dry_run: bool) -> Release:
    """The candidate takes the place of a previous release that can no longer run, without a comparison: on the word of
    whoever gives the reason and of at least one other, who approved of this candidate."""
    extensions.load(settings)
    candidate = versions.resolve(settings.candidate, settings, "candidate")
    line = catalogue.read(store.open_place(settings)).of(settings.model, settings.channel)
    if not line:
        raise HarnessError(
            f"{settings.channel} has no release of {settings.model} to take the place of",
            where="harness release --rebase",
            hint='the first release of a channel: harness release --first --reason "…"',
            code="E48",
        )
    noted = journal.events(folder, settings.model)
    word = {"result_digest": approval.REBASED}
    approval.demand(settings, noted, word, candidate.sha256, line[-1].commit, least=1)
    outcomes = {} if dry_run else _ask(settings, candidate)
    act = Act(name_of(settings.root), reason, noted, dry_run)
    return _release(settings, candidate, outcomes, approval.REBASED, line[-1].sha256, act, rebase=True)


def release_verified(settings: Settings, folder: Path, reason: str, dry_run: bool) -> Release:
    """The candidate of a verdict that `harness verify` accepts, with the answers that were judged."""
    verdict, candidate = verify(settings, folder)
    if verdict["baseline"]["digest"] == verdict["candidate"]["digest"]:
        raise HarnessError(
            "nothing to release: the candidate is the previous release",
            where=settings.candidate,
            hint="change the model, train it and compare again",
        )
    noted = journal.events(folder, settings.model)
    approval.demand(settings, noted, verdict, candidate.sha256, _commit_of_previous(settings, verdict))
    work = folder / "runs" / verdict["run_id"]
    ran = running_of(work)
    where = surroundings.surroundings(ran.get("candidate", {}).get("python", ""), ran.get("processor", ""))
    outcomes = {}
    for item in settings.inputs:
        if item.path:
            found = binding.answers_digest(work / item.name)
            if found and found != verdict["answers"].get(item.name):
                raise HarnessError(
                    f"the answers of the run are not those that were judged: {item.name}",
                    where=str(work / item.name),
                    hint="run the comparison again",
                    code="E17",
                    exit=Exit.INCONCLUSIVE,
                )
            given = [(block.batch, block.candidate) for block in blocks.read(work / item.name)]
            if not given:
                raise HarnessError(
                    f"the answers of the run are gone: {item.name}",
                    where=str(work),
                    hint="run the comparison again",
                    exit=Exit.INCONCLUSIVE,
                )
            names = candidate.manifest.inputs.names if candidate.manifest else None
            asked = how_asked(work / item.name)
            outcomes[item.name] = answers.recorded(given, names, where, asked.of)
    act = Act(name_of(settings.root), reason, noted, dry_run)
    evidence, previous = verdict["result_digest"], verdict["baseline"]["sha256"]
    return _release(settings, candidate, outcomes, evidence, previous, act)


def promote(
    settings: Settings, folder: Path, origin: str, target: str, first: bool, reason: str, dry_run: bool
) -> Release:
    """The newest release of one channel (`origin`) goes to another, with the same digest."""
    if target == origin:
        raise HarnessError(
            f"{target} is the channel that it would come from",
            where="harness promote --to",
            hint="name another channel, or say --from CHANNEL",
        )
    act = Act(name_of(settings.root), reason, journal.events(folder, settings.model), dry_run)
    return store.promote(store.open_place(settings), settings.model, origin, target, first=first, act=act)


def rollback(settings: Settings, folder: Path, version: str, reason: str, dry_run: bool) -> Release:
    """An older release of the configured channel becomes its newest again."""
    act = Act(name_of(settings.root), reason, journal.events(folder, settings.model), dry_run)
    return store.rollback(store.open_place(settings), settings.model, settings.channel, version, act=act)


def after_release(settings: Settings, done: Release) -> None:
    """Run the team's command, which finds what was released in its environment. The release stands whatever it says:
    HarnessError E59 where it ends with another code than 0."""
    if not settings.after_release:
        return
    known = {
        "digest": f"sha256:{done.sha256}",
        "version": done.version,
        "channel": done.channel,
        "model": done.model,
        "act": done.act,
    }
    command = shlex.split(settings.after_release)
    for name, value in known.items():
        # other braces are the command's own
        command = [word.replace("{" + name + "}", value) for word in command]
    environment = {f"HARNESS_{name.upper()}": value for name, value in known.items()}
    try:
        code = subprocess.run(
            command, cwd=settings.root, env={**os.environ, **environment}, check=False
        ).returncode
        words = f"after_release ended with code {code}"
    except OSError as error:
        code, words = 1, f"after_release cannot be run: {error.strerror}"
    if code:
        raise HarnessError(
            f"{words}; the release stands",
            where=f"after_release in {settings.path.name}",
            hint="run the command again by hand, or go back: harness rollback",
            code="E59",
            exit=Exit.INCONCLUSIVE,
        )


def _commit_of_previous(settings: Settings, verdict: Mapping[str, Any]) -> str:
    """The commit of the release that the candidate was compared with; "" where the store has none of it."""
    known = catalogue.read(store.open_place(settings)).of(settings.model)
    found = [one.commit for one in known if one.sha256 == verdict["baseline"]["sha256"]]
    return found[-1] if found else ""


def _release(
    settings: Settings,
    candidate: Version,
    outcomes: dict[str, bytes],
    evidence: str,
    expected_previous: str | None,
    act: Act,
    rebase: bool = False,
) -> Release:
    if candidate.kind != "package" or candidate.manifest is None:
        raise HarnessError(
            f"{candidate.spec} is no version package: it cannot be kept",
            where="candidate",
            hint="release a wheel with a manifest, such as harness train writes",
        )
    return store.release(
        store.open_place(settings),
        model=settings.model,
        channel=settings.channel,
        wheel=Path(candidate.location),
        sha256=candidate.sha256,
        version=candidate.version,
        identity=candidate.digest,
        outcomes=outcomes,
        first=expected_previous is None,
        expected_previous=expected_previous,
        commit=commit_of(settings.root),
        evidence=evidence,
        act=act,
        rebase=rebase,
    )


def _ask(settings: Settings, candidate: Version) -> dict[str, bytes]:
    """The candidate's answers to every fixed table."""
    predictor = predictors.open_predictor(candidate, "candidate")
    schema = candidate.manifest.inputs if candidate.manifest else None
    outcomes = {}
    try:
        for item in settings.inputs:
            if item.generate is not None:
                continue
            where = surroundings.surroundings(predictor.open().python, surroundings.processor())
            batches = inputs.make(item, settings, schema).batches()  # type: ignore[attr-defined]  # a table
            asked = list(wide.answers(predictor, batches, lambda batch: declared(batch, candidate)))
            calls = {batch.block: together for batch, _, together in asked}
            given = [(batch, outcome) for batch, outcome, _ in asked]
            names = schema.names if schema else None
            outcomes[item.name] = answers.recorded(given, names, where, calls.__getitem__)
    finally:
        predictor.close()
    return outcomes


def digest_of(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
