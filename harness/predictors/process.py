"""A worker process and the pipe to it: frames under a deadline, memory watched, nothing left behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import worker
from harness.predictors import homes

POLL = 0.1
"""Seconds between looks at a busy worker's memory."""

PIPE = 2**20
"""Bytes that a pipe to or from a worker should hold, where the kernel grants it."""

KEPT = 64 * 2**10
"""Bytes of a worker's output that are kept: the last ones."""

PASSED_ON = (
    "PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
    # which kernels this processor can be trusted with
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE",
)  # fmt: skip
"""What a worker sees of our environment. Everything else, tokens and proxies above all, stays here."""

_PINNED = {
    "PYTHONHASHSEED": "0",
    # both versions predict at the same time: two threads each would cost more than they bring
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}


class Ended(Exception):
    """The worker ended; `code` is its exit status, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class TooSlow(Exception):
    """No answer before the deadline."""


class TooLarge(Exception):
    """The worker holds more memory than it may."""

    def __init__(self, resident: int) -> None:
        super().__init__(resident)
        self.resident = resident


class Malformed(Exception):
    """Bytes that are no frame; the message shows the first of them."""

    code = "E06"
    what = "protocol error"


class Misplaced(Malformed):
    """A frame that answers another question than the last."""

    code = "E42"
    what = "reply id mismatch"


class Process:
    """One worker of one version. After an exception from `ask` it is dead and only `stop` remains.

    The kernel ends it with the thread that started it, so that it never outlives a host that was killed.
    """

    def __init__(self, python: Path, memory: int, variables: Mapping[str, str] | None = None) -> None:
        self.memory = memory
        self._home = homes.Home()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self._process = subprocess.Popen(
            [str(python), "-s", worker.__file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, **(variables or {}), **_PINNED, "HOME": self._home.name},
            cwd=self._home.name,
            process_group=0,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._sink, self._source = self._process.stdin.fileno(), self._process.stdout.fileno()
        for pipe in (self._sink, self._source):
            # a million answers in eight parts rather than in 128
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
        os.set_blocking(self._sink, False)
        os.set_blocking(self._source, False)
        self._watch = os.pidfd_open(self._process.pid)
        self._said: deque[bytes] = deque()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        self._stopped = self._lost = False
        self._asked = threading.Lock()
        self._number = 0

    def ask(
        self, header: Mapping[str, Any], chunks: Iterable[bytes], seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send one frame and wait for the reply, both within `seconds`."""
        with self._asked:
            if self._stopped:
                raise Ended(-signal.SIGKILL)
            return self._ask(header, chunks, seconds)

    def _ask(
        self, header: Mapping[str, Any], chunks: Iterable[bytes], seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + seconds
        self._number += 1
        try:
            for part in worker.frame({**header, "id": self._number}, list(chunks)):
                self._write(part, deadline)
            sizes = worker.lengths(self._read(worker.HEAD.size, deadline))
            head = self._read(sizes[0], deadline)
            payload = self._read(sizes[1], deadline)
            reply = json.loads(head)
            if not isinstance(reply, dict):
                raise ValueError(f"a header that is no object: {head[:64]!r}")
            if reply.get("id") != self._number:
                raise Misplaced(f"question {self._number} has the reply to {reply.get('id')!r:.40}")
        except (ValueError, RecursionError) as error:
            self._lost = True
            raise Malformed(str(error)) from None
        except (Ended, TooSlow, TooLarge, Malformed):
            self._lost = True
            raise
        return reply, payload

    def said(self) -> str:
        """The last that the worker and its model printed."""
        return b"".join(self._said).decode("utf-8", "replace")

    def stop(self) -> int:
        """End the worker and everything it started; returns how many stray processes had to be stopped.

        Another thread may be waiting for an answer: it gets `Ended` at once.
        """
        if self._stopped:
            return 0
        self._stopped = True
        strays = {*_descendants(self._process.pid), *_living_in(self._home.name)} - {self._process.pid}
        idle = self._asked.acquire(blocking=False)
        if idle:
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # type: ignore[union-attr]  # a pipe
            if self._process.poll() is None and not strays and not self._lost:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(2)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not idle:
            # who asks still looks at the pipes: they are closed once it has seen the end
            self._asked.acquire()
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # type: ignore[union-attr]  # a pipe
        self._asked.release()
        self._process.wait()
        os.close(self._watch)
        self._process.stdout.close()  # type: ignore[union-attr]  # a pipe
        self._reader.join(1)
        if not self._reader.is_alive():
            self._process.stderr.close()  # type: ignore[union-attr]  # a pipe
        self._home.remove()
        return len(strays)

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while len(view):
            self._wait(self._sink, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._sink, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise Ended(self._process.wait()) from None

    def _read(self, size: int, deadline: float) -> bytes:
        parts, left = [], size
        while left:
            self._wait(self._source, select.POLLIN, deadline)
            try:
                part = os.read(self._source, min(left, 2**20))
            except BlockingIOError:
                continue
            if not part:
                raise Ended(self._process.wait())
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        """Until the pipe is ready. A child of the model may hold the pipe open after its parent died, so the
        process itself is watched too."""
        poll = select.poll()
        poll.register(pipe, event)
        poll.register(self._watch, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TooSlow
            ready = dict(poll.poll(max(1, min(left, POLL) * 1000)))
            if pipe in ready:
                return
            if self._watch in ready:
                raise Ended(self._process.wait())
            if (resident := self._resident()) > self.memory:
                raise TooLarge(resident)

    def _resident(self) -> int:
        total = 0
        for pid in (self._process.pid, *_descendants(self._process.pid)):
            with contextlib.suppress(OSError, ValueError, IndexError):
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                total += pages * os.sysconf("SC_PAGE_SIZE")
        return total

    def peak(self) -> int:
        """The most that the process, and each that it started and that is still there, ever held: bytes, summed."""
        total = 0
        for pid in (self._process.pid, *_descendants(self._process.pid)):
            with contextlib.suppress(OSError, ValueError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        total += int(line.split()[1]) * 1024
        return total

    def _drain(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        kept = 0
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(stream.fileno(), 2**14):
                self._said.append(part)
                kept += len(part)
                while kept > KEPT:
                    kept -= len(self._said.popleft())


def _descendants(pid: int) -> list[int]:
    """Children, their children and so on. The worker adopts orphans, so who called setsid is found as well."""
    return list(_below(pid))


def _below(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                    yield int(child)
                    yield from _below(int(child))


def _living_in(home: str) -> Iterator[int]:
    """Processes that inherited this HOME: who called setsid is found even after the worker died."""
    mark = f"HOME={home}".encode()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    yield int(name)
