"""Every interpreter of this machine that a version may ask for, found as a user would find it."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

OLDEST = (3, 8)
"""The oldest Python of a version."""

_ASK = "import sys; print(*sys.version_info[:2], sys.base_prefix)"


@cache
def found() -> dict[str, Path]:
    """`{"3.8": path, …}`: on PATH, in pyenv's folder where there is pyenv, and what uv made. One of each version."""
    paths = [shutil.which(f"python3.{minor}") or "" for minor in range(OLDEST[1], 20)]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        paths += glob.glob(os.path.join(root, "versions", "*", "bin", "python")) if root else []
    interpreters: dict[str, Path] = {}
    for path in filter(None, paths):
        done = subprocess.run([path, "-c", _ASK], capture_output=True, text=True, check=False)
        words = done.stdout.split(maxsplit=2)
        # a shim of pyenv is on PATH for versions that it then refuses to run
        if done.returncode == 0 and (int(words[0]), int(words[1])) >= OLDEST:
            interpreters.setdefault(f"{words[0]}.{words[1]}", Path(path))
    return interpreters
