"""`python -m harness.training CONFIG --out DIR --commit SHA [--dirty]`, run in the environment of the lock.

Progress and whatever the steps print go to stderr; the last line of stdout is one JSON object: the wheel, or the
error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.training import diagnosis, limits
from harness.training.card import better_references
from harness.training.config import Config, read_config
from harness.training.data import read_data
from harness.training.durations import Durations
from harness.training.fit import Fitted, fit
from harness.training.locked import check_environment
from harness.training.package import package
from harness.versions.manifest import Manifest


def main(arguments: list[str] | None = None) -> int:
    """Train, write the wheel, print one line of JSON. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.training", description="Train one version of a model."
    )
    parser.add_argument("config", type=Path, help="the training configuration, a TOML file")
    parser.add_argument("--out", type=Path, required=True, help="the folder that the wheel is written into")
    parser.add_argument("--commit", default="", help="the commit that is being trained")
    parser.add_argument("--dirty", action="store_true", help="the working copy differs from the commit")
    parser.add_argument(
        "--previous", type=Path, help="the manifest of the previous version: its data are drifted from"
    )
    parser.add_argument(
        "--data", type=Path, help="the table to train from, in place of what the configuration names"
    )
    parser.add_argument(
        "--lock", type=Path, help="the lock file, in place of the one that the configuration names"
    )
    options = parser.parse_args(arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            config = elsewhere(read_config(options.config), options.data, options.lock)
            result = train(config, options.out, options.previous, commit=options.commit, dirty=options.dirty)
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


def elsewhere(config: Config, data: Path | None, lock: Path | None) -> Config:
    """The configuration with its table and its lock file in other places, as when a version is made again."""
    if data is not None:
        moved = replace(config.data, path=str(data.absolute()), sql="", url="", bundled="", snapshots="")
        config = replace(config, data=moved)
    return config if lock is None else replace(config, lock=lock.absolute())


def train(
    config: Config, out: Path, previous: Path | None = None, *, commit: str, dirty: bool
) -> dict[str, Any]:
    """Read, fit, package; the result as plain data."""
    check_environment(config)
    took = Durations()
    with took.of("reading the table"):
        data = read_data(config)
    held = int(data.held_out.sum())
    of = f" of {data.sampled.rows}, sampled to stay within memory_limit" if data.sampled else ""
    _say(f"data: {len(data)} rows{of}, {len(data.inputs)} features; {held} rows held out")
    before = Manifest.parse(previous.read_bytes(), str(previous)).data.get("profile") if previous else None
    if config.validation and config.validation.max_drift is not None and before is None:
        _say("drift is not judged: no previous version has a profile of its data")
    with took.of("checking it"):
        limits.judge(config, data, before)
    fitted = fit(config, data, _far, took)
    said = ", ".join(f"{name} {value:.4g}" for name, value in fitted.metrics.items())
    _say(f"fitted: {said}; another seed alone moves {fitted.training_noise:.1%}")
    if fitted.assumptions is not None:
        _say(f"assumptions: {diagnosis.in_words(dict(fitted.assumptions))}")
    if fitted.selection is not None:
        _say_selection(fitted)
    with took.of("packaging"):
        made = package(config, fitted.data, fitted, out, commit=commit, dirty=dirty)
    for name in better_references(made.manifest):
        _say(f"warning: the {name} model is not worse; the model card has both")
    _say(took.in_words())
    _say(f"wrote {made.wheel.name}")
    return {
        "wheel": str(made.wheel),
        "sha256": made.sha256,
        "version": config.version,
        "metrics": dict(fitted.metrics),
        "removed": list(made.removed),
    }


def _say_selection(fitted: Fitted) -> None:
    assert fitted.selection is not None
    chosen, seconds, before = fitted.selection.found, fitted.selection.seconds, fitted.selection.metrics
    _say(f"selection: {len(chosen.kept)} features are needed, {len(chosen.dropped)} are not")
    for name in chosen.dropped:
        stable = f", needed in {chosen.stability[name]:.3g} of the resamples" if chosen.stability else ""
        _say(f"  not needed: {name}{stable}")
    if chosen.stay:
        _say(f"warning: they stay among the inputs: {chosen.stay}")
    _say(
        f"  a request of one row {chosen.request_bytes[0]} → {chosen.request_bytes[1]} bytes, "
        f"a fit {seconds[0]:.3g} → {seconds[1]:.3g} s, "
        + ", ".join(f"{name} {was:.4g} → {fitted.metrics[name]:.4g}" for name, was in before.items())
    )


def _far(done: int, total: int) -> None:
    """How far it is, for whoever started this process: told apart by a sign that no text begins with."""
    _say(f"\x1e{done}/{total}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
