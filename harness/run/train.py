"""`harness train`: the training pipeline, run in the very environment that its lock file describes.

Training is a leaf that the harness meets through the version package alone; it is found by name and run in a
process of its own, so that a model is fitted by the libraries that will load it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
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
from harness.run import training_log
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
FAR = re.compile(r"\x1e(\d+)/(\d+)")
"""How far the training process is, among the lines that it says."""


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
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train as `path` says and write the wheel into `out`, with a log beside it. With settings, the data are held
    against those that the previous version was trained on; `data` and `lock` are read in place of what the
    configuration names. `progress` hears how many fits of how many are done."""
    configuration = TRAINING["configuration"](path)
    log = out / f"{configuration.package}-{configuration.version}.log"
    with training_log.kept(log, say) as logger:
        return _train(path, configuration, out, _Told(say, logger, progress), settings, data, lock)


@dataclass(frozen=True, slots=True)
class _Told:
    """Who is told what happens: whoever watches, the log, and a bar of how far it is."""

    say: Callable[[str], None]
    log: logging.Logger
    progress: Callable[[int, int], None]

    def __call__(self, line: str) -> None:
        self.say(line)
        self.log.info("%s", line)


def _train(
    path: Path,
    configuration: Any,
    out: Path,
    told: _Told,
    settings: Settings | None,
    data: Path | None,
    lock: Path | None,
) -> Trained:
    lock = lock or Path(configuration.lock)
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        raise HarnessError(
            f"cannot read the lock file: {error.strerror}",
            where=str(lock),
            hint="docs/training.md shows the command that writes it",
        ) from None
    tree = tree_of(path.parent)
    for name, value in (
        ("configuration", f"{path.name}, digest {configuration.sha256}"),
        ("data", str(data or configuration.data.as_written)),
        ("lock", f"{lock.name}, sha256 {hashlib.sha256(text.encode()).hexdigest()}"),
        ("commit", f"{tree.commit or 'none'}{', with changes' if tree.dirty else ''}"),
        ("seed", f"{configuration.seed}, and {configuration.replicas} more for the noise of training"),
    ):
        told.log.info("input: %s: %s", name, value)
    purpose = f"training {configuration.model} {configuration.version}"
    python = environments.python_for(text, sys.executable, told, purpose)
    told(purpose)
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
        told.log.info("input: previous version: %s", previous.version if previous else "none that is known")
        if previous is not None:
            manifest = Path(folder) / "previous.json"
            manifest.write_text(previous.dump(), encoding="utf-8")
            command += ["--previous", str(manifest)]
        # safe path: a folder of the project that is called as a library of ours is not taken for it
        environment = {"PYTHONPATH": str(harness), "PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"}
        done = _followed(command, {**os.environ, **environment}, Path(folder), told)
    try:
        result = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        result = {}
    if done.returncode or "wheel" not in result:
        raise _failed(done, path)
    told.log.info("wheel: %s, sha256 %s", Path(result["wheel"]).name, result["sha256"])
    for name in result["removed"]:
        # the log of a candidate goes with it
        number = name.removeprefix(f"{configuration.package}-").partition("-")[0]
        (out / f"{configuration.package}-{number}.log").unlink(missing_ok=True)
    return Trained(
        Path(result["wheel"]),
        result["sha256"],
        result["version"],
        result["metrics"],
        tuple(result["removed"]),
    )


def _followed(
    command: list[str], environment: Mapping[str, str], folder: Path, told: _Told
) -> subprocess.CompletedProcess[str]:
    """The process, with what it says told line by line while it runs, how far it is apart."""
    lines: list[str] = []
    with (folder / "answer").open("w+", encoding="utf-8", errors="replace") as answer:
        with subprocess.Popen(
            command, env=environment, stdout=answer, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as process:
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    line = line.rstrip("\n")
                    if far := FAR.fullmatch(line):
                        told.progress(int(far[1]), int(far[2]))
                        continue
                    lines.append(line)
                    told(line)
            except BaseException:
                process.kill()
                raise
        answer.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, answer.read(), "\n".join(lines))


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
