"""A store in object storage, through fsspec: the one door to it.

No release is lost to another: what is swapped is written on a condition where the storage has them, which is
measured and not believed, and under a lock object in any case. What was read is kept on local disk beside the mark
that the object had, and is fetched again once that mark is another.
"""

from __future__ import annotations

import datetime
import errno
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import Exit, HarnessError
from harness.store.place import Entry, Held, check_name, moved
from harness.store.place_copies import Copies
from harness.store.place_lock import Lock

LOCK = ".lock"
PROBE = ".probe-"

CREATES = ("s3", "s3a", "gs", "gcs", "memory")
"""Where `mode="create"` of fsspec is one act of the storage; elsewhere it looks first and writes then."""

REPLACES = ("s3", "s3a")
"""Where a condition on the ETag can be passed on with a write."""

BUCKETS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")
"""Where the first part of a path is a container, which has to be there and is never made here."""

_PATIENT = {"connect_timeout": 10, "read_timeout": 30, "retries": {"max_attempts": 2}}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {name: {"config_kwargs": _PATIENT} for name in ("s3", "s3a")}
"""s3fs tries everything five times, and botocore five times within each: many minutes for a server that is silent."""

_FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "InsufficientCapacity")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the storage refuses by itself: creating what is there, replacing what is no longer what was read."""

    create: bool
    replace: bool


@dataclass(frozen=True)
class Objects:
    """A prefix in object storage. `options` are those of its fsspec implementation, `cache` a folder for copies;
    `life`, `patience` and `settle` are the lock's, in seconds."""

    address: str
    cache: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    life: float = 30.0
    patience: float = 120.0
    settle: float = 2.0

    @property
    def copies(self) -> str:
        """Nothing here keeps a second copy; versioning of the bucket does, where it is on."""
        return "a backup, or an earlier version of the object"

    @property
    def protocol(self) -> str:
        """What stands before `://`."""
        return self.address.partition("://")[0]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and the path of the prefix in it."""
        try:
            import fsspec

            kind = fsspec.get_filesystem_class(self.protocol)
        except (ImportError, ValueError) as error:
            raise HarnessError(
                f"object storage cannot be used: {_line(error)}",
                where=f"store = {self.address}",
                hint='python -m pip install "pytest-model-harness[object-storage]"; '
                "other storage than S3 needs its own fsspec implementation beside it",
                code="E47",
                exit=Exit.STORE,
            ) from None
        # a listing or an instance that fsspec remembers would answer for the storage
        own = {**DEFAULTS.get(self.protocol, {}), "use_listings_cache": False, "skip_instance_cache": True}
        options = dict(self.options)
        if "config_kwargs" in own:
            options["config_kwargs"] = {**own["config_kwargs"], **options.get("config_kwargs", {})}
        with self._reading(""):
            system = kind(**own | options)
            if self.protocol in ("s3", "s3a"):
                system.retries = 2
            return system, str(system._strip_protocol(self.address)).rstrip("/")

    @cached_property
    def conditions(self) -> Conditions:
        """Measured with an object of its own, which is gone afterwards: servers exist that take a condition and
        ignore it. Raises OSError where the store cannot be written."""
        name = f"{PROBE}{uuid.uuid4().hex}.tmp"
        create = replace = False
        try:
            if self.protocol in CREATES:
                create = self._created(name, b"1") and not self._created(name, b"2")
                create = create and self.read(name) == b"1"
            if create and self.protocol in REPLACES:
                mark = self._mark(name)
                replace = self._replaced(name, b"3", mark) and not self._replaced(name, b"4", mark)
                replace = replace and self.read(name) == b"3"
        finally:
            if self.protocol in CREATES:
                self.remove(name)
        return Conditions(create, replace)

    def where(self, name: str) -> str:
        """The address of the object."""
        return f"{self.address.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes:
        """The content of an object; FileNotFoundError where there is none, E47 where the storage does not answer."""
        system, path = self._at(name)
        with self._reading(name):
            return bytes(system.cat_file(path))

    def held(self, name: str) -> Held:
        """The content of an object. The mark is read first: it may be older than the content, and never newer."""
        try:
            mark = self._mark(name)
            content = self.read(name)
        except FileNotFoundError:
            return Held()
        return Held(content, mark)

    def local(self, name: str) -> Path:
        """A copy in the cache, fetched again where the object is another by now or the copy was damaged."""
        system, path = self._at(name)
        with self._reading(name):
            mark = str(system.ukey(path))
        copies = Copies(self.cache, self.address)
        if not copies.good(name, mark):
            copies.keep(name, self.read(name), mark)
        return copies.path(name)

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        try:
            self._mark(name)
        except FileNotFoundError:
            return False
        return True

    def create(self, name: str, content: bytes) -> bool:
        """Write it, unless there is one. Without conditions two may write one name at once; they write the same."""
        if self.exists(name):
            return False
        if self.protocol in CREATES:
            return self._created(name, content)
        self._put(name, content)
        return True

    def swap(self, name: str, content: bytes, held: Held) -> None:
        """Replace it under `locked`: on a condition where the storage has them; elsewhere by looking, writing and
        looking again, which the lock has to make one act."""
        sure = self.conditions.create if held.content is None else self.conditions.replace
        self._lock.check(sure)
        if self.take(name, content, held) and sure:
            return
        # what stands there decides: a write whose answer was lost is refused when it is sent again, and where there are
        # no conditions, one that was answered may be gone again
        if self.held(name).content != content:
            raise moved(self, name)
        if not sure:
            self._lock.check(sure)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Every object but the lock, in the order of names."""
        system, root = self._at("")
        try:
            with self._reading(""):
                found = system.find(root, detail=True)
        except FileNotFoundError:
            found = {}
        if not found:
            self._there()
        for path, info in sorted(found.items()):
            name = path.removeprefix(f"{root}/")
            if name != path and name.startswith(prefix) and name != LOCK:
                yield Entry(name, int(info.get("size") or 0), _modified(info))

    def remove(self, name: str) -> None:
        """Remove an object."""
        system, path = self._at(name)
        try:
            with self._writing():
                system.rm_file(path)
        except FileNotFoundError:
            self._there()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Under a lock object, which is renewed while it is held, and which the next one takes over where it is not."""
        with self._lock.held():
            yield

    @cached_property
    def _lock(self) -> Lock:
        return Lock(self, LOCK, self.life, self.patience, self.settle)

    def take(self, name: str, content: bytes, held: Held) -> bool:
        """What `swap` does, without a lock and for the lock itself: False where another was quicker."""
        if held.content is None and self.conditions.create:
            return self._created(name, content)
        if held.content is not None and self.conditions.replace:
            return self._replaced(name, content, held.mark)
        if self.held(name).content != held.content:
            return False
        self._put(name, content)
        return True

    def _at(self, name: str) -> tuple[Any, str]:
        system, root = self._opened
        if name:
            check_name(name, self.address)
        return system, f"{root}/{name}" if name else root

    def _mark(self, name: str) -> str:
        """The ETag where there is one, which conditions are about; else whatever the file system tells states by."""
        system, path = self._at(name)
        with self._reading(name):
            info = system.info(path)
            if info.get("type") == "directory":
                raise FileNotFoundError(errno.ENOENT, "no such object", name)
            return str(info.get("ETag") or system.ukey(path))

    def _put(self, name: str, content: bytes, **condition: Any) -> None:
        system, path = self._at(name)
        try:
            with self._writing():
                system.pipe_file(path, content, **condition)
        except FileNotFoundError:
            self._there()
            raise

    def _created(self, name: str, content: bytes) -> bool:
        try:
            self._put(name, content, mode="create")
        except FileExistsError:
            return False
        return True

    def _replaced(self, name: str, content: bytes, mark: str) -> bool:
        try:
            self._put(name, content, IfMatch=mark)
        except (FileExistsError, FileNotFoundError):
            return False
        return True

    def _there(self) -> None:
        """E47 where the bucket is not there: to fsspec that is a file that is not there, hence a store without
        releases, hence a first release of everything."""
        if self.protocol in BUCKETS:
            _ = self._bucket

    @cached_property
    def _bucket(self) -> str:
        """The bucket, which is there; asked once."""
        system, root = self._opened
        bucket = root.partition("/")[0]
        try:
            with self._reading("", ask=False), suppress(PermissionError):
                # who may not look at a bucket is refused where there is one
                system.info(bucket)
        except FileNotFoundError:
            raise HarnessError(
                f"there is no bucket {bucket}",
                where=f"store = {self.address}",
                hint="make the bucket, or mend the address; the harness makes none",
                code="E47",
                exit=Exit.STORE,
            ) from None
        return bucket

    @contextmanager
    def _reading(self, name: str, ask: bool = True) -> Iterator[None]:
        """Whatever keeps the storage from answering is E47; that there is no such object is an answer."""
        try:
            yield
        except FileNotFoundError:
            if ask:
                self._there()
            raise
        except HarnessError:
            raise
        except Exception as error:
            refused = isinstance(error, PermissionError)
            raise HarnessError(
                f"the store cannot be read: {_line(error)}",
                where=self.where(name) if name else self.address,
                hint="see that the credentials may read there"
                if refused
                else "see that address, network and credentials are right (store, [tool.harness.store_options])",
                code="E47",
                exit=Exit.STORE,
            ) from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Every trouble as an OSError with words; FileExistsError where a condition did not hold."""
        try:
            yield
        except (FileNotFoundError, FileExistsError, HarnessError):
            raise
        except Exception as error:
            code = _code(error)
            if code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                raise FileExistsError(errno.EEXIST, _line(error)) from None
            number = errno.EACCES if isinstance(error, PermissionError) else errno.EIO
            raise OSError(errno.ENOSPC if code in _FULL else number, _line(error)) from None


def _code(error: BaseException) -> str:
    """The code of an S3 error, below whatever s3fs made of it."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def _line(error: BaseException) -> str:
    """What an error says, on one line."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, OSError) and text else f"{type(error).__name__}: {text}".rstrip(": ")


def _modified(info: Mapping[str, Any]) -> float:
    for name in ("LastModified", "last_modified", "mtime", "updated", "created"):
        found = info.get(name)
        if isinstance(found, datetime.datetime):
            return found.timestamp()
        if isinstance(found, int | float):
            return float(found)
    # unknown: as if written now, so that nothing is swept that is not surely old
    return time.time()
