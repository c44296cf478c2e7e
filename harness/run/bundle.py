"""What a run needs to be run again: its configuration, its extension modules and both wheels, by digest.

They lie in the reports' folder, beside the runs (`kept/<sha256>`), each content once however many runs used it; a run
names them in its `run.json`. Inputs, seeds and answers lie in the run's own folder already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from harness import files
from harness.errors import Exit, HarnessError
from harness.run.plan import Plan
from harness.settings import editing

FOLDER = "kept"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Contents by sha256. `configuration` is (name of the file, digest); `extensions` by name, `wheels` by side."""

    configuration: tuple[str, str] = ("", "")
    extensions: Mapping[str, str] = field(default_factory=dict)
    wheels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Bundle:
        """From its JSON form; an empty one for a run of an older harness."""
        name, digest = data.get("configuration", ("", ""))
        return cls((str(name), str(digest)), dict(data.get("extensions", {})), dict(data.get("wheels", {})))

    def to_json(self) -> dict[str, Any]:
        """As `run.json` holds it."""
        return {
            "configuration": list(self.configuration),
            "extensions": dict(self.extensions),
            "wheels": dict(self.wheels),
        }


def keep(plan: Plan) -> Bundle:
    """Keep what this plan was made of. OSError where it cannot be written or read."""
    return replace(keep_rules(plan), wheels=_keep_wheels(plan))


def keep_rules(plan: Plan) -> Bundle:
    """The same without the wheels: of a run that is judged again they are gone, or were kept before."""
    settings = plan.settings
    reports = plan.folder
    text = settings.path.read_text(encoding="utf-8")
    text = editing.without_secrets(text, settings.path.name == "pyproject.toml")
    return Bundle(
        (settings.path.name, _put(reports, text.encode())),
        {name: _put(reports, (settings.root / name).read_bytes()) for name in settings.extensions},
    )


def _keep_wheels(plan: Plan) -> dict[str, str]:
    reports = plan.folder
    sides = (("baseline", plan.baseline), ("candidate", plan.candidate), ("anchor", plan.anchor))
    wheels = {}
    for side, version in sides:
        if version is None or version.kind != "package" or not version.sha256:
            continue
        if not _place(reports, version.sha256).exists():
            content = Path(version.location).read_bytes()
            if _sha256(content) != version.sha256:
                # it was swapped during the run, which is trouble of the run itself; another wheel is not kept for it
                continue
            _put(reports, content)
        wheels[side] = version.sha256
    return wheels


def kept(reports: Path, sha256: str, what: str) -> bytes:
    """A content that was kept, verified. HarnessError where it is gone or another."""
    path = _place(reports, sha256)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise gone(f"{what} of the run is gone: {error.strerror}", str(path)) from None
    if _sha256(content) != sha256:
        raise HarnessError(
            f"{what} of the run is not what was kept: digest mismatch",
            where=str(path),
            hint="it was changed or damaged: restore the reports' folder, and find out who wrote it",
            code="E46",
            exit=Exit.STORE,
        )
    return content


def unpack(bundle: Bundle, reports: Path, folder: Path) -> Path:
    """Lay configuration and extension modules out below `folder`; returns the configuration file."""
    name, digest = bundle.configuration
    if not name:
        raise gone("the run did not keep its configuration: it is of an older harness", str(reports))
    for place, sha256, what in [
        (name, digest, "the configuration"),
        *((one, sha256, f"extension module {one}") for one, sha256 in bundle.extensions.items()),
    ]:
        path = folder / place
        if not path.resolve().is_relative_to(folder.resolve()):
            raise HarnessError(
                f"refused: {place!r} leads outside",
                where=str(reports),
                hint="restore the run's folder, and find out who wrote it",
                code="E54",
                exit=Exit.REFUSED,
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(kept(reports, sha256, what))
    return folder / name


def wheel(bundle: Bundle, reports: Path, side: str, folder: Path, name: str) -> Path | None:
    """The kept wheel of one side, laid out below `folder` under its own name; None where none was kept."""
    sha256 = bundle.wheels.get(side, "")
    if not sha256:
        return None
    path = folder / side / Path(name).name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(kept(reports, sha256, f"the wheel of the {side}"))
    return path


def needless(reports: Path, named: Iterable[Bundle]) -> list[Path]:
    """What is kept and named by none of these bundles, which are those of every run that there is."""
    needed = set()
    for one in named:
        needed |= {one.configuration[1], *one.extensions.values(), *one.wheels.values()}
    return [path for path in sorted((reports / FOLDER).glob("*")) if path.name not in needed]


@cache
def code() -> str:
    """sha256 of the harness's own modules: the same number of a version is not the same code."""
    root = Path(files.__file__).parent
    whole = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        whole.update(f"{path.relative_to(root)}\0{_sha256(path.read_bytes())}\n".encode())
    return whole.hexdigest()


def gone(words: str, place: str) -> HarnessError:
    """E72: the run cannot be run again."""
    return HarnessError(
        words,
        where=place,
        hint="compare the versions anew; what it decided is still shown by harness show",
        code="E72",
        exit=Exit.INCONCLUSIVE,
    )


def _put(reports: Path, content: bytes) -> str:
    sha256 = _sha256(content)
    path = _place(reports, sha256)
    if not path.exists():
        files.write_atomic(path, content)
    return sha256


def _place(reports: Path, sha256: str) -> Path:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise HarnessError(
            f"refused: {sha256[:80]!r} is no digest",
            where=str(reports),
            hint="restore the run's folder, and find out who wrote it",
            code="E54",
            exit=Exit.REFUSED,
        )
    return reports / FOLDER / sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
