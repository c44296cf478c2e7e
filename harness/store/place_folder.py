"""A store in a folder of this machine: temporary file, fsync, rename; what is swapped moves under a lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import files
from harness.store.place import Entry, Held, check_name, moved

LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, which need not be there before it is written."""

    root: Path

    @property
    def address(self) -> str:
        """The folder."""
        return str(self.root)

    @property
    def copies(self) -> str:
        """A folder is kept in git."""
        return "git"

    def where(self, name: str) -> str:
        """The path of the file."""
        return str(self.root / name)

    def read(self, name: str) -> bytes:
        """The content of a file."""
        return self.local(name).read_bytes()

    def held(self, name: str) -> Held:
        """The content of a file, marked by its sha256."""
        try:
            content = self.read(name)
        except FileNotFoundError:
            return Held()
        return Held(content, hashlib.sha256(content).hexdigest())

    def local(self, name: str) -> Path:
        """The file itself."""
        check_name(name, self.address)
        return self.root / name

    def exists(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return self.local(name).exists()

    def create(self, name: str, content: bytes) -> bool:
        """Write it, unless there is one. Two that write one name at once write the same, since it is a digest."""
        if self.exists(name):
            return False
        files.write_atomic(self.local(name), content)
        return True

    def swap(self, name: str, content: bytes, held: Held) -> None:
        """Replace it under `locked`, which makes looking and writing one act."""
        if self.held(name).mark != held.mark:
            raise moved(self, name)
        files.write_atomic(self.local(name), content)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Every file but the lock, temporary ones of killed processes among them."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                found[path.relative_to(self.root).as_posix()] = path
        for name, path in sorted(found.items()):
            if name.startswith(prefix) and name != LOCK:
                # another process may sweep at the same time
                with contextlib.suppress(FileNotFoundError):
                    known = path.lstat()
                    yield Entry(name, known.st_size, known.st_mtime)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.local(name).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Waits for whoever holds it. The lock goes with the process that holds it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
