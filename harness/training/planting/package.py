"""A version package with a fault in it: the same model and lock behind another entry, and another digest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError
from harness.files import write_atomic
from harness.training.archive import archived
from harness.training.planting.recipe import Recipe, recipe
from harness.versions import manifest as manifests
from harness.versions.manifest import Manifest

CODE = "planted.py"
TRUTH = "planted.json"


@dataclass(frozen=True, slots=True)
class Planted:
    """The spoilt wheel, and what is wrong with it."""

    wheel: Path
    sha256: str
    recipe: Recipe


def plant(wheel: Path, fault: str, given: Mapping[str, Any], out: Path, version: str = "") -> Planted:
    """Write a wheel that is `wheel` but for one fault into the folder `out`.

    Its version is `version`, or that of the wheel with `+planted`. `planted.json` in the package tells the truth.
    Raises HarnessError for a fault that there is not, a wheel that is no version package, and one that is spoilt
    already.
    """
    files, info = _read(wheel)
    package, manifest = _manifest(files, wheel)
    made = recipe(fault, given, {field.name: field.kind for field in manifest.inputs})
    if fault in ("clip", "float32") and "column" not in made.keys:
        _is_number(manifest, fault)
    if fault == "threshold":
        _has_model(files, manifest, wheel)
    number = version or f"{manifest.version.partition('+')[0]}+planted"
    truth = {**made.keys, "says": made.says, "where": made.where, "entry": manifest.entry}
    files[f"{package}/{CODE}"] = Path(__file__).with_name(CODE).read_bytes()
    files[f"{package}/{TRUTH}"] = (json.dumps(truth, indent=1, ensure_ascii=False) + "\n").encode()
    spoilt = dataclasses.replace(
        manifest,
        version=number,
        entry=f"{package}.planted:predict",
        files={
            name: hashlib.sha256(content).hexdigest()
            for name, content in sorted(files.items())
            if name != f"{package}/{manifests.FILE}" and not name.startswith(f"{info}/")
        },
    )
    files[f"{package}/{manifests.FILE}"] = spoilt.dump().encode()
    files.pop(f"{info}/RECORD", None)
    new = f"{package}-{number}.dist-info"
    metadata = re.sub(
        rb"(?m)^Version: .*$", f"Version: {number}".encode(), files[f"{info}/METADATA"], count=1
    )
    files[f"{info}/METADATA"] = metadata
    moved = {
        (f"{new}/{name.removeprefix(f'{info}/')}" if name.startswith(f"{info}/") else name): content
        for name, content in files.items()
    }
    content = archived(moved, new)
    path = out.absolute() / f"{package}-{number}-py3-none-any.whl"
    try:
        write_atomic(path, content)
    except OSError as error:
        raise HarnessError(
            f"cannot write the wheel: {error.strerror}",
            where=str(path),
            hint="make room, or name another folder",
            exit=Exit.STORE,
        ) from None
    return Planted(path, hashlib.sha256(content).hexdigest(), made)


def _read(wheel: Path) -> tuple[dict[str, bytes], str]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except (OSError, zipfile.BadZipFile) as error:
        raise HarnessError(
            f"the wheel cannot be read: {error}",
            where=str(wheel),
            hint="name a wheel, such as harness train writes",
        ) from None
    infos = {name.partition("/")[0] for name in files if name.partition("/")[0].endswith(".dist-info")}
    if len(infos) != 1:
        raise HarnessError(
            f"{len(infos)} folders *.dist-info in the wheel",
            where=str(wheel),
            hint="name a wheel that installs",
        )
    return files, infos.pop()


def _manifest(files: Mapping[str, bytes], wheel: Path) -> tuple[str, Manifest]:
    places = [name for name in files if name.count("/") == 1 and name.endswith(f"/{manifests.FILE}")]
    if len(places) != 1:
        raise HarnessError(
            "no version package: there is no manifest.json",
            where=str(wheel),
            hint="name a wheel with a manifest, such as harness train writes",
        )
    package = places[0].partition("/")[0]
    if f"{package}/{TRUTH}" in files:
        raise HarnessError(
            "a fault is planted in it already",
            where=str(wheel),
            hint="plant into the version before, one fault each",
        )
    return package, Manifest.parse(files[places[0]], f"{wheel.name}: {places[0]}")


def _is_number(manifest: Manifest, fault: str) -> None:
    for one in manifest.outputs:
        if one.name == "prediction" and one.kind not in ("float", "int"):
            numbers = [field.name for field in manifest.inputs if field.kind in ("float", "int")]
            raise HarnessError(
                f"the prediction is {one.kind}",
                where=f"the fault {fault}",
                hint=f"name a column of numbers: --set column={numbers[0]}"
                if numbers
                else "plant another fault: no column is a number",
            )


def _has_model(files: Mapping[str, bytes], manifest: Manifest, wheel: Path) -> None:
    module = manifest.entry.partition(":")[0].replace(".", "/")
    code = files.get(f"{module}.py", files.get(f"{module}/__init__.py", b""))
    if not re.search(rb"(?m)^MODEL *=", code):
        raise HarnessError(
            "no threshold can be moved: the module of the entry has no MODEL",
            where=f"{wheel.name}: {module}.py",
            hint="plant another fault, or into a package that harness train wrote",
        )
