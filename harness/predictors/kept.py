"""The environments that are kept between runs: how large, for what, used when; and which of them can go.

What is in use is never removed, nor is what somebody is making. An environment that was removed is made again from
its lock file when it is asked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.predictors import holding
from harness.predictors.cache import cache_folder
from harness.predictors.environments import MARK

DOOMED = ".pruned-"
_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Kept:
    """One environment. `size` in bytes as it lies on disk, `own` without the files that other folders share (uv links
    them from its cache); `used` in seconds since 1970; `python` as `CPython 3.11.9`, `interpreter` the folder of that
    installation; `packages` and `lock`, digest and number of what is installed, None and empty where an older harness
    made it; `state`: `in use`, `idle`, `broken` (it can no longer run) or `left over` (somebody was cut off while it
    was made or removed)."""

    folder: Path
    size: int
    own: int
    used: float
    python: str
    interpreter: str
    packages: int | None
    lock: str
    purposes: tuple[str, ...]
    state: str

    @property
    def name(self) -> str:
        """The beginning of its digest, or the name of what is left over."""
        return self.folder.name[:12] if _NAME.fullmatch(self.folder.name) else self.folder.name


def environments_folder() -> Path:
    """Where they lie."""
    return cache_folder() / "environments"


def environments() -> list[Kept]:
    """Every environment, the one used last first."""
    try:
        folders = [
            path for path in environments_folder().iterdir() if path.is_dir() and not path.is_symlink()
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(error) from None
    return sorted((_kept(folder) for folder in folders), key=lambda one: (-one.used, one.name))


def rooms() -> dict[str, int]:
    """What else lies in the cache, by name: bytes."""
    try:
        folders = [path for path in cache_folder().iterdir() if path.is_dir() and path.name != "environments"]
    except OSError:
        return {}
    return {path.name: _size(path)[0] for path in sorted(folders)}


def to_prune(
    found: Iterable[Kept], now: float, *, older: float | None, largest: int | None, unused: bool
) -> list[Kept]:
    """Those that have to go: what can no longer run; with `older`, what nobody used for so many seconds; with
    `largest`, the ones used longest ago, until the rest is within so many bytes; with `unused`, all that are idle.
    Whoever is in use stays, and counts."""
    kept = sorted(found, key=lambda one: one.used)
    idle = [one for one in kept if one.state != "in use"]
    going = {
        one.folder
        for one in idle
        if one.state in ("broken", "left over") or unused or (older is not None and now - one.used > older)
    }
    if largest is not None:
        left = sum(one.size for one in kept if one.folder not in going)
        for one in idle:
            if left > largest and one.folder not in going:
                going.add(one.folder)
                left -= one.size
    return [one for one in kept if one.folder in going]


def remove(one: Kept) -> bool:
    """Remove an environment; False, and nothing done, where somebody has taken it into use meanwhile. Raises
    HarnessError where it cannot be removed."""
    if not _NAME.fullmatch(one.folder.name):
        return _remove_left_over(one.folder)
    with holding.alone(one.folder) as free:
        if not free:
            return False
        doomed = _put_aside(one.folder)
        holding.forget(one.folder)
    # nobody can find it any more; that it takes a while blocks nobody
    _remove_tree(doomed)
    return True


def _remove_left_over(folder: Path) -> bool:
    """What was cut off: made under the lock of the environment that it was to be, or put aside to be removed."""
    with contextlib.ExitStack() as stack:
        if not folder.name.startswith(DOOMED):
            for path in folder.parent.glob(f"{folder.name[:12]}*{holding.SUFFIX}"):
                target = path.with_name(path.name.removesuffix(holding.SUFFIX))
                if not stack.enter_context(holding.alone(target)):
                    return False
        _remove_tree(folder)
    return True


def _put_aside(folder: Path) -> Path:
    try:
        beside = Path(tempfile.mkdtemp(prefix=f"{DOOMED}{folder.name[:12]}-", dir=folder.parent))
        with contextlib.suppress(FileNotFoundError):
            folder.rename(beside / folder.name)
    except OSError as error:
        raise _stays(folder, error) from None
    return beside


def _remove_tree(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return  # another prune was faster
    except OSError as error:
        raise _stays(folder, error) from None


def _stays(folder: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"an environment cannot be removed: {error.strerror}",
        where=str(folder),
        hint="remove it as the user who made it",
        exit=Exit.INCONCLUSIVE,
    )


def _unreadable(error: OSError) -> HarnessError:
    return HarnessError(
        f"the cache cannot be read: {error.strerror}",
        where=str(environments_folder()),
        hint="MODEL_HARNESS_CACHE names another folder",
        exit=Exit.INCONCLUSIVE,
    )


def _kept(folder: Path) -> Kept:
    size, own = _size(folder)
    mark: dict[str, object] = {}
    with contextlib.suppress(OSError, ValueError):
        read = json.loads((folder / MARK).read_text(encoding="utf-8"))
        mark = read if isinstance(read, dict) else {}
    tag = str(mark.get("interpreter", "")).split(maxsplit=3)
    packages = mark.get("packages")
    return Kept(
        folder=folder,
        size=size,
        own=own,
        used=holding.last_used(folder),
        python=" ".join(tag[:2]),
        interpreter=tag[3] if len(tag) == 4 else "",
        packages=packages if isinstance(packages, int) else None,
        lock=str(mark.get("lock", "")),
        purposes=tuple(holding.purposes(folder)),
        state=_state(folder, bool(mark)),
    )


def _state(folder: Path, marked: bool) -> str:
    if not _NAME.fullmatch(folder.name):
        return "left over" if folder.name.startswith(DOOMED) or _nobody_makes(folder) else "in use"
    with holding.alone(folder) as free:
        if not free:
            return "in use"
        # its interpreter is gone: the link leads nowhere
        return "idle" if marked and (folder / "bin" / "python").exists() else "broken"


def _nobody_makes(folder: Path) -> bool:
    for path in folder.parent.glob(f"{folder.name[:12]}*{holding.SUFFIX}"):
        with holding.alone(path.with_name(path.name.removesuffix(holding.SUFFIX))) as free:
            if not free:
                return False
    return True


def _size(folder: Path) -> tuple[int, int]:
    """Bytes on disk of all files, each once, and of those that lie nowhere else."""
    seen: set[tuple[int, int]] = set()
    total = own = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found = os.lstat(os.path.join(place, name))
                if (found.st_dev, found.st_ino) not in seen:
                    seen.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * 512
                    own += found.st_blocks * 512 if found.st_nlink == 1 else 0
    return total, own
