"""`harness release`: the verified candidate becomes the newest release of its channel."""

from __future__ import annotations

import getpass
import hashlib
from pathlib import Path

from harness import inputs, predictors, store, versions
from harness.errors import Exit, HarnessError
from harness.run import answers, binding, blocks, extensions, surroundings
from harness.run.session import running_of
from harness.run.tree import commit_of
from harness.run.verify import verify
from harness.settings import Settings
from harness.store import Release
from harness.tables import Batch
from harness.versions.version import Version


def release_first(settings: Settings, reason: str, dry_run: bool) -> Release:
    """The first release of a channel: nothing to compare with, so its answers on the fixtures are recorded."""
    extensions.load(settings)
    candidate = versions.resolve(settings.candidate, settings, "candidate")
    store.refuse_first_when_released(store.open_place(settings), settings.model, settings.channel)
    outcomes = {} if dry_run else _ask(settings, candidate)
    return _release(settings, candidate, outcomes, "first release", reason, None, dry_run)


def release_verified(settings: Settings, folder: Path, reason: str, dry_run: bool) -> Release:
    """The candidate of a verdict that `harness verify` accepts, with the answers that were judged."""
    verdict, candidate = verify(settings, folder)
    if verdict["baseline"]["digest"] == verdict["candidate"]["digest"]:
        raise HarnessError(
            "nothing to release: the candidate is the previous release",
            where=settings.candidate,
            hint="change the model, train it and compare again",
        )
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
            outcomes[item.name] = answers.recorded(given, names, where)
    return _release(
        settings,
        candidate,
        outcomes,
        verdict["result_digest"],
        reason,
        verdict["baseline"]["sha256"],
        dry_run,
    )


def _release(
    settings: Settings,
    candidate: Version,
    outcomes: dict[str, bytes],
    evidence: str,
    reason: str,
    expected_previous: str | None,
    dry_run: bool,
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
        reason=reason,
        by=getpass.getuser(),
        commit=commit_of(settings.root),
        evidence=evidence,
        dry_run=dry_run,
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
            given = []
            where = surroundings.surroundings(predictor.open().python, surroundings.processor())
            for batch in inputs.make(item, settings, schema).batches():  # type: ignore[attr-defined]  # a table
                given.append((batch, predictor.predict(_declared(batch, candidate))))
            outcomes[item.name] = answers.recorded(given, schema.names if schema else None, where)
    finally:
        predictor.close()
    return outcomes


def _declared(batch: Batch, version: Version) -> Batch:
    names = version.manifest.inputs.names if version.manifest else tuple(batch.columns)
    columns = {name: column for name, column in batch.columns.items() if name in names}
    return Batch(batch.source, batch.block, batch.start, batch.keys, columns)


def digest_of(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
