"""Writing files so that a reader sees the old content or the new, never half of either; and where copies are kept."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO


def write_atomic(path: Path, content: bytes) -> None:
    """`replacing`, for a content that is at hand."""
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` at the end: temporary file in the same folder, fsync, rename,
    fsync of the folder. Without `durable` there is no fsync: the file outlives every kill, but a loss of power
    only from `make_durable` on.

    Raises OSError (no space, read-only) with the old file untouched and no temporary file left; so does whatever is
    raised while it is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        # mkstemp makes files private to the user; what we write is as readable as any other file
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    if durable:
        make_durable(path.parent)


def make_durable(path: Path) -> None:
    """A file, or the names in a folder, that were written without it outlive a loss of power too."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, data: Any) -> None:
    """`write_atomic` of indented JSON."""
    write_atomic(path, json_bytes(data))


def json_bytes(data: Any) -> bytes:
    """Indented JSON, as it is written everywhere."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    # half of a surrogate pair, which is no UTF-8, becomes the escape that JSON has for it
    return text.encode("utf-8", "backslashreplace")


def cache_folder() -> Path:
    """`$MODEL_HARNESS_CACHE`, or `model-harness` in the user's cache folder."""
    named = os.environ.get("MODEL_HARNESS_CACHE")
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "model-harness"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
