"""The version package: an installable wheel with the fitted model, the code that it needs, and its manifest.

The same model gives the same bytes. The version number stands in the manifest, the metadata and the file's name,
and nowhere else, so that an equal retrain under another number has the same files.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import __version__
from harness.errors import Exit, HarnessError
from harness.files import write_atomic
from harness.training import card
from harness.training.archive import archived
from harness.training.config import Config
from harness.training.config.steps import shipped
from harness.training.data import Data
from harness.training.fit import Fitted
from harness.training.locked import libraries_of, lock_of
from harness.training.modelfile import ModelFile, model_file
from harness.training.profile import profile_of
from harness.training.shipped import packed
from harness.versions.manifest import FILE, Manifest

LOCK = "requirements.lock"
CONFIGURATION = "training.toml"
ERROR = "error"
"""The column of an answer that says why a row has none."""


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
    model = model_file(config, fitted.model, data.frame)
    files = package_files(config, model)
    manifest = make_manifest(config, data, fitted, model, files, commit=commit, dirty=dirty)
    content = wheel_bytes(
        config,
        {**files, f"{config.package}/{FILE}": manifest.dump().encode()},
        manifest.libraries,
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


def package_files(config: Config, model: ModelFile) -> dict[str, bytes]:
    """The files of the import package by their path in the wheel, the manifest left out."""
    files = {
        "__init__.py": f'"""A version of {config.model}: see predict.py and {FILE}."""\n'.encode(),
        "predict.py": (Path(__file__).parent / "packaged" / "predict.py").read_bytes(),
        model.name: model.content,
        LOCK: lock_of(config),
        **packed([*(["Derived"] if config.recipes else []), *shipped(config.steps)]),
    }
    return {f"{config.package}/{name}": content for name, content in files.items()}


def make_manifest(
    config: Config,
    data: Data,
    fitted: Fitted,
    model: ModelFile,
    files: Mapping[str, bytes],
    *,
    commit: str,
    dirty: bool,
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
            **({"sampled": {"share": data.sampled.share, "of": data.sampled.rows}} if data.sampled else {}),
            "profile": profile_of(data),
        },
        configuration={"sha256": config.sha256},
        code={"commit": commit, "dirty": dirty, "harness": __version__},
        seeds={"training": config.seed},
        metrics=dict(fitted.metrics),
        evaluation=fitted.evaluation(),
        training_noise=fitted.training_noise,
        machine=platform.machine(),
        libraries=libraries_of(config, model.format),
        errors=ERROR,
        model=model.to_json(config.package),
    )


def wheel_bytes(
    config: Config,
    files: Mapping[str, bytes],
    libraries: Mapping[str, str],
    beside: Mapping[str, bytes],
) -> bytes:
    """A wheel of these files: stored, sorted, dated 1980, so that equal files give equal bytes. What stands `beside`
    the metadata belongs to no version's identity."""
    info = f"{config.package}-{config.version}.dist-info"
    whole = dict(files) | {f"{info}/{name}": content for name, content in beside.items()}
    whole |= {
        f"{info}/METADATA": (
            "Metadata-Version: 2.1\n"
            f"Name: {config.package.replace('_', '-')}\n"
            f"Version: {config.version}\n"
            f"Summary: A version of {_one_line(config.model)}\n"
            "Requires-Python: >=3.11\n"
            # what the model was fitted with, so that a plain pip install of the wheel can predict as well
            + "".join(f"Requires-Dist: {name}=={number}\n" for name, number in libraries.items())
        ).encode(),
        f"{info}/WHEEL": (
            b"Wheel-Version: 1.0\nGenerator: pytest-model-harness\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    return archived(whole, info)


def _one_line(text: str) -> str:
    return " ".join(text.split())
