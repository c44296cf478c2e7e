"""What a version spec was resolved to, for a person: what it is, what it runs in, how it is asked, under which limits.

Nothing of the version runs, and no value of a variable or of a header is shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.predictors import environments
from harness.reporting.text import clean
from harness.settings import Profile, Settings
from harness.versions.manifest import digest
from harness.versions.version import LOADER, PICKLES, SKOPS, Version

NAMES = 8
"""Columns of a version that a line names."""
_INDENT = 10


def lines(role: str, version: Version) -> Iterator[str]:
    """The version in a line, as `harness check` has always said it; below it what it binds to. Raises HarnessError E08
    where there is no interpreter for it."""
    yield f"{role:<{_INDENT}} {version.title}  {version.digest[:12]}  {version.why}"
    for name, words in _facts(version):
        yield f"{'':<{_INDENT}} {name:<8} {clean(words, 600)}"


def idle_profiles(settings: Settings, *used: str) -> Iterator[str]:
    """Each configured profile that this comparison does not use: its spec, not resolved."""
    meant = {settings.previous if name == "previous" else name for name in used}
    for name, profile in settings.versions.items():
        if name not in meant:
            yield f"{'profile':<{_INDENT}} {name}: {profile.spec or 'no spec'}  [not compared here, not resolved]"


def troubled(version: Version) -> bool:
    """Whether it needs a variable that is not set: it could not be started, and the run could not pass."""
    return any(not there for _, there in _variables(version.profile))


def _facts(version: Version) -> Iterator[tuple[str, str]]:
    yield "is", _what(version)
    if version.kind in ("package", "python"):
        yield "runs in", _surroundings(version)
        yield "asked", _asked(version)
    elif version.kind == "endpoint":
        yield "asked", _posted(version.profile)
    if version.manifest is not None:
        yield "takes", _names(version.manifest.inputs.names)
        yield "answers", _names(version.manifest.outputs.names)
    if version.kind != "recorded":
        yield "limits", _limits(version)
    if variables := list(_variables(version.profile)):
        yield "needs", ", ".join(words for words, _ in variables)


def _what(version: Version) -> str:
    place = Path(version.location).name
    if version.kind == "endpoint":
        return f"an endpoint, {version.location}: known by its address alone"
    if version.kind == "recorded":
        return f"answers already given, {place}, sha256 {version.sha256[:12]}"
    if version.kind == "package":
        return f"a version package, {version.name} {version.version}, sha256 {version.sha256[:12]}"
    if version.is_file:
        kind = "a model of MLflow" if Path(version.location).is_dir() else "a model file"
        return f"{kind}, {version.location}, sha256 {version.sha256[:12]}{_opened(version)}"
    if version.kind == "python":
        return f"a package without a manifest, {version.name} {version.version}" + (
            f", {place}" if place else ""
        )
    return f"a version of kind {version.kind}"


def _opened(version: Version) -> str:
    """Who opens a model file, and what allows it."""
    suffix = Path(version.location).suffix
    if suffix in PICKLES:
        return ", a pickle that allow_pickle lists"
    if suffix == SKOPS:
        more = len(version.profile.allow_types)
        return ", opened by skops" + (f", {more} more types allowed" if more else "")
    return ""


def _surroundings(version: Version) -> str:
    python = environments.python_version(version.profile.python)
    path = environments.find_interpreter(version.profile.python)
    packages = sum(1 for line in version.lock.splitlines() if "==" in line)
    noun = "package" if packages == 1 else "packages"
    locked = f"{packages} {noun} locked ({digest(version.lock)[:8]})" if packages else "no packages"
    return f"Python {python} ({path}), {locked}"


def _asked(version: Version) -> str:
    profile = version.profile
    if version.adapter:
        words = [f"adapter {profile.adapter}"]
    elif version.entry == LOADER:
        words = [f"what the file holds{'.' + profile.method if profile.method else ''}"]
    else:
        words = [version.entry + (f".{profile.method}" if profile.method else "")]
    given = {"frame": "a frame", "records": "records", "array": "an array"}[version.pass_as]
    words.append(f"given {given}{f' as {profile.keyword}' if profile.keyword else ''}")
    if profile.outputs:
        words.append(f"answers at {profile.outputs}")
    return ", ".join(words)


def _posted(profile: Profile) -> str:
    words = ["by POST of " + ("request, with records in it" if profile.request else "records")]
    words.append(f"answers at {profile.outputs or 'the reply itself or its predictions'}")
    words.append(f"generated cases {'allowed' if profile.accepts_generated else 'refused'}")
    return ", ".join(words)


def _limits(version: Version) -> str:
    words = f"{version.profile.timeout:g} s for a batch"
    if version.kind in ("package", "python"):
        words += f", {version.profile.memory / 2**30:.4g} GiB resident"
    return words


def _variables(profile: Profile) -> Iterator[tuple[str, bool]]:
    """Each variable that its profile takes from ours, and whether it is set."""
    for what, table in (("variable", profile.environment), ("header", profile.headers)):
        for name, ours in _taken(table):
            there = ours in os.environ
            yield f"{what} {name} from {ours}" + ("" if there else " (not set: it could not be asked)"), there


def _taken(table: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, said.removeprefix("env:")) for name, said in table.items() if said.startswith("env:"))


def _names(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(names[:NAMES])
    return shown + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")
