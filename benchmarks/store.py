"""`harness verify` and `harness baselines fsck` on a store of 1,000 versions whose ledger tells of 10,000 runs.

In a clone of this repository, beside the shipped model: another model with 1,000 releases, each with a wheel and
recorded answers of its own, ten verdicts before each release, and as many folders of runs beside the reports. Then the
main job runs (train, compare), so that `verify` has a verdict for this very tree. Prints seconds, and asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.store import blobs, catalogue, ledger
from harness.store.catalogue import Catalogue, Release
from harness.store.events import Event
from harness.store.place_folder import Folder

ROOT = Path(__file__).resolve().parent.parent
AT = "2026-01-01T00:00:00+00:00"


def fill(place: Folder, versions: int, runs: int, size: int) -> None:
    """Releases of a model `bench` behind what the store has: catalogue and ledger as the commands would leave them."""
    known = catalogue.read(place)
    chain, _ = ledger.read(place)
    made, events, before = [], [], ""
    for number in range(versions):
        wheel = blobs.put(place, (b"wheel %d " % number) * (size // 10))
        answers = blobs.put(place, (b"answers %d " % number) * (size // 10))
        for run in range(runs // versions):
            events.append(verdict(number, run, before, wheel))
        entry = Release(
            model="bench", channel="production", version=f"1.{number}.0", sha256=wheel, file=f"bench-1.{number}.0.whl",
            identity=wheel, released=AT, reason="a benchmark", by="bench", commit="c" * 40, evidence="e" * 64,
            parent=before, outcomes={"rows": answers},
        )  # fmt: skip
        body = {**ledger.told(entry), "outcomes": dict(entry.outcomes)}
        events.append(Event("release", AT, "bench", "bench", "production", body))
        made.append((entry, len(chain.events) + len(events)))
        before = wheel
    grown = chain.after(events)
    entries = [replace(entry, ledger=f"{count}:{grown.events[count - 1].digest}") for entry, count in made]
    with place.locked():
        place.swap(ledger.FILE, grown.dump(), place.held(ledger.FILE))
        catalogue.write(place, Catalogue((*known.releases, *entries), known.held))


def verdict(number: int, run: int, baseline: str, candidate: str) -> Event:
    """What a run leaves in the ledger."""
    body = {
        "run_id": f"20260101T{number:06d}-{run:06x}", "verdict": "PASS", "reason": "not worse", "change": "retrain",
        "result_digest": "d" * 64, "rules_digest": "r" * 64, "commit": "c" * 40, "tree": "t" * 40, "planned": 1000,
        "compared": 1000, "holdouts": {"holdout": "h" * 64},
        "baseline": {"spec": "previous", "version": "1", "digest": baseline, "sha256": baseline},
        "candidate": {"spec": "project:.", "version": "2", "digest": candidate, "sha256": candidate},
    }  # fmt: skip
    return Event("verdict", AT, "bench", "bench", "production", body, origin=f"{number:06d}{run:058x}")


def run(folder: Path, *command: str) -> float:
    """Seconds of a command that has to end with 0."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"harness {' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return time.perf_counter() - began


def main() -> None:
    """Fill, run the main job, and time both commands."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--versions", type=int, default=1000)
    options.add_argument("--runs", type=int, default=10_000)
    options.add_argument(
        "--size", type=int, default=100_000, help="bytes of a wheel, and of recorded answers"
    )
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "clone")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        plain = {}
        run(folder, "train")
        run(folder, "compare")
        for command in ("verify", "baselines fsck"):
            plain[command] = statistics.median(run(folder, *command.split()) for _ in range(given.rounds))
        fill(Folder(folder / "baselines"), given.versions, given.runs, given.size)
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
        subprocess.run(["git", *identity, "add", "-A"], cwd=folder, check=True)
        subprocess.run(["git", *identity, "commit", "-qm", "a large store"], cwd=folder, check=True)
        run(folder, "compare")
        for number in range(given.runs):
            path = folder / "reports" / "runs" / f"20260101T{number // 10:06d}-{number % 10:06x}"
            path.mkdir(parents=True)
            (path / "run.json").write_text(json.dumps({"format": 1, "run_id": path.name}))
        print(
            f"{given.versions:,} versions, {given.runs:,} runs, blobs of {given.size:,} bytes, {given.rounds} rounds"
        )
        for command, before in plain.items():
            seconds = [run(folder, *command.split()) for _ in range(given.rounds)]
            print(
                f"harness {command:<15} {statistics.median(seconds):.2f} s [{min(seconds):.2f}-{max(seconds):.2f}]   "
                f"as shipped {before:.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
