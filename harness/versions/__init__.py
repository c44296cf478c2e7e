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

_NUMBER = re.compile(r"v?\d+(\.\d+)*([-+.]?[A-Za-z0-9]+)*")


def resolve(spec: str, settings: Settings, role: str) -> Version:
    """The version that `spec` names, for `role` ("baseline", "candidate" or "anchor"). Raises HarnessError.

    A profile's name stands for its spec and its wishes. Then, by form: `previous` or a number (from the baseline
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
    return _resolve(spec, settings, role, None)


def _resolve(spec: str, settings: Settings, role: str, profile: Profile | None) -> Version:
    if spec == "previous" and settings.previous != "store":
        return resolve(settings.previous, settings, role)
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
