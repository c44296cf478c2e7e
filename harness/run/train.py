"""`harness train`: the training pipeline, run in the very environment that its lock file describes.

Training is a leaf that the harness meets through the version package alone; it is found by name and run in a
process of its own, so that a model is fitted by the libraries that will load it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import versions
from harness.errors import Exit, HarnessError
from harness.predictors import environments
from harness.registry import Registry
from harness.run.tree import tree_of
from harness.settings import Settings
from harness.versions.manifest import Manifest

TRAINING: Registry[Any] = Registry(
    "training",
    {
        "configuration": "harness.training.config:read_config",
        "schema": "harness.training.config.schema:text",
        "simpler": "harness.training.card:better_references",
    },
)
MODULE = "harness.training"


@dataclass(frozen=True, slots=True)
class Trained:
    """What training wrote: the wheel, its digest and number, metrics on held-out rows, candidates replaced."""

    wheel: Path
    sha256: str
    version: str
    metrics: Mapping[str, float]
    removed: tuple[str, ...]


def train(
    path: Path,
    out: Path,
    say: Callable[[str], None],
    settings: Settings | None = None,
    *,
    data: Path | None = None,
    lock: Path | None = None,
) -> Trained:
    """Train as `path` says and write the wheel into `out`. With settings, the data are held against those that the
    previous version was trained on; `data` and `lock` are read in place of what the configuration names."""
    configuration = TRAINING["configuration"](path)
    lock = lock or Path(configuration.lock)
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        raise HarnessError(
            f"cannot read the lock file: {error.strerror}",
            where=str(lock),
            hint="docs/training.md shows the command that writes it",
        ) from None
    purpose = f"training {configuration.model} {configuration.version}"
    python = environments.python_for(text, sys.executable, say, purpose)
    say(purpose)
    tree = tree_of(path.parent)
    command = [
        str(python),
        "-s",
        "-m",
        MODULE,
        str(path.absolute()),
        "--out",
        str(out),
        "--commit",
        tree.commit,
        "--lock",
        str(lock),
    ]
    if data is not None:
        command += ["--data", str(data)]
    if tree.dirty:
        command.append("--dirty")
    with environments.harness_path() as harness, tempfile.TemporaryDirectory() as folder:
        previous = _previous(settings, configuration.model)
        if previous is not None:
            manifest = Path(folder) / "previous.json"
            manifest.write_text(previous.dump(), encoding="utf-8")
            command += ["--previous", str(manifest)]
        done = subprocess.run(
            command,
            # safe path: a folder of the project that is called as a library of ours is not taken for it
            env={**os.environ, "PYTHONPATH": str(harness), "PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        result = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        result = {}
    if done.returncode or "wheel" not in result:
        raise _failed(done, path)
    for line in done.stderr.splitlines():
        say(line)
    return Trained(
        Path(result["wheel"]),
        result["sha256"],
        result["version"],
        result["metrics"],
        tuple(result["removed"]),
    )


def _previous(settings: Settings | None, model: str) -> Manifest | None:
    """The manifest of the model's previous version; None where there is none, or none with a manifest."""
    if settings is None or settings.model != model:
        return None
    try:
        return versions.resolve("previous", settings, "baseline").manifest
    except HarnessError as error:
        if error.code == "E48":
            return None
        raise


def _failed(done: subprocess.CompletedProcess[str], path: Path) -> HarnessError:
    """What the training process said, as its own error where it is one of ours."""
    try:
        error = json.loads(done.stdout.strip().splitlines()[-1])["error"]
        return HarnessError(
            error["message"],
            where=error["where"],
            hint=error["hint"],
            code=error["code"],
            exit=Exit(error["exit"]),
        )
    except (ValueError, IndexError, KeyError, TypeError):
        last = done.stderr.strip().splitlines()[-5:] or ["it said nothing"]
        return HarnessError(
            f"training ended with code {done.returncode}: {last[-1]}",
            where=str(path),
            hint="the lines before: " + " | ".join(last[:-1]),
            exit=Exit.INCONCLUSIVE,
        )
