"""`python -m harness.training CONFIG --out DIR --commit SHA [--dirty]`, run in the environment of the lock.

Progress and whatever the steps print go to stderr; the last line of stdout is one JSON object: the wheel, or the
error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.training.card import better_references
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.package import check_environment, package


def main(arguments: list[str] | None = None) -> int:
    """Train, write the wheel, print one line of JSON. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.training", description="Train one version of a model."
    )
    parser.add_argument("config", type=Path, help="the training configuration, a TOML file")
    parser.add_argument("--out", type=Path, required=True, help="the folder that the wheel is written into")
    parser.add_argument("--commit", default="", help="the commit that is being trained")
    parser.add_argument("--dirty", action="store_true", help="the working copy differs from the commit")
    options = parser.parse_args(arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = train(options.config, options.out, commit=options.commit, dirty=options.dirty)
    except HarnessError as error:
        problem = {
            "message": error.message,
            "where": error.where,
            "hint": error.hint,
            "code": error.code,
            "exit": int(error.exit),
        }
        print(json.dumps({"error": problem}), flush=True)  # noqa: T201
        return int(error.exit)
    print(json.dumps(result), flush=True)  # noqa: T201
    return 0


def train(path: Path, out: Path, *, commit: str, dirty: bool) -> dict[str, Any]:
    """Read, fit, package; the result as plain data."""
    config = read_config(path)
    check_environment(config)
    data = read_data(config)
    held = int(data.held_out.sum())
    _say(f"data: {len(data)} rows, {len(data.inputs)} features; {held} rows held out")
    fitted = fit(config, data)
    said = ", ".join(f"{name} {value:.4g}" for name, value in fitted.metrics.items())
    _say(f"fitted: {said}; another seed alone moves {fitted.training_noise:.1%}")
    made = package(config, data, fitted, out, commit=commit, dirty=dirty)
    for name in better_references(made.manifest):
        _say(f"warning: the {name} model is not worse; the model card has both")
    _say(f"wrote {made.wheel.name}")
    return {
        "wheel": str(made.wheel),
        "sha256": made.sha256,
        "version": config.version,
        "metrics": dict(fitted.metrics),
        "removed": list(made.removed),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
