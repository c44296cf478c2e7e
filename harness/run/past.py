"""A run that is over: what is noted of it when it ends, and the same read again.

Beside the answers of its sources a run's folder holds `run.json`: what was asked for, both versions with their
manifests, the sources, and what pytest or the command knew. With it a run is judged again, and no model runs.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import __version__, files
from harness.errors import Exit, HarnessError, did_you_mean
from harness.inputs import InputSource
from harness.inputs.generated import SearchSource
from harness.run.blocks import KeptTable
from harness.run.conclude import Circumstances, Conclusion
from harness.run.drive import error_of, error_to_json
from harness.run.plan import Plan, Request, common_schema
from harness.settings import Generate, Input, Profile
from harness.versions.manifest import Manifest
from harness.versions.version import Version

FILE = "run.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Past:
    """A run as it was noted. `missing`: its items that did not run, as (source, rule); `bound`: what its verdict
    was bound to, beside tree and rules (`Session.bound`); `verdict` and `reason` are those that were published last."""

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
    items = {(source.name, bound.name) for source, bound in plan.items()}
    with contextlib.suppress(OSError):
        files.write_json(
            plan.work / FILE,
            {
                "format": FORMAT,
                "run_id": plan.run_id,
                "harness": __version__,
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


def note_again(folder: Path, done: Conclusion) -> None:
    """The verdict of a run that was judged again takes the place of the one before."""
    path = folder / FILE
    data = json.loads(path.read_text(encoding="utf-8"))
    files.write_json(path, data | _decision(done))


def recall(reports: Path, run_id: str) -> Past:
    """The run of this id (or of one that begins so; `last` is the newest). HarnessError where there is none."""
    name = _find(reports, run_id)
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


def ids(reports: Path) -> list[str]:
    """The runs that can be judged again, oldest first."""
    return sorted(path.parent.name for path in (reports / "runs").glob(f"*/{FILE}"))


def _find(reports: Path, run_id: str) -> str:
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
    }


def _past(data: Mapping[str, Any], folder: Path) -> Past:
    baseline, candidate = (_version(data[side]) for side in ("baseline", "candidate"))
    schema = common_schema(baseline, candidate)

    def source(said: Mapping[str, Any]) -> InputSource:
        if not said["search"]:
            return KeptTable(
                said["name"], said["where"], said["labelled"], said["planned"], folder / said["name"]
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
_ADAPTER = ("name", "spec", "python", "entry", "pass_as", "keyword", "outputs")


def _version_to_json(version: Version) -> dict[str, Any]:
    data: dict[str, Any] = {name: getattr(version, name) for name in _PLAIN}
    data["manifest"] = version.manifest.to_json() if version.manifest else None
    # what identity is made of, and no more: headers can hold what nobody should find in a report's folder
    data["profile"] = {name: getattr(version.profile, name) for name in _ADAPTER}
    return data


def _version(data: Mapping[str, Any]) -> Version:
    manifest = Manifest.parse(json.dumps(data["manifest"]), FILE) if data["manifest"] else None
    return Version(
        **{name: data[name] for name in _PLAIN}, manifest=manifest, profile=Profile(**data["profile"])
    )
