"""The version package: an installable wheel with the fitted model, the code that it needs, and its manifest.

The same model gives the same bytes. The version number stands in the manifest, the metadata and the file's name,
and nowhere else, so that an equal retrain under another number has the same files.
"""

from __future__ import annotations

import hashlib
import io
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import Exit, HarnessError
from harness.files import write_atomic
from harness.training import card
from harness.training.archive import archived
from harness.training.config import Config
from harness.training.config.steps import names, shipped
from harness.training.data import Data
from harness.training.fit import Fitted
from harness.training.profile import profile_of
from harness.training.shipped import packed
from harness.versions.manifest import FILE, Manifest

LIBRARIES = ("numpy", "scipy", "scikit-learn", "joblib", "pandas")
LOCK = "requirements.lock"
CONFIGURATION = "training.toml"

_PICKLE = 5  # the same bytes under every Python: the default protocol differs between them
_PREDICT = '''"""Answers of this version: a table in, a table out, row for row."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd

INPUTS = {inputs}

MODEL = joblib.load(Path(__file__).with_name("model.joblib"))


def predict(frame):
    """The answers to a DataFrame with the columns INPUTS (others are left alone), under the same index."""
    missing = [name for name in INPUTS if name not in frame.columns]
    if missing:
        raise ValueError("missing columns: " + ", ".join(missing))
    given = pd.DataFrame({{name: _as_trained(frame[name], kind) for name, kind in INPUTS.items()}}, index=frame.index)
{answer}


def _as_trained(column, kind):
    """Numbers and booleans as float64, text as Python strings; NaN where a value is missing."""
    if kind == "str":
        column = column.astype(object)
        return column.where(column.notna(), np.nan)
{times}    return column.astype("float64")
'''

_TIMES = """    if kind == "datetime":
        # without a zone, another zone is converted to UTC; NaT where a value is missing
        return pd.to_datetime(column, utc=True, format="ISO8601").dt.tz_localize(None).astype("datetime64[ns]")
"""

_NUMBER = """    answers = np.asarray(MODEL.predict(given), dtype="float64").reshape(-1)
    return pd.DataFrame({"prediction": answers}, index=frame.index)"""

_LABEL = """    return pd.DataFrame({"prediction": MODEL.predict(given)}, index=frame.index)"""

_CHANCES = """    answers = {"prediction": MODEL.predict(given)}
    chances = MODEL.predict_proba(given)
    for place, label in enumerate(MODEL.classes_):
        answers["probability_" + str(label)] = chances[:, place]
    return pd.DataFrame(answers, index=frame.index)"""


@dataclass(frozen=True, slots=True)
class Packaged:
    """The wheel that was written, its digest, and the older candidates that it replaced."""

    wheel: Path
    sha256: str
    manifest: Manifest
    removed: tuple[str, ...]


def package(config: Config, data: Data, fitted: Fitted, out: Path, *, commit: str, dirty: bool) -> Packaged:
    """Write the wheel of a fitted model into `out`. Other wheels of the package there, which were never
    released from there, are removed once the new one stands."""
    files = package_files(config, data, fitted)
    manifest = make_manifest(config, data, fitted, files, commit=commit, dirty=dirty)
    content = wheel_bytes(
        config,
        {**files, f"{config.package}/{FILE}": manifest.dump().encode()},
        {
            "model_card.md": card.markdown(manifest).encode(),
            "model_card.html": card.html(manifest).encode(),
            # with it, the lock and the table of the manifest's digest, the version can be made again
            CONFIGURATION: config.path.read_bytes(),
        },
    )
    path = out.absolute() / f"{config.package}-{config.version}-py3-none-any.whl"
    try:
        write_atomic(path, content)
        older = [item for item in sorted(out.glob(f"{config.package}-*.whl")) if item.name != path.name]
        for item in older:
            item.unlink()
    except OSError as error:
        raise HarnessError(
            f"cannot write the wheel: {error.strerror}",
            where=str(path),
            hint="make room, or name another folder",
            exit=Exit.STORE,
        ) from None
    return Packaged(path, hashlib.sha256(content).hexdigest(), manifest, tuple(item.name for item in older))


def check_environment(config: Config) -> None:
    """Raise E08 unless the libraries here are those of the lock: what fits a model must be what will load it."""
    pinned: dict[str, set[str]] = {}
    for name, number in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", _lock(config).decode(), re.MULTILINE):
        pinned.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(number)
    installed = _libraries(config)
    for name, found in installed.items():
        if found not in pinned.get(name, set()):
            wanted = " or ".join(sorted(pinned.get(name, ()))) or "none"
            raise HarnessError(
                f"environment mismatch: {name} {found} is installed, the lock has {wanted}",
                where=str(config.lock),
                hint="train with harness train, which builds the environment of the lock",
                code="E08",
                exit=Exit.INCONCLUSIVE,
            )


def package_files(config: Config, data: Data, fitted: Fitted) -> dict[str, bytes]:
    """The files of the import package by their path in the wheel, the manifest left out."""
    import joblib

    label = _CHANCES if len(fitted.outputs) > 1 else _LABEL
    answer = _NUMBER if config.task == "regression" else label
    inputs = "{\n" + "".join(f"    {field.name!r}: {field.kind!r},\n" for field in data.inputs) + "}"
    # as it was where there are none, so that versions without times keep their digest
    times = _TIMES if any(field.kind == "datetime" for field in data.inputs) else ""
    model = io.BytesIO()
    joblib.dump(fitted.model, model, compress=0, protocol=_PICKLE)
    files = {
        "__init__.py": f'"""A version of {config.model}: see predict.py and {FILE}."""\n'.encode(),
        "predict.py": _PREDICT.format(inputs=inputs, answer=answer, times=times).encode(),
        "model.joblib": model.getvalue(),
        LOCK: _lock(config),
        **packed([*(["Derived"] if config.recipes else []), *shipped(config.steps)]),
    }
    return {f"{config.package}/{name}": content for name, content in files.items()}


def make_manifest(
    config: Config, data: Data, fitted: Fitted, files: Mapping[str, bytes], *, commit: str, dirty: bool
) -> Manifest:
    """The manifest of these files."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    lock = f"{config.package}/{LOCK}"
    held = int(data.held_out.sum())
    return Manifest(
        name=config.model,
        version=config.version,
        task=config.task,
        entry=f"{config.package}.predict:predict",
        inputs=data.inputs,
        outputs=fitted.outputs,
        python=platform.python_version(),
        lock={"file": lock, "sha256": digests[lock]},
        files=digests,
        data={
            "sha256": data.sha256,
            "path": config.data.as_written,
            "rows": len(data),
            "trained": int(data.trained.sum()),
            "held_out": held,
            "profile": profile_of(data),
        },
        configuration={"sha256": config.sha256},
        code={"commit": commit, "dirty": dirty, "harness": __version__},
        seeds={"training": config.seed},
        metrics=dict(fitted.metrics),
        evaluation=fitted.evaluation(),
        training_noise=fitted.training_noise,
        machine=platform.machine(),
        libraries=_libraries(config),
    )


def wheel_bytes(
    config: Config, files: Mapping[str, bytes], beside: Mapping[str, bytes] | None = None
) -> bytes:
    """A wheel of these files: stored, sorted, dated 1980, so that equal files give equal bytes. What stands `beside`
    the metadata belongs to no version's identity."""
    info = f"{config.package}-{config.version}.dist-info"
    whole = dict(files) | {f"{info}/{name}": content for name, content in (beside or {}).items()}
    whole |= {
        f"{info}/METADATA": (
            "Metadata-Version: 2.1\n"
            f"Name: {config.package.replace('_', '-')}\n"
            f"Version: {config.version}\n"
            f"Summary: A version of {_one_line(config.model)}\n"
            "Requires-Python: >=3.11\n"
            # what the model was fitted with, so that a plain pip install of the wheel can predict as well
            + "".join(f"Requires-Dist: {name}=={number}\n" for name, number in _libraries(config).items())
        ).encode(),
        f"{info}/WHEEL": (
            b"Wheel-Version: 1.0\nGenerator: pytest-model-harness\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    return archived(whole, info)


def _lock(config: Config) -> bytes:
    try:
        return config.lock.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"cannot read the lock file: {error.strerror}",
            where=str(config.lock),
            hint="docs/training.md shows the command that writes it",
        ) from None


def _libraries(config: Config) -> dict[str, str]:
    found: dict[str, Any] = {}
    # what unpickles the steps has to be there as well
    more = {name.partition(".")[0].replace("_", "-") for name in names(config.steps)} & {"feature-engine"}
    for name in (*LIBRARIES, *sorted(more)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
