"""The lock file of a version, and whether the libraries here are those that it pins."""

from __future__ import annotations

import re
from importlib import metadata

from harness.errors import Exit, HarnessError
from harness.training.config import Config
from harness.training.config.steps import names

LIBRARIES = ("numpy", "scipy", "scikit-learn", "joblib", "pandas")


def lock_of(config: Config) -> bytes:
    """The text of the lock file. Raises HarnessError."""
    try:
        return config.lock.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"cannot read the lock file: {error.strerror}",
            where=str(config.lock),
            hint="docs/training.md shows the command that writes it",
        ) from None


def pinned(config: Config) -> dict[str, set[str]]:
    """The versions that the lock names of each project; several where markers choose between them."""
    found: dict[str, set[str]] = {}
    for name, number in re.findall(
        r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock_of(config).decode(), re.MULTILINE
    ):
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(number)
    return found


def libraries_of(config: Config, model_format: str = "") -> dict[str, str]:
    """The versions of the libraries that the model needs, as far as they are installed."""
    # what makes the steps again has to be there as well
    more = {name.partition(".")[0].replace("_", "-") for name in names(config.steps)} & {"feature-engine"}
    if model_format == "skops":
        more.add("skops")
    found: dict[str, str] = {}
    for name in (*LIBRARIES, *sorted(more)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def check_environment(config: Config) -> None:
    """Raise E08 unless the libraries here are those of the lock: what fits a model must be what will load it."""
    known = pinned(config)
    for name, found in libraries_of(config, "skops" if "skops" in known else "").items():
        if found not in known.get(name, set()):
            wanted = " or ".join(sorted(known.get(name, ()))) or "none"
            raise HarnessError(
                f"environment mismatch: {name} {found} is installed, the lock has {wanted}",
                where=str(config.lock),
                hint="train with harness train, which builds the environment of the lock",
                code="E08",
                exit=Exit.INCONCLUSIVE,
            )
