"""The plan of a run: both versions resolved, the kind of change known, every rule bound to its sources.

Everything here is read, nothing is run: a plan costs no environment and no worker, and every process of a run
makes the same one from the same files.
"""

from __future__ import annotations

import datetime
import tomllib
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import inputs, versions
from harness.compare import drift, waivers
from harness.compare.ruleset import Bound, NotWorse, SourceFacts, bind
from harness.errors import Exit, HarnessError
from harness.inputs import InputSource
from harness.run import extensions
from harness.schema import Schema
from harness.settings import Input, Settings, check_seed
from harness.versions.change import Change, kind_of_change
from harness.versions.manifest import digest
from harness.versions.version import Version


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked on the command line, by `pytest --compare-to` or by `harness compare`."""

    compare_to: str
    candidate: str | None = None
    change: str | None = None
    seed: int | None = None
    allow_same: bool = False
    live: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before a model runs."""

    settings: Settings
    request: Request
    run_id: str
    folder: Path
    baseline: Version
    candidate: Version
    change: Change
    sources: tuple[InputSource, ...]
    bounds: tuple[Bound, ...]
    anchor: Version | None = None

    @property
    def unchanged(self) -> bool:
        """Baseline and candidate are the same version."""
        return self.baseline.digest == self.candidate.digest

    @property
    def on_records(self) -> bool:
        """Whether configuration has this baseline judged on its recorded answers, and never asked."""
        declared = self.settings.recorded
        return declared is not None and declared.version == self.baseline.version

    @property
    def pair(self) -> tuple[str, str]:
        """The versions that a waiver's pair is compared with."""
        return self.baseline.title, self.candidate.title

    @property
    def planned(self) -> int:
        """Cases of all sources."""
        return sum(source.planned() for source in self.sources)

    @property
    def work(self) -> Path:
        """The run's own folder: answers, tallies, locks."""
        return self.folder / "runs" / self.run_id

    def items(self) -> Iterator[tuple[InputSource, Bound]]:
        """Each rule on each source: the items of the gate."""
        for source in self.sources:
            for bound in self.bounds:
                if bound.source == source.name:
                    yield source, bound

    def bounds_of(self, source: str) -> tuple[Bound, ...]:
        """The rules of one source."""
        return tuple(bound for bound in self.bounds if bound.source == source)


def make_plan(settings: Settings, request: Request, run_id: str, folder: Path) -> Plan:
    """Resolve and bind everything. Raises HarnessError, whose exit code is the run's."""
    try:
        return _planned(settings, request, run_id, folder)
    except HarnessError:
        raise
    except Exception as error:
        # most of what is left is the code of extension modules: what they register, and how it is made
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise HarnessError(
            f"the run cannot be planned: {type(error).__name__}: {error}",
            where=f"{place.filename}:{place.lineno} in {place.name}",
            hint="mend the extension module; without one, report this message",
            code="E26",
        ) from error


def _planned(settings: Settings, request: Request, run_id: str, folder: Path) -> Plan:
    settings = replace(
        settings,
        candidate=request.candidate or settings.candidate,
        change=request.change or settings.change,
    )
    if request.seed is not None:
        check_seed(request.seed, "--compare-seed")
    extensions.load(settings)
    baseline = versions.resolve(request.compare_to, settings, "baseline")
    candidate = versions.resolve(settings.candidate, settings, "candidate")
    _refuse_same(baseline, candidate, request)
    if not settings.inputs:
        raise HarnessError(
            "0 of 0 comparisons: no input source is configured",
            where=settings.path.name,
            hint="add [[tool.harness.inputs]] with a name and a path",
            code="E10",
            exit=Exit.INCONCLUSIVE,
        )
    schema = common_schema(baseline, candidate)
    sources = tuple(
        inputs.make(item, settings, schema, request.seed) for item in asked_inputs(settings, baseline)
    )
    _refuse_live_records(settings, baseline, request)
    _refuse_unasked_search(sources, baseline, candidate)
    return bound_plan(settings, request, run_id, folder, (baseline, candidate), sources)


def bound_plan(
    settings: Settings,
    request: Request,
    run_id: str,
    folder: Path,
    pair: tuple[Version, Version],
    sources: tuple[InputSource, ...],
    today: datetime.date | None = None,
) -> Plan:
    """The plan for versions (baseline, candidate) and sources that are known: every rule bound, every waiver laid
    on its rules. `today` decides which have run out; by default it is today."""
    baseline, candidate = pair
    change = kind_of_change(baseline, candidate, settings.change)
    today = today or datetime.date.today()
    facts = [
        SourceFacts(
            source.name, source.search, source.labelled, _kinds(source, settings), _beside(source, settings)
        )
        for source in sources
    ]
    bounds = bind(
        settings, change.kind, facts, _outputs(baseline, candidate), today, _classes(baseline, candidate)
    )
    bounds += drift.bind(settings, facts)
    bounds = waivers.attach(bounds, settings, (baseline.title, candidate.title), today, facts)
    _demand_labels(settings, change, bounds)
    anchor = versions.resolve(settings.anchor, settings, "anchor") if settings.anchor else None
    return Plan(settings, request, run_id, folder, baseline, candidate, change, sources, bounds, anchor)


def asked_inputs(settings: Settings, baseline: Version) -> tuple[Input, ...]:
    """The configured inputs; no search where the baseline is judged on its recorded answers: it was never asked."""
    declared = settings.recorded
    if declared is None or declared.version != baseline.version:
        return settings.inputs
    return tuple(item for item in settings.inputs if item.generate is None)


JUDGING = (
    "rules",
    "inputs",
    "retrain",
    "equal_nan",
    "require_reason",
    "waivers",
    "anchor",
    "drift",
    "recorded",
)
"""Keys of the configuration that decide a verdict."""


def _kinds(source: InputSource, settings: Settings) -> Mapping[str, str] | None:
    """The kinds of a source's columns, where a rule or a waiver asks for them and the source knows."""
    kinds = getattr(source, "kinds", None)
    known: Mapping[str, str] | None = kinds() if _conditions(settings) and kinds is not None else None
    return known


def _beside(source: InputSource, settings: Settings) -> frozenset[str]:
    """The columns of a table that no version is given, where a rule or a waiver may name them."""
    beside = getattr(source, "beside", None)
    known: frozenset[str] = beside() if _conditions(settings) and beside is not None else frozenset()
    return known


def _conditions(settings: Settings) -> bool:
    return any(rule.where or rule.slices for rule in settings.rules) or any(
        waiver.where for waiver in settings.waivers
    )


def rules_digest(settings: Settings) -> str:
    """sha256 of all that judges: the configuration as parsed, and the extension modules."""
    data: dict[str, Any] = tomllib.loads(settings.path.read_text(encoding="utf-8"))
    if settings.path.name == "pyproject.toml":
        data = data["tool"]["harness"]
    judging = {key: value for key, value in data.items() if key in JUDGING}
    return digest({"rules": _plain(judging), "extensions": extensions.digests(settings)})


def _plain(value: Any) -> Any:
    """TOML values as JSON: dates as text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, datetime.date | datetime.time) else value


def _refuse_same(baseline: Version, candidate: Version, request: Request) -> None:
    if baseline.digest != candidate.digest or request.allow_same or request.compare_to == "previous":
        return
    raise HarnessError(
        f"comparing a version with itself: {baseline.title} is {candidate.title}",
        where=f"--compare-to={baseline.spec}, candidate {candidate.spec}",
        hint="name another version, or pass --compare-allow-same to measure how far it repeats itself",
        code="E41",
    )


def _refuse_live_records(settings: Settings, baseline: Version, request: Request) -> None:
    declared = settings.recorded
    if request.live and declared is not None and declared.version == baseline.version:
        raise HarnessError(
            f"{baseline.title} is to be asked live, and is judged on its recorded answers",
            where=f"{settings.path.name} [tool.harness.recorded]",
            hint="leave --compare-live out, or remove [tool.harness.recorded]",
            code="E27",
        )


def _refuse_unasked_search(sources: tuple[InputSource, ...], baseline: Version, candidate: Version) -> None:
    searches = [source.name for source in sources if source.search]
    for version in (baseline, candidate):
        if searches and version.kind == "endpoint" and not version.profile.accepts_generated:
            raise HarnessError(
                f"search {searches[0]} would send generated cases to {version.spec}",
                where=f"version {version.spec}",
                hint="give the endpoint a profile with accepts_generated = true, or remove the search",
            )


def _demand_labels(settings: Settings, change: Change, bounds: tuple[Bound, ...]) -> None:
    if change.kind != "retrain" or settings.retrain.max_changed_rate is not None:
        return
    if not any(isinstance(bound.rule, NotWorse) for bound in bounds):
        raise HarnessError(
            "no labels: cannot say whether it is worse",
            where=f"{settings.path.name}: no input source has a target",
            hint="add target = to a table, or declare max_changed_rate with a reason in [tool.harness.retrain]",
            code="E56",
            exit=Exit.INCONCLUSIVE,
        )


def common_schema(baseline: Version, candidate: Version) -> Schema | None:
    """What both versions take together: the candidate's fields, then those that the baseline alone knows."""
    known = [v.manifest.inputs for v in (candidate, baseline) if v.manifest is not None]
    if not known:
        return None
    fields = list(known[0])
    for schema in known[1:]:
        fields += [field for field in schema if field.name not in known[0]]
    return Schema(tuple(fields))


def _classes(baseline: Version, candidate: Version) -> dict[str, tuple[str, ...]]:
    """The outputs that hold classes: those of two classifiers that are no numbers of measure, each with the classes
    that the baseline's manifest declares."""
    old, new = baseline.manifest, candidate.manifest
    if old is None or new is None or {old.task, new.task} != {"classification"}:
        return {}
    return {
        field.name: field.categories
        for field in old.outputs
        if field.kind in ("str", "bool", "int") and field.name in new.outputs.names
    }


def _outputs(baseline: Version, candidate: Version) -> tuple[str, ...] | None:
    """Output columns that both manifests declare; None where one side has no manifest."""
    if baseline.manifest is None or candidate.manifest is None:
        return None
    theirs = baseline.manifest.outputs
    return tuple(name for name in candidate.manifest.outputs.names if name in theirs)
