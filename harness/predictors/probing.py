"""What the model in a file says of itself, asked in the version's own environment and never in ours."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError
from harness.predictors import environments, model_files, probe
from harness.predictors.process import PASSED_ON
from harness.versions.version import Version

SECONDS = 120.0
REFUSED = "harness_artifact.Refused: "
"""How the last line begins that Python prints where the loader refused what is in a file."""


@dataclass(frozen=True, slots=True)
class About:
    """`kind` is library and class (`sklearn.Pipeline`), `names` the names of its inputs in order and `count` their
    number where it knows them, `classes` its labels as text. `choices`: of some inputs, the categories that an encoder
    knows; `spreads`: of others, mean and standard deviation of what a scaler has seen."""

    kind: str
    names: tuple[str, ...] | None
    count: int | None
    classes: tuple[str, ...] | None
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    spreads: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def about(version: Version, say: Callable[[str], None]) -> About:
    """Open the model file of `version` and ask. HarnessError E08 where it cannot be opened in its environment, E54 for
    a file of skops with types that nobody allowed."""
    purpose = f"{version.name} {version.title}"
    python = environments.python_for(version.lock, version.profile.python, say, purpose)
    folder = model_files.placed(version)
    with tempfile.TemporaryDirectory(prefix="harness-probe-") as scratch:
        answer = Path(scratch, "about.json")
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        try:
            done = subprocess.run(
                [str(python), "-s", probe.__file__, str(folder), str(answer)],
                cwd=scratch,
                env={**kept, "HOME": scratch},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _unopened(version, f"no answer in {SECONDS:.0f} s") from None
        if done.returncode or not answer.is_file():
            said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            if said and said[-1].startswith(REFUSED):
                raise _refused(version, said[-1].removeprefix(REFUSED))
            raise _unopened(version, said[-1][:300] if said else f"code {done.returncode}")
        found = json.loads(answer.read_text(encoding="utf-8"))
    names, classes = found["names"], found["classes"]
    return About(
        found["kind"],
        None if names is None else tuple(names),
        found["count"],
        None if classes is None else tuple(classes),
        {name: tuple(values) for name, values in found["choices"].items() if values},
        {name: (mean, scale) for name, (mean, scale) in found["spreads"].items()},
    )


def _refused(version: Version, words: str) -> HarnessError:
    types = words.rpartition(": ")[2].split(", ")
    return HarnessError(
        f"{Path(version.location).name}: {words}",
        where=version.spec,
        hint="if you know what they do: harness init " + " ".join(f"--allow-type {name}" for name in types),
        code="E54",
        exit=Exit.REFUSED,
    )


def _unopened(version: Version, words: str) -> HarnessError:
    return HarnessError(
        f"the model cannot be opened in its environment: {words}",
        where=version.spec,
        hint="its requirements have to be those that it was saved with; a lock file of the service often has them",
        code="E08",
        exit=Exit.INCONCLUSIVE,
    )
