"""A version in a worker process of its own, in an environment of its own."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness import system, worker
from harness.errors import Exit, HarnessError
from harness.predictors import environments, model_files, outbox, packages, saved
from harness.predictors.predictor import Running
from harness.predictors.process import Ended, Malformed, Process, TooLarge, TooSlow
from harness.tables import Batch, Column, Fault, Outcome
from harness.versions.version import Version

OPENING = 120.0
"""Seconds for an interpreter to start and import its model."""

NOTES = 3
"""Different notes of one version that are told."""

LOCATING = 24
"""Workers started, at most, to find the case that kills."""

_ABI = re.compile(
    r"numpy\.dtype size changed|compiled using NumPy 1|numpy\.core\.multiarray failed to import"
)
FOR_NUMPY_1 = 'a library there was built for numpy 1: add "numpy<2" to requirements in its profile'
"""What to try where a wheel neither fits numpy 2 nor says so."""


class IsolatedPredictor:
    """Runs a version package. Faults of the model are in the outcomes; faults of the process are HarnessErrors
    (E01–E08) that name the side, the case where it can be found, and what was last printed."""

    def __init__(
        self, version: Version, side: str, progress: Callable[[str], None], private: Collection[str] = ()
    ) -> None:
        self.version, self._side, self._say, self._private = version, side, progress, private
        self._process: Process | None = None
        self._running: Running | None = None
        self._answered = 0
        self._strays = 0
        self._aged: dict[saved.Saved, None] = {}
        self._noted: Counter[str] = Counter()
        self._closing = False
        self._starting = threading.Lock()

    def open(self) -> Running:
        """Make the environment if it is not there, start the worker, import the model."""
        if self._running is not None:
            return self._running
        system.demand()
        with self._starting:
            self._closing = False
        version = self.version
        self._python = environments.python_for(
            version.lock, version.profile.python, self._say, f"{version.name} {version.title}"
        )
        self._paths = self._on_path(version)
        reply = self._start()
        self._running = Running("process", reply["python"], reply["libraries"])
        return self._running

    def _on_path(self, version: Version) -> list[Path]:
        """The folders that its interpreter gets on its path, beside what the lock installed."""
        paths = [packages.adapter(version.adapter)] if version.adapter else []
        if version.manifest is not None:
            paths.append(packages.unpack(Path(version.location), version.sha256, version.manifest))
        elif version.is_file:
            paths.append(model_files.placed(version))
        elif version.location:
            paths.append(packages.placed(Path(version.location), version.sha256))
        return paths

    def _variables(self) -> dict[str, str]:
        """The variables that its profile names. E08 where one is not set."""
        found = {}
        for name, value in self.version.profile.environment.items():
            ours = value.removeprefix("env:")
            if ours not in os.environ:
                raise self._error("E08", f"needs the environment variable {ours}, which is not set")
            found[name] = os.environ[ours]
        return found

    def predict(self, batch: Batch) -> Outcome:
        """Ask the whole batch."""
        self.open()
        with outbox.packed(batch) as parcel:
            try:
                reply, payload = self._ask({"op": "predict", **parcel.header}, parcel.chunks)
            except Ended as ended:
                raise self._ended(ended, batch) from None
            except (TooSlow, TooLarge, Malformed) as trouble:
                raise self._trouble(trouble, batch) from None
        outcome = read_outcome(reply, payload, len(batch), self._raise_malformed)
        self._answered += int(outcome.answered.sum())
        self._noted.update(outcome.notes)
        return outcome

    def whole(self, batch: Batch) -> Outcome | None:
        """The answers to a batch that is wider than a block, in one call; None where a row of it makes any trouble, so
        that its blocks are to be asked one by one, which finds out what it is."""
        self.open()
        try:
            with outbox.packed(batch) as parcel:
                reply, payload = self._ask({"op": "predict", "once": True, **parcel.header}, parcel.chunks)
            if reply.get("odd"):
                return None
            outcome = read_outcome(reply, payload, len(batch), self._raise_malformed)
        except (Ended, TooSlow, TooLarge, Malformed):
            self._stop()
            return None
        except HarnessError:
            return None
        if not outcome.answered.all():
            return None
        self._answered += len(batch)
        return outcome

    def peak_memory(self) -> int | None:
        """The most that the worker held in memory since it was started, in bytes; None where none is running."""
        return None if self._process is None else self._process.peak()

    def close(self) -> tuple[str, ...]:
        """Stop the worker and whatever it started; called while another thread asks, it is asked no further."""
        with self._starting:
            self._closing = True
        self._stop()
        self._running = None
        events = [f"{self._side}: {one}; {one.advice}" for one in self._aged]
        events += told_of(self._side, self._noted)
        self._aged.clear()
        self._noted.clear()
        if self._strays:
            strays, self._strays = self._strays, 0
            noun = "process" if strays == 1 else "processes"
            events.append(f"E07 {strays} stray {noun} of the {self._side} stopped")
        return tuple(events)

    def _start(self) -> dict[str, Any]:
        profile = self.version.profile
        with self._starting:
            if self._closing:
                raise self._error("E02", "was stopped with the run")
            outbox.sweep()
            self._process = Process(self._python, profile.memory, self._variables())
        header = {
            "op": "open",
            "path": [str(path) for path in self._paths],
            "entry": packages.adapted(self.version) if self.version.adapter else self.version.entry,
            "method": profile.method,
            "pass_as": self.version.pass_as,
            "keyword": profile.keyword,
            "outputs": profile.outputs,
            "errors": self.version.errors,
        }
        process = self._process
        try:
            reply, _ = process.ask(header, (), OPENING)
        except Ended as ended:
            words = f"ended while it was imported ({_how(ended.code)})"
            raise self._error("E02" if ended.code < 0 else "E01", words) from None
        except TooSlow:
            raise self._error("E04", f"no answer in {OPENING:.0f} s while it was imported") from None
        except TooLarge as large:
            raise self._error(
                "E03", f"exceeded its memory while it was imported ({_size(large.resident)})"
            ) from None
        except Malformed as malformed:
            raise self._error(malformed.code, f"{malformed.what}: {malformed}") from None
        self._heard(reply)
        return reply

    def _ask(self, header: dict[str, Any], chunks: list[bytes]) -> tuple[dict[str, Any], bytes]:
        process = self._process
        if process is None:
            self._start()
            process = self._process
        if process is None:
            raise Ended(-signal.SIGKILL)
        reply, payload = process.ask(header, chunks, self.version.profile.timeout)
        self._heard(reply)
        return reply, payload

    def _heard(self, reply: dict[str, Any]) -> None:
        """Raise what a reply says of trouble, with what was saved by another version of a library; that alone is an
        event and no trouble."""
        aged = saved.read(reply)
        if trouble := reply.get("trouble"):
            words = "; ".join((trouble["message"], *map(str, aged)))
            advice = aged[0].advice if aged else FOR_NUMPY_1 if _ABI.search(words) else ""
            raise self._error(trouble["code"], words, advice=advice)
        self._aged.update(dict.fromkeys(aged))

    def _ended(self, ended: Ended, batch: Batch) -> HarnessError:
        said = self._stop()
        of = f"after {self._answered:,} answers, in a batch of {len(batch):,}"
        if ended.code >= 0:
            return self._error("E01", f"worker ended early (code {ended.code}) {of}", said)
        words = f"killed by {_how(ended.code)}"
        if self._closing:
            return self._error("E02", f"{words} {of}", said)
        row = self._culprit(batch)
        if row is None:
            return self._error("E02", f"{words} {of}; no single case does it alone", said)
        case = ", ".join(
            f"{name}={'(private)' if name in self._private else repr(value)}"
            for name, value in batch.case(row).items()
        )
        return self._error("E02", f"{words} on case {batch.keys[row]} of {batch.source}: {case[:400]}", said)

    def _culprit(self, batch: Batch) -> int | None:
        """The first row on which a fresh worker dies again, found by halves; None where none does."""
        rows, tries = list(range(len(batch))), 0
        while tries < LOCATING and not self._closing:
            tries += 1
            part = rows if len(rows) == 1 else rows[: (len(rows) + 1) // 2]
            if self._dies(batch.take(part)):
                if len(part) == 1:
                    return part[0]
                rows = part
            elif len(rows) == 1:
                return None
            else:
                rows = rows[len(part) :]
        return None

    def _dies(self, batch: Batch) -> bool:
        try:
            with outbox.packed(batch) as parcel:
                self._ask({"op": "predict", **parcel.header}, parcel.chunks)
        except Ended:
            self._stop()
            return True
        except (TooSlow, TooLarge, Malformed):
            self._stop()
        except HarnessError:
            pass
        return False

    def _trouble(self, trouble: TooSlow | TooLarge | Malformed, batch: Batch) -> HarnessError:
        said = self._stop()
        profile = self.version.profile
        place = f"{batch.source}, cases {batch.start:,} to {batch.start + len(batch) - 1:,}"
        if isinstance(trouble, TooSlow):
            return self._error("E04", f"no answer in {profile.timeout:g} s ({place})", said)
        if isinstance(trouble, TooLarge):
            return self._error("E03", f"exceeded {_size(profile.memory)} ({place})", said)
        assert isinstance(trouble, Malformed)
        return self._error(trouble.code, f"{trouble.what}: {trouble}", said)

    def _raise_malformed(self, words: str) -> HarnessError:
        return self._error("E06", f"protocol error: {words}", self._stop())

    def _error(self, code: str, words: str, said: str = "", advice: str = "") -> HarnessError:
        if self._process is not None:
            said = said or self._process.said()
        last = [line for line in said.strip().splitlines() if line.strip()][-3:]
        hints = {
            "E03": "raise memory in the version's profile, or find out what it holds",
            "E04": "raise timeout in the version's profile, or find out what it waits for",
            "E08": "its lock file says what it may import; mend the lock or the code, and build it again"
            if self.version.manifest
            else "what it imports has to stand in requirements of its version profile, or in the package's own",
            "E42": "let it answer each question once, with the keys that it was given; a column that is no key needs "
            "another name than the key",
            "E54": "if you know what they do, name each in allow_types of its version profile",
        }
        hint = advice or hints.get(code, "run the version alone on these cases to see what ends it")
        if last:
            hint += "; it last printed: " + " | ".join(line.strip()[:160] for line in last)
        return HarnessError(
            f"{self._side} {words}",
            where=f"{self._side} {self.version.name} {self.version.title} ({self.version.spec})",
            hint=hint,
            code=code,
            exit=Exit.REFUSED if code == "E54" else Exit.INCONCLUSIVE,
        )

    def _stop(self) -> str:
        if self._process is None:
            return ""
        process, self._process = self._process, None
        self._strays += process.stop()
        return process.said()


def read_outcome(
    reply: dict[str, Any], payload: bytes, rows: int, malformed: Callable[[str], HarnessError]
) -> Outcome:
    """A worker's reply as an outcome of `rows` rows; `malformed` makes the error for one that does not fit."""
    try:
        columns = {
            name: Column.told(said, values, null)
            for name, said, values, null in worker.unpack(reply["columns"], payload)
        }
        if reply["answered"] == "all":
            answered = np.ones(rows, bool)
        else:
            answered = np.zeros(rows, bool)
            answered[[int(row) if 0 <= row < rows else rows for row in reply["answered"]]] = True
        faults = tuple(
            Fault(int(row), str(error), str(message), tuple(map(str, frames)))
            for row, error, message, frames in reply["faults"]
        )
        dropped = tuple(int(row) for row in reply["dropped"])
        seconds, notes = float(reply["seconds"]), tuple(map(str, reply["notes"]))
        extra, reordered = int(reply["extra"]), bool(reply["reordered"])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise malformed(f"{type(error).__name__}: {error}") from None
    if any(len(column) != rows for column in columns.values()):
        raise malformed("a column of another length than the batch")
    if not all(0 <= row < rows for row in (*dropped, *(fault.row for fault in faults))):
        raise malformed("a row that was not asked")
    return Outcome(columns, answered, faults, dropped, reordered, extra, seconds, notes)


def told_of(side: str, notes: Mapping[str, int]) -> list[str]:
    """What was noted of how batches were asked, as events: each once, with how many batches it was noted of."""
    events = [
        f"{side}: {note}" + (f" (so in {count:,} batches)" if count > 1 else "")
        for note, count in notes.items()
    ]
    more = len(events) - NOTES
    return events if more <= 0 else [*events[:NOTES], f"{side}: {more:,} more of these"]


def _how(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _size(count: int) -> str:
    return f"{count / 2**30:.3g} GiB" if count >= 2**30 else f"{count / 2**20:.3g} MiB"
