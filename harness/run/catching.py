"""`harness sensitivity`: which planted faults the present rules and inputs would catch, and from which size on.

Each fault is planted into the released version, and the spoilt wheel is compared with it as any candidate is: a whole
run, in a folder of its own, so that no release can be taken from it. Sizes are tried from the gravest down to the first
that is missed; nothing is estimated.
"""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import versions
from harness.errors import HarnessError, did_you_mean
from harness.run import acts, blocks
from harness.run.compare import compare_versions
from harness.run.plan import Request, rules_digest
from harness.run.plantable import SIZED, Ladder, ladders
from harness.run.score.infrastructure import OPERATIONS
from harness.run.test_bed import plant
from harness.settings import Settings
from harness.tables import Bools, Column
from harness.versions.manifest import Manifest
from harness.versions.version import Version

TREES = ("Tree", "Forest", "GradientBoosting")
"""What the names of scikit-learn's models with trees have in them."""

CAUGHT, UNDECIDED, MISSED = "caught", "undecided", "missed"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault does to answers: how many of how many `rows` change, by what share of the baseline's value at most
    (of numbers; 0 where none is one), and what that does to the error on labels, in words."""

    changed: int = 0
    rows: int = 0
    largest: float = 0.0
    quality: str = ""

    def words(self) -> str:
        """`57 of 135 answers change, by at most 0.4%; MAE +0.417%, at most +1.03% (95%)`."""
        if not self.changed:
            return f"none of {self.rows:,} answers changes"
        far = f", by at most {100 * self.largest:.3g}%" if self.largest else ""
        return f"{self.changed:,} of {self.rows:,} answers change{far}" + (
            f"; {self.quality}" if self.quality else ""
        )


@dataclass(frozen=True, slots=True)
class Tried:
    """One size of a fault: `status` is CAUGHT where a rule failed (`by` names them), UNDECIDED where none failed and
    something kept the run from passing, MISSED where all passed."""

    size: str
    says: str
    status: str
    by: tuple[str, ...]
    effect: Effect
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one fault. `tried` is empty where it cannot be planted."""

    ladder: Ladder
    tried: tuple[Tried, ...]

    @property
    def caught(self) -> bool:
        """Whether its gravest size is caught."""
        return bool(self.tried) and self.tried[0].status == CAUGHT

    @property
    def smallest(self) -> Tried | None:
        """The smallest size that is caught, with all graver ones; None where the gravest is not."""
        found = None
        for one in self.tried:
            if one.status != CAUGHT:
                return found
            found = one
        return found

    def words(self) -> str:
        """`caught from × 1.1 on, by not-worse`; `missed at × 10: answers change, and the rules allow it`."""
        if not self.tried:
            return f"not planted: {self.ladder.why_not}"
        least = self.smallest
        if least is None:
            first = self.tried[0]
            at = f" at {first.size}" if first.size else ""
            return f"{first.status}{at}: {_why(first)}"
        by = f"by {', '.join(least.by)}"
        if not least.size:
            return f"caught, {by}"
        if least is self.tried[-1]:
            return f"caught at every size tried, down to {least.size}, {by}"
        smaller = self.tried[self.tried.index(least) + 1 :]
        return "; ".join(
            [f"caught from {least.size} on, {by}", *(f"{one.status} at {one.size}" for one in smaller)]
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, without times: the same for the same versions, rules and inputs."""
        least = self.smallest
        return {
            "fault": self.ladder.fault,
            "title": self.ladder.title,
            "words": self.words(),
            "features": list(self.ladder.features),
            "caught": self.caught,
            "gross": self.ladder.fault in SIZED and bool(self.tried),
            "from": None if least is None else least.size,
            "why_not": self.ladder.why_not,
            "tried": [
                {
                    "size": one.size,
                    "says": one.says,
                    "status": one.status,
                    "by": list(one.by),
                    "shown": bool(one.effect.changed),
                    "changed": one.effect.changed,
                    "rows": one.effect.rows,
                    "largest": one.effect.largest,
                    "quality": one.effect.quality,
                    "reason": one.reason,
                }
                for one in self.tried
            ],
        }


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The version that faults were planted into, as what its successors are judged, and every answer."""

    version: Version
    change: str
    rules_digest: str
    answers: tuple[Answer, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "format": 1,
            "version": self.version.version,
            "sha256": self.version.sha256,
            "change": self.change,
            "rules_digest": self.rules_digest,
            "faults": [one.to_json() for one in self.answers],
        }


def released(settings: Settings, spec: str) -> tuple[Version, Manifest]:
    """The version that faults are planted into. HarnessError where it is no version package."""
    version = versions.resolve(spec, settings, "baseline")
    if version.kind != "package" or version.manifest is None:
        raise HarnessError(
            f"no fault can be planted into {version.title}: it is no version package",
            where=version.location,
            hint="name a released version or a wheel, such as harness train writes",
        )
    return version, version.manifest


def chosen(manifest: Manifest, trees: bool | None, fault: str = "", feature: str = "") -> list[Ladder]:
    """The faults to plant, of one kind or one feature where they are named. HarnessError for a name that is none."""
    found = list(ladders(manifest, trees))
    names: Sequence[tuple[str, str, set[str]]] = [
        ("fault", fault, {one.fault for one in found}),
        ("feature", feature, set(manifest.inputs.names)),
    ]
    for what, name, known in names:
        if name and name not in known:
            raise HarnessError(
                f'no {what} "{name}" in this version',
                where="harness sensitivity",
                hint=did_you_mean(name, known),
            )
    return [
        one for one in found if (not fault or one.fault == fault) and (not feature or feature in one.features)
    ]


def default_change(settings: Settings) -> str:
    """As what a successor is judged: the configured kind; where that is auto, a retrain if it is trained here."""
    if settings.change != "auto":
        return settings.change
    return "retrain" if settings.training else "refactor"


def answers(
    settings: Settings, version: Version, planned: Sequence[Ladder], change: str, folder: Path
) -> Iterator[Answer]:
    """What becomes of each fault, in order, in runs whose reports lie below `folder`."""
    for number, ladder in enumerate(planned):
        tried: list[Tried] = []
        for place, step in enumerate(ladder.steps):
            room = folder / f"{number}-{place}"
            made = plant(Path(version.location), ladder.fault, dict(step.keys), room, "")
            request = Request(version.spec, f"wheel:{made.wheel}", change)
            done = compare_versions(
                settings, request, room / "report", "harness sensitivity", lambda line: None
            )
            result = done.record["result"]
            effect = effect_of(room / "report" / "runs" / done.record["run_id"], result)
            tried.append(_tried(step.size, made.recipe.says, result, effect))
            if tried[-1].status == MISSED:
                break
        yield Answer(ladder, tuple(tried))


def note(folder: Path, found: Sensitivity) -> None:
    """Keep what was found in the reports' folder, where `harness score` reads it."""
    told = found.to_json()
    gross = [one for one in told["faults"] if one["gross"]]
    passed = bool(gross) and all(one["caught"] for one in gross)
    acts.note(folder, "sensitivity", {"wheels": [found.version.sha256], "passed": passed, **told})


def of(settings: Settings, version: Version, change: str, found: Sequence[Answer]) -> Sensitivity:
    """The answers with what they hold for."""
    return Sensitivity(version, change, rules_digest(settings), tuple(found))


def has_trees(version: Version) -> bool | None:
    """Whether the last step of the carried training configuration has trees; None where it carries none."""
    try:
        with zipfile.ZipFile(version.location) as archive:
            names = [one for one in archive.namelist() if one.endswith(".dist-info/training.toml")]
            steps = tomllib.loads(archive.read(names[0]).decode())["steps"]
            return any(word in steps[-1]["step"] for word in TREES)
    except (OSError, zipfile.BadZipFile, ValueError, LookupError, TypeError):
        return None


def effect_of(work: Path, result: Mapping[str, Any]) -> Effect:
    """The effect of a fault, from the answers that a run kept in `work` and from its result."""
    changed = rows = 0
    for source in result["sources"]:
        for block in blocks.read(work / source["name"]):
            differing = block.baseline.answered != block.candidate.answered
            for name, column in block.baseline.columns.items():
                differing |= block.baseline.answered & _unlike(column, block.candidate.columns.get(name))
            changed += int(differing.sum())
            rows += len(differing)
    largest = max((one["largest"] for one in result["moved"]), default=0.0)
    said = [one["says"].partition(", margin")[0] for one in result["quality"] if one["says"]]
    return Effect(changed, rows, float(largest), said[0] if said else "")


def _unlike(one: Column, other: Column | None) -> Bools:
    """Where two columns of n answers differ, (n,); NaN is equal to itself."""
    if other is None or other.kind != one.kind:
        return np.ones(len(one), dtype=bool)
    differing = np.asarray(one.values != other.values, dtype=bool)
    if one.kind == "float":
        differing &= ~(np.isnan(one.values) & np.isnan(other.values))
    gone, too = (np.zeros(len(one), bool) if c.null is None else c.null for c in (one, other))
    return np.where(gone | too, gone != too, differing)


def _tried(size: str, says: str, result: Mapping[str, Any], effect: Effect) -> Tried:
    # how fast a spoilt version runs says nothing of its answers, and differs from run to run
    deciding = [one for one in result["rules"] if one["severity"] == "fail" and one["rule"] not in OPERATIONS]
    failed = tuple(dict.fromkeys(one["name"] for one in deciding if one["status"] == "FAIL"))
    if failed:
        return Tried(size, says, CAUGHT, failed, effect)
    # a planted fault is no retrain, whatever it is judged as: that the manifests say so is no merit of the rules
    troubles = [one for one in result["faults"] if one["side"] == "run" and one["code"] != "E55"]
    open_rules = [one for one in deciding if one["status"] != "PASS"]
    if troubles or open_rules or not deciding:
        reason = (
            troubles[0]["message"]
            if troubles
            else open_rules[0]["reason"]
            if open_rules
            else "no rule decides"
        )
        return Tried(size, says, UNDECIDED, tuple(one["name"] for one in open_rules), effect, reason)
    return Tried(size, says, MISSED, (), effect)


def _why(one: Tried) -> str:
    if one.status == UNDECIDED:
        return one.reason
    if one.effect.changed:
        return f"{one.effect.words()}, and the rules allow it"
    return f"{one.effect.words()}: the inputs do not show it"


def table(found: Sensitivity) -> Iterator[str]:
    """For a terminal: a line for each fault, those that are missed first, of them those that change most, and the
    counts last."""
    planted = [one for one in found.answers if one.tried]
    order = (MISSED, UNDECIDED, CAUGHT)
    wide = max((len(one.ladder.title) for one in found.answers), default=0)
    for one in sorted(planted, key=lambda one: (order.index(one.tried[0].status), *_gravity(one.tried[0]))):
        yield f"{one.tried[0].status:<9}  {one.ladder.title:<{wide}}  {one.words()}"
    for one in found.answers:
        if not one.tried:
            yield f"{'–':<9}  {one.ladder.title:<{wide}}  {one.words()}"
    counts = {status: sum(one.tried[0].status == status for one in planted) for status in order}
    gross = [one for one in planted if one.ladder.fault in SIZED]
    if gross:
        yield (
            f"of {len(gross)} gross faults ({', '.join(SIZED)}, each at its gravest) "
            f"{sum(one.caught for one in gross)} would be caught"
        )
    yield (
        f"{counts[CAUGHT]} of {len(planted)} faults planted into {found.version.title} would be caught, "
        f"{counts[UNDECIDED]} undecided and {counts[MISSED]} missed, judged as "
        f"{'an' if found.change == 'upgrade' else 'a'} {found.change}"
    )


def _gravity(one: Tried) -> tuple[float, float]:
    """What sorts the faults that change most to the front."""
    return -one.effect.largest, -one.effect.changed
