"""What a project's own files say of it: configuration, one stored run, releases, ledger, acts. Nothing is asked anew.

What cannot be read, or does not belong together, evidences nothing, and is said under `troubles`.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.run import account, acts, binding, bundle, past
from harness.run.plan import rules_digest
from harness.run.train import TRAINING
from harness.settings import Settings
from harness.store import catalogue, open_place
from harness.store.catalogue import Release
from harness.versions.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Facts:
    """`result` is that of the run's record, empty where no run counts, and then `why_not` says why. `training` is the
    training configuration that the candidate's wheel carries, None where it carries none that is its own. `releases`
    and `events` are those of the model in its channel, oldest first."""

    settings: Settings
    run_id: str = ""
    why_not: str = "there is no run yet"
    result: Mapping[str, Any] | None = None
    baseline: Manifest | None = None
    candidate: Manifest | None = None
    training: Any = None
    releases: Sequence[Release] = ()
    events: Sequence[Mapping[str, Any]] = ()
    acts: Sequence[Mapping[str, Any]] = ()
    troubles: Sequence[str] = ()

    @property
    def wheel(self) -> str:
        """sha256 of the candidate's wheel; empty where it is no wheel."""
        return str((self.result or {}).get("candidate", {}).get("sha256", ""))

    @property
    def wheels(self) -> set[str]:
        """sha256 of the wheels of both sides."""
        sides = ("baseline", "candidate")
        return {str((self.result or {}).get(side, {}).get("sha256", "")) for side in sides} - {""}

    def acts_of(self, kind: str, wheels: set[str]) -> list[Mapping[str, Any]]:
        """The acts of a kind about any of these wheels."""
        return [one for one in self.acts if one["act"] == kind and wheels & set(one["wheels"])]


def gather(settings: Settings, folder: Path, run: str = "last") -> Facts:
    """The facts of this project by the run of this id (`last` is the newest). A run that is named and not there raises
    HarnessError; every other trouble is told."""
    troubles: list[str] = []
    facts = Facts(settings)
    try:
        place = open_place(settings)
        facts = replace(facts, releases=catalogue.read(place).of(settings.model, settings.channel))
        told = [one for one in account.events(settings, folder) if one["model"] == settings.model]
        facts = replace(facts, events=[one for one in told if one["channel"] in ("", settings.channel)])
    except (HarnessError, OSError) as error:
        # what a broken ledger says is not believed, nor what the catalogue says beside it
        facts = replace(facts, releases=(), events=())
        troubles.append(f"releases and ledger do not count: {_words(error)}")
    try:
        facts = replace(facts, acts=acts.read(folder))
    except HarnessError as error:
        troubles.append(f"what was tried beside the runs does not count: {error.headline}")
    if run != "last" or past.ids(folder):
        facts = _of_run(facts, folder, past.find(folder, run), troubles)
    if facts.result is None and facts.run_id:
        troubles.append(f"run {facts.run_id} does not count: {facts.why_not}")
    return replace(facts, troubles=tuple(troubles))


def _of_run(facts: Facts, folder: Path, name: str, troubles: list[str]) -> Facts:
    """With what the run says, as far as it is this model's, was published, and was judged by the present rules."""
    try:
        run = past.recall(folder, name)
        record = past.record(folder, name)
    except HarnessError as error:
        return replace(facts, run_id=name, why_not=error.headline)
    why_not = _why_not(facts, run, record)
    if why_not:
        return replace(facts, run_id=name, why_not=why_not)
    training = None
    try:
        training = _training(run, folder)
    except (HarnessError, OSError, zipfile.BadZipFile) as error:
        troubles.append(
            f"the training configuration of {run.candidate.title} does not count: {_words(error)}"
        )
    return replace(
        facts,
        run_id=name,
        why_not="",
        result=record["result"],
        baseline=run.baseline.manifest,
        candidate=run.candidate.manifest,
        training=training,
    )


def _why_not(facts: Facts, run: past.Past, record: Mapping[str, Any]) -> str:
    """Why this run says nothing of the project as it stands; empty where it does."""
    settings = facts.settings
    if run.model != settings.model or run.bound.get("channel", settings.channel) != settings.channel:
        return "it is of another model or channel"
    told = [(one["body"].get("result_digest"), one["body"].get("verdict")) for one in _verdicts(facts.events)]
    own = (run.result_digest, record["result"]["verdict"])
    if not own[0] or record["result_digest"] != own[0] or own not in told:
        return "no verdict of the ledger belongs to it"
    try:
        if record["result"].get("rules_digest") != rules_digest(settings):
            return "the rules have changed since: compare again"
        moved = binding.changes(dict(run.bound.get("files", {})), binding.digests(settings))
    except OSError as error:
        return _words(error)
    # keys of the configuration that judge nothing may be added: what judges is in the digest of the rules
    moved = [name for name in moved if name != settings.path.name]
    return f"{moved[0]} has changed since: compare again" if moved else ""


def _verdicts(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in events if one["kind"] == "verdict"]


def _training(run: past.Past, folder: Path) -> Any:
    """The training configuration in the candidate's wheel, where it is that of the manifest."""
    sha256 = run.bundle.wheels.get("candidate", "")
    manifest = run.candidate.manifest
    if not sha256 or sha256 != run.candidate.sha256 or manifest is None:
        return None
    with zipfile.ZipFile(io.BytesIO(bundle.kept(folder, sha256, "the candidate's wheel"))) as archive:
        names = [one for one in archive.namelist() if one.endswith(".dist-info/training.toml")]
        if len(names) != 1:
            return None
        text = archive.read(names[0])
    with tempfile.TemporaryDirectory(prefix="score-") as room:
        path = Path(room) / "training.toml"
        path.write_bytes(text)
        said = TRAINING["configuration"](path)
    return said if said.sha256 == manifest.configuration.get("sha256") else None


def _words(error: Exception) -> str:
    return error.headline if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
