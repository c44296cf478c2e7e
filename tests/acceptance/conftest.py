"""Fixtures of the acceptance tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def git() -> Callable[..., str]:
    """Make a folder a repository and commit what lies in it; a second call commits again."""

    def commit(folder: Path) -> str:
        def run(*arguments: str) -> str:
            done = subprocess.run(
                ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *arguments],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
            return done.stdout.strip()

        if not (folder / ".git").exists():
            run("init", "-q", ".")
            (folder / ".gitignore").write_text("reports/\n__pycache__/\n")
        run("add", "-A")
        run("commit", "-q", "-m", "as it stands")
        return run("rev-parse", "HEAD")

    return commit
