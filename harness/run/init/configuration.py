"""The `[tool.harness]` table that `harness init` writes: as a person would, with the reason of each guess beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from harness.run.init.cases import Cases
from harness.run.init.looking import Before, ModelFile, Requirements
from harness.run.init.service import Service

CANDIDATE, BASELINE, SERVICE = "now", "before", "service"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one version profile says: its spec, and what both versions share."""

    spec: str
    spec_before: str
    why_before: str
    entry: str = ""
    pass_as: str = ""
    requirements: tuple[str, ...] = ()
    requirements_file: str = ""
    allow_pickle: tuple[str, ...] = ()
    allow_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Everything that the table says."""

    model: str
    wishes: Wishes
    cases: Cases | None
    place: str
    service: Service | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)


def text(table: Table, *, prefixed: bool) -> str:
    """The configuration; `prefixed` for pyproject.toml, where each name begins with tool.harness."""
    head = "tool.harness" if prefixed else ""
    wishes = table.wishes
    lines = [f"[{head}]"] if head else []
    lines += [
        f"model = {_quoted(table.model)}",
        f'candidate = "{CANDIDATE}"      # the model as it lies there',
        f'previous = "{BASELINE}"    # {wishes.why_before}',
        'change = "auto"        # a model that was trained anew: "retrain"',
        "",
    ]
    for name, spec in ((CANDIDATE, wishes.spec), (BASELINE, wishes.spec_before)):
        lines += [f"[{_under(head, 'versions', name)}]", f"spec = {_quoted(spec)}"]
        lines += [f"entry = {_quoted(wishes.entry)}"] if wishes.entry else []
        lines += [f"pass_as = {_quoted(wishes.pass_as)}"] if wishes.pass_as else []
        if wishes.requirements_file:
            lines.append(f"requirements_file = {_quoted(wishes.requirements_file)}")
        lines += [f"requirements = {_list(wishes.requirements)}"] if wishes.requirements else []
        if wishes.allow_pickle:
            lines.append(
                f"allow_pickle = {_list(wishes.allow_pickle)}  # sha256: opening a pickle runs the code in it"
            )
        if wishes.allow_types:
            lines.append(f"allow_types = {_list(wishes.allow_types)}  # beside those that skops trusts")
        lines.append("")
    if table.service is not None:
        lines += _service(table.service, head)
    if table.cases is not None:
        lines += [f"[[{_under(head, 'inputs')}]]", 'name = "cases"', f"path = {_quoted(table.place)}"]
        lines.append(f"key = {_quoted(table.cases.key)}")
        lines += [f"target = {_quoted(table.cases.target)}"] if table.cases.target else []
    return "\n".join(lines).rstrip() + "\n"


def requirements_for(
    needs: Requirements | None, model: ModelFile, frames: bool
) -> tuple[tuple[str, ...], str, list[str]]:
    """The requirements of a model file's profile: those beside a file, that file, and what was guessed."""
    own: list[str] = []
    guesses: list[str] = []
    sklearn = model.sklearn
    file = needs.file if needs else ""
    if needs and not file:
        own += needs.lines
    pinned = needs.pins("scikit-learn") if needs else ""
    if sklearn and not pinned:
        own.append(f"scikit-learn=={sklearn}")
        said = "is named without a version" if needs and needs.names("scikit-learn") else "is not named"
        where = needs.source if needs else "no file of requirements"
        guesses.append(f"scikit-learn {said} ({where}): the model file says {sklearn}")
    elif sklearn and pinned != sklearn and not pinned.endswith(".*"):
        guesses.append(
            f"{needs.source if needs else ''} pins scikit-learn {pinned}, the model was made with {sklearn}: "
            "it may not open, or answer otherwise"
        )
    if model.skops and not (needs and needs.names("skops")):
        own.append(f"skops=={model.skops}")
        guesses.append(
            f"skops, which opens the model file, is not among the requirements: it says {model.skops}"
        )
    if frames and not (needs and needs.names("pandas")):
        own.append("pandas")
        guesses.append(
            "pandas, which the model's named columns need, is not among the requirements: its newest is taken"
        )
    return tuple(own), file, guesses


def baseline_of(spec: str, found: Before) -> str:
    """The spec of the baseline for that of the candidate."""
    return f"{spec}@{found.ref}" if spec.startswith("file:") else f"git:{found.ref}"


def _service(service: Service, head: str) -> list[str]:
    lines = [
        f"[{_under(head, 'versions', SERVICE)}]  # {service.app}, once it runs: harness parity {CANDIDATE} {SERVICE}",
        f"spec = {_quoted('http://127.0.0.1:8000' + service.route)}",
    ]
    if service.shape == "wrapped":
        body = "{" + json.dumps(service.wrapped) + ": $records}"
        lines.append(f"request = '{body}'" if "'" not in body else f"request = {_quoted(body)}")
    return [*lines, ""]


def _under(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _quoted(text: str) -> str:
    # a string of JSON is one of TOML, but for what JSON writes as surrogates
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(_quoted(one) for one in texts) + "]"
