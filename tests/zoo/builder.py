"""Builds version packages around the animals: `animals/NAME.py`, each misbehaving in the one way its docstring says.

Most animals take records and answer `2 * x + 1` where they do not misbehave; where only some rows are meant, it is
those with x = 13. `EMPTY` locks make environments without any package, so most animals need none.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.settings import Profile
from harness.versions.version import Version
from harness.versions.wheel import version_of

ANIMALS = Path(__file__).parent / "animals"
SCIENCE_LOCK = Path(__file__).parents[2] / "fixtures" / "diabetes.lock"
EMPTY = ""
X = ({"name": "x", "kind": "float", "minimum": 0, "maximum": 100},)
PREDICTION = ({"name": "prediction", "kind": "float"},)


@dataclass(frozen=True)
class Animal:
    """One source: its name, what is wrong with it, and whether it takes a frame (and so needs pandas) or numpy."""

    name: str
    what: str
    source: str

    @property
    def pass_as(self) -> str:
        """`frame` where `predict` takes a frame, else `records`."""
        return "frame" if "def predict(frame" in self.source else "records"

    @property
    def lock(self) -> str:
        """The lock that it needs: none, or the one of the shipped model, which has numpy and pandas."""
        needy = "import numpy" in self.source or "import pandas" in self.source
        return SCIENCE_LOCK.read_text() if needy else EMPTY


class Zoo:
    """What the `zoo` fixture gives. Every animal by its name, as a wheel, a version, or a whole project."""

    science_lock = property(lambda self: SCIENCE_LOCK.read_text())

    @property
    def names(self) -> tuple[str, ...]:
        """Every animal's name."""
        return tuple(sorted(item.stem for item in ANIMALS.glob("*.py")))

    def __getitem__(self, name: str) -> Animal:
        source = (ANIMALS / f"{name}.py").read_text(encoding="utf-8")
        return Animal(name, source.split('"""')[1], source)

    def wheel(
        self,
        folder: Path,
        name: str = "good",
        version: str = "1.0.0",
        lock: str | None = None,
        task: str = "regression",
        inputs: Sequence[Mapping[str, Any]] = X,
        outputs: Sequence[Mapping[str, Any]] = PREDICTION,
        *,
        source: str = "",
        model: str = "animal",
        package: str = "",
        place: Path | None = None,
        files: Mapping[str, bytes] | None = None,
        **manifest: Any,
    ) -> Path:
        """Write the version package of one animal into `folder`; returns the wheel's path.

        `source` instead of an animal's own text; `place` a folder in which it may leave marks; `files` more files
        of the package by name; `manifest` more entries, or other values, of the manifest (None removes one).
        """
        animal = Animal(name, "", source) if source else self[name]
        text = animal.source.replace('"/nowhere"', repr(str(place))) if place else animal.source
        package = package or f"zoo_{name}"
        content = {
            "__init__.py": b"",
            "model.py": text.encode("utf-8", "surrogatepass"),
            "requirements.lock": (animal.lock if lock is None else lock).encode(),
            **(files or {}),
        }
        content = {f"{package}/{path}": data for path, data in content.items()}
        digests = {path: hashlib.sha256(data).hexdigest() for path, data in sorted(content.items())}
        entries = {
            "format": 1,
            "name": model,
            "version": version,
            "task": task,
            "entry": f"{package}.model:predict",
            "inputs": list(inputs),
            "outputs": list(outputs),
            "python": "3.11.0",
            "lock": {
                "file": f"{package}/requirements.lock",
                "sha256": digests[f"{package}/requirements.lock"],
            },
            "files": digests,
            "data": {"sha256": "d" * 64},
            "configuration": {"sha256": "c" * 64},
            "machine": "zoo",
            "pass_as": animal.pass_as,
            **manifest,
        }
        entries = {key: value for key, value in entries.items() if value is not None}
        content[f"{package}/manifest.json"] = json.dumps(entries, indent=2).encode()
        return write_wheel(folder / f"{package}-{version}-py3-none-any.whl", content, package, version)

    def version(
        self, folder: Path, name: str = "good", *, profile: Profile | None = None, **wheel: Any
    ) -> Version:
        """The version in the wheel of one animal (`wheel` as above), under a profile."""
        path = self.wheel(folder, name, **wheel)
        return version_of(path, why="of the zoo", profile=profile or Profile(timeout=20))

    def project(
        self,
        folder: Path,
        baseline: str = "good",
        candidate: str = "good",
        *,
        xs: Iterable[float] = range(20),
        settings: str = "",
        profile: str = "",
        **wheel: Any,
    ) -> Path:
        """A project that compares two animals: `harness.toml`, both wheels, `rows.csv` (id, x, y = 2x + 1).

        Its version profiles `baseline` and `candidate` are usable as specs: `--compare-to=baseline`. `settings` is
        TOML put at the end of `harness.toml` (rules, a search); `profile` is TOML for both version profiles, such
        as `timeout = 3`; `wheel` goes to both wheels. Animals leave their marks in `folder`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        wheel.setdefault("place", folder)
        lines = ['model = "animal"', 'candidate = "candidate"', "", "[[inputs]]", 'name = "rows"']
        lines += ['path = "rows.csv"', 'key = "id"', 'target = "y"']
        for role, name in (("baseline", baseline), ("candidate", candidate)):
            path = self.wheel(
                folder / role, name, version="1.0.0" if role == "baseline" else "1.1.0", **wheel
            )
            lines += ["", f"[versions.{role}]", f'spec = "wheel:{role}/{path.name}"', profile]
        (folder / "harness.toml").write_text("\n".join([*lines, "", settings, ""]), encoding="utf-8")
        with (folder / "rows.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "x", "y"])
            out.writerows((f"r{row}", float(x), 2 * float(x) + 1) for row, x in enumerate(xs))
        return folder


def write_wheel(
    path: Path, content: Mapping[str, bytes], package: str, version: str, requires: Sequence[str] = ()
) -> Path:
    """A wheel of these files, with the dist-info that an installer wants, dated 1980: the same bytes each time."""
    info = f"{package}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    whole = dict(content) | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n{needs}".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: zoo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{name},sha256={_record(data)},{len(data)}" for name, data in whole.items()]
    whole[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in whole.items():
            wheel.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return path


def _record(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
