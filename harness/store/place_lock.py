"""A lock that is an object with an owner: for storage that has no other.

It is renewed while it is held. Whoever waits takes it over once it has not moved for its whole life, by the clock of
the one that waits, since two machines agree on no time. It makes writers wait; where the storage itself refuses to
replace what is no longer what was read, nothing depends on it.
"""

from __future__ import annotations

import getpass
import json
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness import files
from harness.errors import Exit, HarnessError
from harness.store.place import Held


class Storage(Protocol):
    """What a lock needs."""

    @property
    def conditions(self) -> Any:
        """Whether creating and replacing are refused by the storage itself (`create`, `replace`)."""

    def where(self, name: str) -> str:
        """The address of an object."""

    def held(self, name: str) -> Held:
        """The content of an object and its mark."""

    def take(self, name: str, content: bytes, held: Held) -> bool:
        """Write an object that is still what `held` says; False where it is not."""

    def remove(self, name: str) -> None:
        """Remove an object."""


@dataclass
class Lock:
    """`life`: seconds without a sign after which it is anybody's. `patience`: seconds to wait for it. `settle`: seconds
    after which a write is seen by everybody, where the storage refuses nothing."""

    storage: Storage
    name: str
    life: float
    patience: float
    settle: float
    _mine: Held = field(default_factory=Held)
    _renewed: float = 0.0
    _turn: threading.RLock = field(default_factory=threading.RLock)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Waits for it, at most `patience`; then E49 with who has it."""
        self._acquire()
        stop = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(stop,), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            stop.set()
            keeper.join()
            self._release()

    def check(self, sure: bool) -> None:
        """E49 where it is not ours any more: before whatever depends on it, and after. Where the storage is not
        `sure` to refuse what comes too late, also where it was not renewed for long: it may go at any moment."""
        with self._turn:
            late = not sure and time.monotonic() - self._renewed > self.life / 2
            mine = self._mine.content
            if mine is None or late or self.storage.held(self.name).content != mine:
                raise HarnessError(
                    "the lock of the store was lost while it was written",
                    where=self.storage.where(self.name),
                    hint="see what is released by now, then run the command again",
                    code="E49",
                    exit=Exit.STORE,
                )

    def _acquire(self) -> None:
        deadline = time.monotonic() + self.patience
        seen, since = Held(), time.monotonic()
        while True:
            found = self.storage.held(self.name)
            now = time.monotonic()
            if found != seen:
                seen, since = found, now
            if found.content is None or now - since > self.life:
                mine = self._signed(uuid.uuid4().hex, 0)
                # whatever was answered: what stands there decides
                self.storage.take(self.name, mine, found)
                sure = self.storage.conditions
                if not (sure.create if found.content is None else sure.replace):
                    time.sleep(self.settle)
                standing = self.storage.held(self.name)
                if standing.content == mine:
                    self._mine, self._renewed = standing, now
                    return
            if now > deadline:
                raise HarnessError(
                    f"the store is locked by {_owner(seen)}",
                    where=self.storage.where(self.name),
                    hint="nothing was changed; wait for the other release and compare again",
                    code="E49",
                    exit=Exit.STORE,
                )
            time.sleep(random.uniform(0.05, 0.25))  # noqa: S311  # who is first is no secret

    def _keep(self, stop: threading.Event) -> None:
        owner, beat = json.loads(self._mine.content or b"{}")["owner"], 0
        while not stop.wait(self.life / 6):
            with self._turn:
                now, beat = time.monotonic(), beat + 1
                renewed = self._signed(owner, beat)
                # a sign that fails is one sign less; `check` decides what that means
                with suppress(OSError, HarnessError):
                    self.storage.take(self.name, renewed, self._mine)
                    standing = self.storage.held(self.name)
                    if standing.content == renewed:
                        self._mine, self._renewed = standing, now

    def _signed(self, owner: str, beat: int) -> bytes:
        return files.json_bytes({"owner": owner, "by": _who(), "at": _now(), "life": self.life, "beat": beat})

    def _release(self) -> None:
        with self._turn, suppress(OSError, HarnessError):
            # what is not removed ends by itself
            if self.storage.held(self.name).content == self._mine.content:
                self.storage.remove(self.name)
        self._mine = Held()


def _who() -> str:
    return f"{getpass.getuser()} on {socket.gethostname()}"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _owner(held: Held) -> str:
    try:
        data = json.loads(held.content or b"")
        return f"{data['by']} since {data['at']}"
    except (ValueError, KeyError, TypeError):
        return "somebody"
