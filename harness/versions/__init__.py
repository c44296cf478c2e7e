"""From a version spec to a version: parsed, found, digests verified, nothing opened."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.errors import Exit, HarnessError, did_you_mean
from harness.registry import Registry
from harness.settings import Profile

if TYPE_CHECKING:
    from harness.settings import Settings
    from harness.versions.version import Version

REGISTRY: Registry[Any] = Registry(
    "version source",
    {
        "wheel": "harness.versions.wheel:WheelSource",
        "project": "harness.versions.wheel:ProjectSource",
        "endpoint": "harness.versions.endpoint:EndpointSource",
        "recorded": "harness.versions.given:RecordedSource",
        # the store is found by name alone: it lies above this room
        "baseline": "harness.store.source:BaselineSource",
        # so are the sources that build and lock, with uv
        "pypi": "harness.predictors.sources.python:IndexSource",
        "git": "harness.predictors.sources.git:GitSource",
        "file": "harness.predictors.sources.artifact:FileSource",
        "mlflow": "harness.predictors.sources.mlflow:MlflowSource",
    },
    needs=("resolve",),
)

_FAMILIES = (frozenset({"pypi", "wheel", "project", "git"}), frozenset({"file"}), frozenset({"mlflow"}))
"""Kinds of source that are forms of one thing, and are asked alike."""

_NUMBER = re.compile(r"v?\d+(\.\d+)*([-+.]?[A-Za-z0-9]+)*")


def resolve(spec: str, settings: Settings, role: str) -> Version:
    """The version that `spec` names, for `role` ("baseline", "candidate" or "anchor"). Raises HarnessError.

    A profile's name stands for its spec and its wishes; a baseline of the same family as a candidate that has a profile
    is asked as that says. Then, by form: `previous` or a number (from the baseline
    store), `wheel:PATH` or a path that ends with .whl, `project:FOLDER`, an address, or `NAME:…` of a registered
    version source.
    """
    profile = settings.versions.get(spec)
    if profile is not None:
        if not profile.spec:
            raise HarnessError(
                f"profile {spec} has no spec",
                where=f"{settings.path.name}, versions.{spec}",
                hint='add spec = "…": a number, a wheel or an address',
            )
        found = _resolve(profile.spec, settings, role, profile)
        return replace(found, spec=spec, why=f"profile {spec} ({profile.spec}): {found.why}")
    shared = _shared(spec, settings, role)
    found = _resolve(spec, settings, role, shared)
    return replace(found, why=f"{found.why}, asked as profile {shared.name} says") if shared else found


def _resolve(spec: str, settings: Settings, role: str, profile: Profile | None) -> Version:
    if spec == "previous" and settings.previous != "store":
        _refuse_circle(settings)
        if profile is None or settings.previous in settings.versions:
            return resolve(settings.previous, settings, role)
        return _resolve(settings.previous, settings, role, profile)
    name, rest = _parsed(spec, settings, role)
    source = REGISTRY[name]
    if isinstance(source, type):
        source = source()
    wishes = profile or Profile()
    if hasattr(source, "resolve_under"):
        found: Version = source.resolve_under(rest, settings, wishes)
    else:
        found = source.resolve(rest, settings)
    found = replace(found, spec=spec)
    if profile is not None:
        if found.profile.name != profile.name:  # else the source has heeded it, and added what it knows
            found = found.under(profile)
        if found.interpreter:
            from harness.versions.wheel import interpreter_of

            found = replace(found, interpreter=interpreter_of(found.profile))
        if profile.adapter:
            found = replace(found, adapter=_adapter(profile, settings))
    return found


def _refuse_circle(settings: Settings) -> None:
    named = settings.versions.get(settings.previous)
    if "previous" in (settings.previous, named and named.spec):
        raise HarnessError(
            "previous leads to itself",
            where=f'{settings.path.name}: previous = "{settings.previous}"',
            hint='previous = "store", or what else is the baseline: "git:last-tag"',
            code="E27",
        )


def _shared(spec: str, settings: Settings, role: str) -> Profile | None:
    """The candidate's profile, for a spec of the same family that has none of its own: `git:last-tag` against what lies
    in the working copy is the same package, and says as little about what predicts."""
    theirs = settings.versions.get(settings.candidate)
    if role == "candidate" or theirs is None or not theirs.spec:
        return None
    try:
        ours = _parsed(spec, settings, role)[0]
        other = _parsed(theirs.spec, settings, "candidate")[0]
    except HarnessError:
        return None  # said where that version is resolved
    return theirs if any(ours in family and other in family for family in _FAMILIES) else None


def _adapter(profile: Profile, settings: Settings) -> str:
    """The text of the profile's adapter."""
    path = settings.root / profile.adapter.rpartition(":")[0]
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(
            f"the adapter cannot be read: {getattr(error, 'strerror', None) or error}",
            where=f"version profile {profile.name}: {path}",
            hint="the path is relative to the configuration file",
            code="E08",
            exit=Exit.INCONCLUSIVE,
        ) from None


def _parsed(spec: str, settings: Settings, role: str) -> tuple[str, str]:
    """The name of the source that knows this spec, and what it is given."""
    if spec == "previous" or _NUMBER.fullmatch(spec):
        return "baseline", spec
    if spec.startswith(("http://", "https://")):
        return "endpoint", spec
    name, colon, rest = spec.partition(":")
    if colon and name in REGISTRY:
        return name, rest
    if spec.endswith(".whl"):
        return "wheel", spec
    forms = ["previous", *settings.versions, *(f"{source}:" for source in REGISTRY)]
    raise HarnessError(
        f'unknown version "{spec}" for the {role}',
        where="--compare-to" if role == "baseline" else role,
        hint=did_you_mean(spec, forms)
        + "; or a number (1.4.0), a wheel (dist/x.whl), an address (https://…)",
    )
