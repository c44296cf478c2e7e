"""The steps of `harness init`: look, decide, ask the model what it takes, write, compare once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import files, versions
from harness import settings as configuration
from harness.errors import Exit, HarnessError, did_you_mean
from harness.predictors import probing
from harness.predictors.probing import About
from harness.predictors.sources import git
from harness.predictors.sources.artifact import parted
from harness.run import workflow
from harness.run.init import cases, looking
from harness.run.init import configuration as writing
from harness.run.init.cases import Cases
from harness.run.init.configuration import Table, Wishes
from harness.run.init.looking import Found, ModelFile
from harness.run.init.service import Service
from harness.settings import Settings
from harness.settings.editing import with_allowed, without_harness
from harness.versions.version import PICKLES, SKOPS

FIXTURE = "fixtures/cases.csv"
KEPT = "fixtures/baseline"
"""Where a copy of today's model is kept as the baseline, where git has none."""

ARRAY = "array"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user said: a model file, a table, a label; whether pickles may be opened, and which types files of skops
    may hold; whether files that are there may be written over, and whether nothing is to be written at all."""

    model: str = ""
    table: str = ""
    target: str = ""
    allow_pickle: bool = False
    allow_types: tuple[str, ...] = ()
    replace: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """One file that is to be there: its content, and how it came about: `new`, `same`, `added to`, `replaced`, or
    `kept` where another one is there."""

    path: Path
    content: bytes
    state: str


@dataclass(frozen=True, slots=True)
class Start:
    """What `harness init` decided. Nothing is written yet."""

    found: tuple[str, ...]
    guesses: tuple[str, ...]
    written: tuple[Written, ...]
    following: tuple[str, ...]


def existing(root: Path) -> Path | None:
    """The configuration that is there already."""
    try:
        return configuration.find(root)
    except HarnessError:
        if (root / "harness.toml").is_file():
            raise  # there, and there twice
        return None


def allow(path: Path, pickles: bool, types: Sequence[str]) -> list[str]:
    """Add to every version profile of a model file in this configuration: to `allow_pickle` the digest of the file as
    it lies there now, since a model that is the candidate today is the baseline of tomorrow; to `allow_types`, of a
    file of skops, these types. What was allowed anew, in words."""
    settings = configuration.load(path)
    named: dict[str, list[str]] = {}
    for profile in settings.versions.values():
        if profile.spec.startswith("file:"):
            file, _ = parted(profile.spec.removeprefix("file:"), settings.root)
            named.setdefault(file, []).append(profile.name)
    text = before = path.read_text(encoding="utf-8")
    told = []

    def add(key: str, profiles: list[str], value: str, words: str) -> None:
        nonlocal text
        changed = with_allowed(text, path.name == "pyproject.toml", profiles, key, value)
        if changed != text:
            told.append(f"{key} has {words}")
        text = changed

    for file, profiles in named.items():
        place = settings.root / file
        if pickles and place.suffix in PICKLES and place.is_file():
            sha256 = hashlib.sha256(place.read_bytes()).hexdigest()
            add("allow_pickle", profiles, sha256, f"{file}, sha256 {sha256[:12]}")
        for name in types if place.suffix == SKOPS else ():
            add("allow_types", profiles, name, f"{name} for {file}")
    if text != before:
        files.write_atomic(path, text.encode("utf-8"))
    return told


def begin(root: Path, options: Options, say: Say) -> Start:
    """Look around and decide. Opens the model in an environment of its own to ask what it takes; writes nothing into
    `root`. Raises HarnessError where there is nothing to begin with."""
    found = looking.look(root)
    if options.model:
        found = _chosen(found, options.model)
    if found.models:
        return _of_file(found, found.models[0], options, say)
    if found.package is not None:
        return _of_package(found, options)
    raise _nothing(found)


def write(start: Start) -> None:
    """Write what is new or to be replaced."""
    for one in start.written:
        if one.state in ("new", "added to", "replaced"):
            files.write_atomic(one.path, one.content)


def _of_file(found: Found, model: ModelFile, options: Options, say: Say) -> Start:
    root = found.root
    if model.pickled and not options.allow_pickle:
        raise HarnessError(
            f"refused: {model.path} is a pickle, and opening it runs the code in it",
            where=f"{root / model.path}, sha256 {model.sha256[:12]}",
            hint="if you know who made it: harness init --allow-pickle",
            code="E54",
            exit=Exit.REFUSED,
        )
    spec = f"file:{model.path}"
    before = looking.before(root, model.path)
    copies: list[Written] = []
    if before is None:
        kept = f"{KEPT}/{Path(model.path).name}"
        copies.append(_file(root, kept, (root / model.path).read_bytes(), replace=options.replace))
        base, why = f"file:{kept}", "a copy of today's model, since git has none: commit it"
    else:
        base, why = writing.baseline_of(spec, before), before.why
    service = next((one for one in found.services if one.fields), None)
    own, file, guesses = writing.requirements_for(found.requirements, model, frames=False)
    if not own and not file:
        raise HarnessError(
            f"{model.path} does not say which libraries it needs, and there is no requirements.txt",
            where=str(root),
            hint="write requirements.txt with what the service that uses it has installed",
        )
    wishes = Wishes(
        spec, base, why, "", "", own, file, _digests(root, model, before, copies), options.allow_types
    )
    if options.allow_types and Path(model.path).suffix != SKOPS:
        raise HarnessError(
            f"{model.path} is no file of skops: types are allowed of those alone",
            where="--allow-type",
            hint="leave --allow-type out",
        )
    about = _ask(found, wishes, say)
    if about.names is not None:
        own, file, guesses = writing.requirements_for(found.requirements, model, frames=True)
        wishes = replace(wishes, requirements=own, requirements_file=file)
    elif about.count is not None:
        wishes = replace(wishes, pass_as=ARRAY)
    wanted, more = _wanted(about, service)
    fixture = _cases(found, wanted, about, options)
    asked = service if service is not None and service.shape != "record" else None
    table = Table(found.name, wishes, fixture, FIXTURE, asked)
    told = [f"model file    {model.path} ({about.kind}, {_inputs(about)})"]
    told += [f"  also there  {one.path}: --model chooses it" for one in found.models[1:]]
    if service is not None:
        told.append(f"service       {service.app}, POST {service.route}, {len(service.fields)} fields")
        if asked is None:
            more.append(
                f"POST {service.route} takes one record, and the harness asks in batches: the model file is compared, "
                "and not the service"
            )
    elif found.services:
        told.append(f"service       {found.services[0].app}, POST {found.services[0].route}")
    return _start(found, table, told, [*guesses, *more, *fixture.guesses], copies, options)


def _of_package(found: Found, options: Options) -> Start:
    package, root = found.package, found.root
    assert package is not None
    before = looking.before(root, "pyproject.toml") or looking.before(root, "setup.py")
    if before is None:
        raise HarnessError(
            "there is a package, and no commit of it to compare with",
            where=str(root),
            hint="git init, and commit it; or keep releases: docs/releasing.md",
        )
    service = next((one for one in found.services if one.fields), None)
    wanted = [one.name for one in service.fields] if service else None
    try:
        fixture = _cases(found, wanted, None, options)
    except HarnessError as error:
        raise HarnessError(
            "nothing says what the package is asked: no table, no service",
            where=str(root),
            hint="harness init --table FILE, a .csv, .parquet or .jsonl with cases",
        ) from error
    inner = _git(root, "rev-parse", "--show-prefix").strip().rstrip("/")
    base = writing.baseline_of("project:.", before) + (f"#{inner}" if inner else "")
    wishes = Wishes("project:.", base, before.why, package.entry, package.pass_as)
    told = [f"package       {found.name}: {package.entry}"]
    told += [f"  also there  {one}: entry in the version profiles" for one in package.others[:5]]
    guesses = [f"{package.entry} takes {'a list of records' if package.pass_as == 'records' else 'a frame'}"]
    return _start(
        found, Table(found.name, wishes, fixture, FIXTURE), told, [*guesses, *fixture.guesses], [], options
    )


def _start(
    found: Found, table: Table, told: list[str], guesses: list[str], copies: list[Written], options: Options
) -> Start:
    root = found.root
    assert table.cases is not None
    if found.requirements is not None:
        told.append(f"requirements  {found.requirements.source} ({len(found.requirements.lines)})")
    told += [
        f"cases         {table.cases.source}",
        f"baseline      {table.wishes.spec_before}: {table.wishes.why_before}",
    ]
    settings, configured = _configured(root, table, options)
    written = [
        configured,
        _file(root, FIXTURE, table.cases.text().encode("utf-8"), replace=options.replace),
        *copies,
    ]
    following = []
    try:
        repository = workflow.repository(root)
    except HarnessError:
        guesses.append("no git repository: no workflow is written, and a verdict is bound to no tree")
        following.append(
            "git init && git add -A && git commit, then harness init --replace, for the workflow"
        )
    else:
        content = workflow.plain(settings).encode("utf-8")
        written.append(_file(repository, str(workflow.PLACE), content, replace=options.replace))
        written += _ignored(root, settings.reports)
        following.append("git add -A && git commit -m 'Compare model versions'")
    if table.cases.target:
        following.append(
            "a model that was trained anew is judged by its error: harness compare --change=retrain"
        )
    else:
        following.append(
            f'real cases in {FIXTURE}, with a label: target = "…"; without one a retrained model cannot be judged'
        )
    if table.service is not None:
        following.append(
            f"once the service runs (uvicorn {table.service.app}): harness parity {writing.CANDIDATE} {writing.SERVICE}"
        )
    following += [
        "pytest --compare-to=previous -m differential, then harness verify: what CI runs",
        "harness check prints what each rule binds to; tolerances of your own: [[rules]], docs/rules.md",
    ]
    return Start(tuple(told), tuple(guesses), tuple(written), tuple(following))


def _ask(found: Found, wishes: Wishes, say: Say) -> About:
    """What the model takes, asked in the environment that it will be compared in."""
    settings = _settings(found.root, Table(found.name, wishes, None, FIXTURE))
    version = versions.resolve(writing.CANDIDATE, settings, "candidate")
    return probing.about(version, say)


def _settings(root: Path, table: Table) -> Settings:
    return configuration.of_text(writing.text(table, prefixed=False), root / "harness.toml")


def _configured(root: Path, table: Table, options: Options) -> tuple[Settings, Written]:
    """Where the configuration goes: into pyproject.toml where there is one, else harness.toml."""
    there = existing(root)
    path = there or (
        root / "pyproject.toml" if (root / "pyproject.toml").is_file() else root / "harness.toml"
    )
    prefixed = path.name == "pyproject.toml"
    text = writing.text(table, prefixed=prefixed)
    state = "new"
    if prefixed:
        before = path.read_text(encoding="utf-8")
        if there is not None:
            before = without_harness(before)
        text = before.rstrip() + "\n\n" + text
        state = "added to"
    if there is not None:
        state = "replaced" if options.replace else "kept"
    return configuration.of_text(text, path), Written(path, text.encode("utf-8"), state)


def _file(root: Path, name: str, content: bytes, *, replace: bool) -> Written:
    path = root / name
    if not path.exists():
        return Written(path, content, "new")
    if path.read_bytes() == content:
        return Written(path, content, "same")
    return Written(path, content, "replaced" if replace else "kept")


def _ignored(root: Path, reports: str) -> Iterator[Written]:
    """.gitignore, where git does not ignore the reports yet: a verdict is bound to the tree without them."""
    asked = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "-q", f"{reports}/report.json"],
        capture_output=True,
        check=False,
    )
    if asked.returncode == 1:
        path = root / ".gitignore"
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        gap = "" if not before or before.endswith("\n") else "\n"
        state = "added to" if before else "new"
        yield Written(path, f"{before}{gap}{reports}/\n".encode(), state)


def _chosen(found: Found, name: str) -> Found:
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(found.root):
        name = str(path.relative_to(found.root))
    chosen = [one for one in found.models if one.path == Path(name).as_posix()]
    if not chosen:
        raise HarnessError(
            f"no model file {name}",
            where=str(found.root),
            hint=did_you_mean(name, [one.path for one in found.models])
            + f"; a model file ends with {', '.join(looking.MODELS)}",
        )
    return replace(found, models=(chosen[0], *(one for one in found.models if one is not chosen[0])))


def _digests(
    root: Path, model: ModelFile, before: looking.Before | None, copies: list[Written]
) -> tuple[str, ...]:
    """What may be opened: the model as it is, and as it was."""
    if not model.pickled:
        return ()
    digests = [model.sha256]
    if before is not None:
        content = git.file_at(root, git.commit_of(root, before.ref), model.path)
        digests.append(hashlib.sha256(content).hexdigest())
    for copy in copies:
        there = copy.path.read_bytes() if copy.state == "kept" else copy.content
        digests.append(hashlib.sha256(there).hexdigest())
    return tuple(dict.fromkeys(digests))


def _wanted(about: About, service: Service | None) -> tuple[list[str], list[str]]:
    """The names of the inputs in order, and what was guessed of them."""
    if about.names is not None:
        return list(about.names), []
    fields = service.fields if service else ()
    numbers = [one.name for one in fields if one.kind != "str"]
    if about.count is None:
        if fields:
            return [one.name for one in fields], ["the model takes what the service's request holds"]
        return [], []
    if len(numbers) == about.count:
        return numbers, [
            "the model knows its inputs by place alone: they are those of the service's request, in that order"
        ]
    return (
        [f"x{place}" for place in range(about.count)],
        [f"the model knows its {about.count} inputs by place alone: they are called x0, x1, …"],
    )


def _cases(found: Found, wanted: list[str] | None, about: About | None, options: Options) -> Cases:
    """The first fixture."""
    if options.table:
        table = Path(options.table)
        named = (
            str(table.resolve().relative_to(found.root.resolve())) if table.is_absolute() else options.table
        )
        taken = cases.from_tables(found.root, [named], wanted or None, options.target, demanded=True)
        assert taken is not None
        return taken
    own = [name for name in found.tables if name != FIXTURE]
    if wanted or about is None:
        taken = cases.from_tables(found.root, own, wanted, options.target)
        if taken is not None:
            return taken
    if options.target:
        raise HarnessError(
            f'no table with the model\'s inputs has a column "{options.target}"',
            where=str(found.root),
            hint="name the table as well: --table FILE",
        )
    if not wanted:
        raise HarnessError(
            "nothing says what the model takes: it has no names of inputs, and no service or table is here",
            where=str(found.root),
            hint="harness init --table FILE, a .csv, .parquet or .jsonl with cases",
        )
    service = next((one for one in found.services if one.fields), None)
    return cases.made(wanted, service.fields if service else (), about)


def _inputs(about: About) -> str:
    count = len(about.names) if about.names is not None else about.count
    return "inputs unknown" if count is None else f"{count} input{'' if count == 1 else 's'}"


def _nothing(found: Found) -> HarnessError:
    here = (
        f"; there is a service, {found.services[0].app}, and no model file beside it"
        if found.services
        else ""
    )
    return HarnessError(
        f"nothing to begin with: no model file ({', '.join(looking.MODELS)}) and no Python package that predicts{here}",
        where=str(found.root),
        hint="type it in the folder of the model or its service; a version package, a published package or an endpoint "
        "is configured by hand: README.md, In your own repository",
    )


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
