"""From requirements to a lock with hashes: resolved once by uv, and kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.predictors import environments
from harness.predictors.cache import cache_folder, made
from harness.settings import Profile, Settings
from harness.versions.manifest import digest

FILE = "requirements.lock"


def requirements_of(profile: Profile, settings: Settings) -> tuple[str, ...]:
    """What the profile states beside the package's own: its list, then the lines of its file."""
    lines = list(profile.requirements)
    if profile.requirements_file:
        path = settings.root / profile.requirements_file
        try:
            lines += path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise HarnessError(
                f"requirements_file cannot be read: {getattr(error, 'strerror', None) or error}",
                where=f"version profile {profile.name}: {path}",
                hint="the path is relative to the configuration file",
                code="E08",
                exit=Exit.INCONCLUSIVE,
            ) from None
    return tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def lock(requirements: tuple[str, ...], python: str, identity: str = "", wheel: Path | None = None) -> str:
    """The lock of these requirements for an interpreter (as `find_interpreter` takes it).

    `identity` stands for what a requirement names by a path, and `wheel` is that path, which has to fit the
    interpreter. An index changes from day to day, and the same
    requirements keep the lock that they got first. Raises HarnessError E08 in the resolver's words.
    """
    base = environments.find_interpreter(python)
    named = [line for line in requirements if not (identity and " @ file:" in line)]
    key = {
        "format": 1,
        "requirements": named,
        "identity": identity + (wheel.name if wheel else ""),
        "interpreter": environments.tag(base),
    }
    folder = cache_folder() / "locks" / digest(key)[:32]

    def make(beside: Path) -> None:
        if wheel is not None:
            # resolving alone takes a wheel of any platform
            environments.run_uv(
                "pip",
                "install",
                "--dry-run",
                "--no-deps",
                "--target",
                str(beside),
                "--python",
                base,
                str(wheel),
            )
        with tempfile.TemporaryDirectory(prefix="harness-lock-") as scratch:
            wanted = Path(scratch, "requirements.in")
            wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
            text = environments.run_uv_here(
                "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate",
                "--python", base, str(wanted),
            )  # fmt: skip
        (beside / FILE).write_text(_without_paths(text), encoding="utf-8")

    return (made(folder, lambda place: (place / FILE).is_file(), make) / FILE).read_text(encoding="utf-8")


def _without_paths(text: str) -> str:
    """The lock without what a path names: that is laid out beside the environment, and known by its digest."""
    kept, skipping = [], False
    for line in text.splitlines():
        if not line.startswith((" ", "\t")):
            skipping = " @ file:" in line
        if not skipping:
            kept.append(line)
    return "".join(line + "\n" for line in kept)
