"""A run that is over: what is noted of it when it ends, and the same read again.

Beside the answers of its sources a run's folder holds `run.json`: what was asked for, both versions with their
manifests, the sources, and what pytest or the command knew. With it a run is judged again, and no model runs.
"""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness import __version__, files, reporting
from harness.errors import Exit, HarnessError, did_you_mean
from harness.inputs import InputSource
from harness.inputs.generated import SearchSource
from harness.run import bundle
from harness.run.blocks import KeptTable
from harness.run.bundle import Bundle
from harness.run.conclude import Circumstances, Conclusion
from harness.run.drive import error_of, error_to_json, how_asked
from harness.run.plan import Plan, Request, common_schema
from harness.settings import Generate, Input, Profile
from harness.versions.manifest import Manifest
from harness.versions.version import Version

FILE = "run.json"
RECORD = "record.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Past:
    """A run as it was noted. `missing`: its items that did not run, as (source, rule); `bound`: what its verdict
    was bound to, beside tree and rules (`Session.bound`); `verdict`, `reason` and `result_digest` are those that were
    published last, `day` the day on which they were judged. `bundle` is what it takes to run it again; `harness` and
    `code` (of `bundle.code`) say which harness ran it."""

    run_id: str
    model: str
    request: Request
    baseline: Version
    candidate: Version
    anchor: Version | None
    sources: tuple[InputSource, ...]
    missing: frozenset[tuple[str, str]]
    other_failures: int
    troubles: tuple[HarnessError, ...]
    workers: int
    bound: Mapping[str, Any]
    verdict: str
    reason: str
    result_digest: str
    day: datetime.date
    bundle: Bundle
    harness: str
    code: str

    def around(self, plan: Plan, command: str, started: str) -> dict[str, Any]:
        """The fields of Circumstances that the run itself decides; a rule that it did not know cannot be missing."""
        return {
            "command": command,
            "started": started,
            "executed": frozenset(
                (source.name, bound.name)
                for source, bound in plan.items()
                if (source.name, bound.name) not in self.missing
            ),
            "other_failures": self.other_failures,
            "troubles": self.troubles,
            "workers": self.workers,
        }


def note(plan: Plan, around: Circumstances, done: Conclusion, bound: Mapping[str, Any]) -> None:
    """Write `run.json`: the run is over, and this is what it was. Where it cannot be written the verdict stands, and
    cannot be judged again."""
    executed = around.executed
    kept = Bundle()
    # a text that cannot be searched for secrets is not kept either
    with contextlib.suppress(OSError, ValueError):
        kept = bundle.keep(plan)
    items = {(source.name, bound.name) for source, bound in plan.items()}
    with contextlib.suppress(OSError):
        files.write_json(
            plan.work / FILE,
            {
                "format": FORMAT,
                "run_id": plan.run_id,
                "harness": __version__,
                "code": bundle.code(),
                "bundle": kept.to_json(),
                "model": plan.settings.model,
                "request": asdict(plan.request),
                "baseline": _version_to_json(plan.baseline),
                "candidate": _version_to_json(plan.candidate),
                "anchor": None if plan.anchor is None else _version_to_json(plan.anchor),
                "sources": [_source_to_json(source) for source in plan.sources],
                "missing": sorted(items - executed) if executed is not None else [],
                "other_failures": around.other_failures,
                "troubles": [error_to_json(trouble) for trouble in around.troubles],
                "workers": around.workers,
                "bound": dict(bound),
                **_decision(done),
            },
        )
        files.write_json(plan.work / RECORD, done.record)


def note_again(plan: Plan, done: Conclusion) -> None:
    """The verdict of a run that was judged again takes the place of the one before, and so do the rules."""
    path = plan.work / FILE
    data = json.loads(path.read_text(encoding="utf-8"))
    wheels = data.get("bundle", {}).get("wheels", {})
    kept = Bundle(wheels=wheels)
    with contextlib.suppress(OSError, ValueError):
        kept = replace(bundle.keep_rules(plan), wheels=wheels)
    files.write_json(path, {**data, "bundle": kept.to_json(), "code": bundle.code(), **_decision(done)})
    files.write_json(plan.work / RECORD, done.record)


def record(reports: Path, run_id: str) -> dict[str, Any]:
    """The run record as it was published last, of this run (`recall` says which). HarnessError where none was kept."""
    name = find(reports, run_id)
    folder = reports / "runs" / name
    if not (folder / RECORD).exists():
        raise HarnessError(
            f"run {name} kept no record: it is of an older harness",
            where=str(folder / RECORD),
            hint=f"harness judge {name} judges it again, and makes one",
            exit=Exit.INCONCLUSIVE,
        )
    return reporting.read(folder, RECORD)


def recall(reports: Path, run_id: str) -> Past:
    """The run of this id (or of one that begins so; `last` is the newest). HarnessError where there is none."""
    name = find(reports, run_id)
    path = reports / "runs" / name / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}, this harness reads {FORMAT}")
        return _past(data, path.parent)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(
            f"run {name} cannot be read: {type(error).__name__}: {error}",
            where=str(path),
            hint="run the comparison again",
            exit=Exit.INCONCLUSIVE,
        ) from None


def bundles(reports: Path) -> list[Bundle]:
    """What each run needs to be run again. HarnessError where a run cannot be read: what it needs is then not known."""
    return [recall(reports, name).bundle for name in ids(reports)]


def ids(reports: Path) -> list[str]:
    """The runs that can be judged again, oldest first."""
    return sorted(path.parent.name for path in (reports / "runs").glob(f"*/{FILE}"))


def find(reports: Path, run_id: str) -> str:
    """The whole id of the run that is meant. HarnessError where none is, or several are."""
    known = ids(reports)
    # the folder of a run may be typed as well
    wanted = run_id.rstrip("/").rpartition("/")[2]
    found = (
        known[-1:]
        if wanted == "last"
        else [name for name in known if name.startswith(wanted)]
        if wanted
        else []
    )
    if wanted in found:
        found = [wanted]
    if len(found) == 1:
        return found[0]
    words = f'{len(found)} runs begin with "{wanted}"' if found else f'no stored run "{wanted}"'
    raise HarnessError(
        words,
        where=str(reports / "runs"),
        hint=did_you_mean(wanted, known) if known else "compare two versions first: every run is kept there",
    )


def _decision(done: Conclusion) -> dict[str, Any]:
    result = done.record["result"]
    return {
        "verdict": done.verdict.name,
        "reason": result["reason"],
        "result_digest": done.record["result_digest"],
        "day": datetime.date.today().isoformat(),
    }


def _past(data: Mapping[str, Any], folder: Path) -> Past:
    baseline, candidate = (_version(data[side]) for side in ("baseline", "candidate"))
    schema = common_schema(baseline, candidate)

    def source(said: Mapping[str, Any]) -> InputSource:
        if not said["search"]:
            kept = folder / said["name"]
            together = how_asked(kept).together
            return KeptTable(
                said["name"], said["where"], said["labelled"], said["planned"], kept, together=together
            )
        assert schema is not None  # without a schema there was no search
        return SearchSource(Input(said["name"], generate=Generate(**said["generate"])), schema, said["seed"])

    return Past(
        run_id=data["run_id"],
        model=data["model"],
        request=Request(**data["request"]),
        baseline=baseline,
        candidate=candidate,
        anchor=_version(data["anchor"]) if data["anchor"] else None,
        sources=tuple(source(said) for said in data["sources"]),
        missing=frozenset((name, rule) for name, rule in data["missing"]),
        other_failures=data["other_failures"],
        troubles=tuple(error_of(trouble) for trouble in data["troubles"]),
        workers=data["workers"],
        bound=data["bound"],
        verdict=data["verdict"],
        reason=data["reason"],
        result_digest=data["result_digest"],
        # of an older harness: the day is in its id
        day=datetime.date.fromisoformat(data.get("day") or data["run_id"][:8]),
        bundle=Bundle.parse(data.get("bundle", {})),
        harness=data["harness"],
        code=data.get("code", ""),
    )


def _source_to_json(source: InputSource) -> dict[str, Any]:
    plan = getattr(source, "plan", None)
    return {
        "name": source.name,
        "where": source.where,
        "search": source.search,
        "labelled": source.labelled,
        "planned": source.planned(),
        "seed": getattr(source, "seed", None),
        "generate": asdict(plan) if source.search and plan is not None else None,
    }


_PLAIN = ("spec", "kind", "name", "version", "location", "why", "sha256", "interpreter")
_ADAPTER = ("name", "spec", "python", "entry", "method", "pass_as", "keyword", "outputs", "adapter")


def _version_to_json(version: Version) -> dict[str, Any]:
    data: dict[str, Any] = {name: getattr(version, name) for name in _PLAIN}
    data["manifest"] = version.manifest.to_json() if version.manifest else None
    # what identity is made of, and no more: headers can hold what nobody should find in a report's folder
    data["profile"] = {name: getattr(version.profile, name) for name in _ADAPTER}
    data["profile"]["environment"] = dict(version.profile.environment)
    # a tree or a name fixes no dependencies: the lock that was resolved is part of what was judged
    return data | {
        "lock": "" if version.manifest else version.lock,
        "artifact": version.artifact,
        "adapter": version.adapter,
    }


def _version(data: Mapping[str, Any]) -> Version:
    manifest = Manifest.parse(json.dumps(data["manifest"]), FILE) if data["manifest"] else None
    return Version(
        **{name: data[name] for name in _PLAIN},
        **{name: data.get(name, "") for name in ("lock", "artifact", "adapter")},
        manifest=manifest,
        profile=Profile(**data["profile"]),
    )
