"""Environments made by uv from a lock file, kept by the digest of lock and interpreter.

Built beside and renamed into place, so that two processes can ask for the same one at once. uv never downloads an
interpreter, and uses the indexes and certificates that the user configured for pip.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from harness.errors import Exit, HarnessError
from harness.predictors import holding, interpreters, uv_words
from harness.predictors.cache import cache_folder, made
from harness.versions.manifest import digest

MARK = "environment.json"


def python_for(
    lock: str, interpreter: str = "", progress: Callable[[str], None] | None = None, purpose: str = ""
) -> Path:
    """The interpreter of an environment that holds what `lock` (a text with hashes) says, and nothing else.

    `interpreter`: a version ("3.9") or a path; by default the one that runs this. `purpose`: the version that it is
    for, as `harness environments ls` shows it. Nobody removes it while this process lives. Raises HarnessError E08.
    """
    say = progress or (lambda line: None)
    base = find_interpreter(interpreter)
    if interpreters.too_old(number := tag(base).split()[1]):
        raise _too_old(number)
    what = {"format": 1, "lock": lock, "interpreter": tag(base)}
    folder = cache_folder() / "environments" / digest(what)[:32]
    # before anybody looks whether it is there: what was seen must not be removed
    holding.hold(folder, purpose)

    def usable(place: Path) -> bool:
        return (place / MARK).is_file() and (place / "bin" / "python").exists()

    def make(beside: Path) -> None:
        names = sum(1 for line in lock.splitlines() if "==" in line)
        say(f"making an environment of {names} packages (once for each lock file)")
        _build(beside, base, lock)
        mark = {"interpreter": what["interpreter"], "packages": names, "lock": digest(lock)[:32]}
        (beside / MARK).write_text(json.dumps(mark))

    return made(folder, usable, make) / "bin" / "python"


def _build(folder: Path, base: str, lock: str) -> None:
    run_uv(
        "venv", "--quiet", "--relocatable", "--allow-existing", "--no-project", "--python", base, str(folder)
    )
    if not lock.strip():
        return
    with tempfile.TemporaryDirectory(prefix="harness-lock-") as scratch:
        path = Path(scratch, "requirements.lock")
        path.write_text(lock, encoding="utf-8")
        run_uv(
            "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "--require-hashes",
            "--no-deps", "--requirement", str(path),
        )  # fmt: skip


def find_interpreter(wanted: str) -> str:
    """The path of an interpreter on this machine: a version such as "3.9", a path, or nothing for our own. Raises
    HarnessError E08, with what was found instead."""
    if not wanted:
        return sys.executable
    if os.sep in wanted:
        if os.path.isfile(wanted) and os.access(wanted, os.X_OK):
            return wanted
        raise _no_interpreter(wanted)
    if interpreters.too_old(wanted):
        raise _too_old(wanted)
    return _by_version(wanted, os.environ.get("PATH", os.defpath), os.environ.get("PYENV_ROOT", ""))


@cache
def _by_version(wanted: str, path: str, pyenv: str) -> str:
    """What uv finds on this PATH, and else behind pyenv's shims."""
    for variables in ({}, {"PATH": interpreters.search_path(os.environ)}):
        try:
            return run_uv("python", "find", "--no-project", "--system", wanted, variables=variables).strip()
        except HarnessError:
            continue
    raise _no_interpreter(wanted)


def installed() -> list[interpreters.Interpreter]:
    """Every interpreter of this machine, newest first: on PATH, in pyenv's folder, and what uv installed."""
    listing = run_uv(
        "python", "list", "--only-installed", "--output-format", "json",
        variables={"PATH": interpreters.search_path(os.environ)},
    )  # fmt: skip
    return interpreters.listed(listing, run_uv("python", "dir").strip(), os.environ)


def python_version(interpreter: str = "") -> str:
    """The version of the Python that a worker would run under, such as `3.11.9`: of `interpreter` as `python_for`
    takes it. HarnessError E08 where there is none."""
    return tag(find_interpreter(interpreter)).split()[1]


def _no_interpreter(wanted: str) -> HarnessError:
    try:
        there = interpreters.in_words(installed())
    except (HarnessError, ValueError, KeyError):
        # this is about the one that is missing, not about the list
        there = "unknown: uv could not list them"
    return HarnessError(
        f"no Python {wanted} on this machine",
        where="python of the version's profile",
        hint="name one that is here, or install it, or give its path; interpreters are never downloaded. "
        f"Found: {there}",
        code="E08",
        exit=Exit.INCONCLUSIVE,
    )


def _too_old(wanted: str) -> HarnessError:
    oldest = ".".join(map(str, interpreters.OLDEST))
    return HarnessError(
        f"Python {wanted} is too old: a version runs under {oldest} or newer",
        where="python of the version's profile",
        hint="name a newer one; a model that needs an older Python can be compared by its recorded answers, "
        "recorded:PATH, or as an endpoint",
        code="E08",
        exit=Exit.INCONCLUSIVE,
    )


@cache
def tag(interpreter: str) -> str:
    """What decides which wheels fit, and where the interpreter lies: an environment points at it."""
    if interpreter == sys.executable:
        return f"{platform.python_implementation()} {platform.python_version()} {platform.machine()} {sys.base_prefix}"
    code = (
        "import platform as p, sys; "
        "print(p.python_implementation(), p.python_version(), p.machine(), sys.base_prefix)"
    )
    try:
        done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        done = None  # a file that may be run and that the system cannot
    if done is None or done.returncode or len(done.stdout.split()) < 4:
        raise HarnessError(
            f"{interpreter} is no Python that runs",
            where="python of the version's profile",
            hint="name a version such as 3.11, or the path of an interpreter",
            code="E08",
            exit=Exit.INCONCLUSIVE,
        )
    return done.stdout.strip()


def run_uv(*arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Run uv; HarnessError with its own words where it fails."""
    import uv

    environment = {
        **os.environ,
        **from_pip(os.environ),
        **(variables or {}),
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
    }
    # uv would take a surrounding environment or project for the one that is meant
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_CONSTRAINT", "PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [uv.find_uv_bin(), "--no-config", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HarnessError(
            f"the environment could not be made: {uv_words.shortened(done.stderr)}",
            where=f"uv {arguments[0]} {arguments[1]}",
            hint=uv_words.what_to_try(done.stderr),
            code="E08",
            exit=Exit.INCONCLUSIVE,
        )
    return done.stdout


def from_pip(environment: Mapping[str, str]) -> dict[str, str]:
    """What the user configured for pip, in uv's words; what is configured for uv itself stands."""
    settings = _pip_settings()
    found: dict[str, str] = {"UV_SYSTEM_CERTS": "1"}
    if index := settings.get("index-url"):
        found["UV_DEFAULT_INDEX"] = index
    if extra := settings.get("extra-index-url"):
        found["UV_INDEX"] = " ".join(extra.split())
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's meaning of several indexes
    if links := settings.get("find-links"):
        found["UV_FIND_LINKS"] = ",".join(links.split())
    if hosts := settings.get("trusted-host"):
        found["UV_INSECURE_HOST"] = " ".join(hosts.split())
    if "no-index" in settings and settings["no-index"].lower() in ("1", "true", "yes", "on"):
        found["UV_NO_INDEX"] = "1"
    if cert := settings.get("cert"):
        found["SSL_CERT_FILE"] = cert
    return {name: value for name, value in found.items() if name not in environment}


@cache
def _pip_settings() -> dict[str, str]:
    """`pip config list`, without the sections; later sections (install, the environment) win."""
    commands = [[sys.executable, "-m", "pip"], *([[found]] if (found := shutil.which("pip")) else [])]
    for command in commands:
        try:
            done = subprocess.run([*command, "config", "list"], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            break
    else:
        return {
            name[4:].lower().replace("_", "-"): value
            for name, value in os.environ.items()
            if name.startswith("PIP_")
        }
    order = ("global", "install", ":env:")
    sections: dict[str, dict[str, str]] = {section: {} for section in order}
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in sections:
            sections[section][name] = value.strip().strip("'\"").replace("\\n", "\n")
    # pip lists the environment first, and lets it win
    return {name: value for section in order for name, value in sections[section].items()}


@contextmanager
def harness_path() -> Iterator[Path]:
    """A folder that holds the package `harness` and nothing else that lies beside it."""
    with tempfile.TemporaryDirectory(prefix="harness-path-") as folder:
        Path(folder, "harness").symlink_to(Path(__file__).resolve().parent.parent, target_is_directory=True)
        yield Path(folder)
