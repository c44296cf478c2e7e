"""What versions are made of here: a project, a repository, a profile; and what a version answers."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import numpy as np

from harness import versions
from harness.predictors import environments, open_predictor
from harness.predictors.sources.locking import lock
from harness.settings import Profile
from harness.tables import Batch, Column

PROJECT = """
[build-system]
requires = ["setuptools{more}"]
build-backend = "setuptools.build_meta"
[project]
name = "plainmodel"
{version}
dependencies = [{needs}]
"""
CODE = """
def predict(records):
    return [{factor} * record["x"] for record in records]
"""


def project(folder, factor=2, needs="", more="", version='version = "1.0"'):
    (folder / "src" / "plainmodel").mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(PROJECT.format(needs=needs, more=more, version=version))
    (folder / "src" / "plainmodel" / "__init__.py").write_text(CODE.format(factor=factor))


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *arguments],
        cwd=folder, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def commit(folder, tag=""):
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main", ".")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it stands")
    if tag:
        git(folder, "tag", tag)
    return git(folder, "rev-parse", "HEAD")


def resolve(settings, spec, **profile):
    wishes = {"entry": "plainmodel:predict", "pass_as": "records", **profile}
    named = replace(settings, versions={"one": Profile("one", spec, **wishes)})
    return versions.resolve("one", named, "baseline")


def answers(version):
    batch = Batch("t", 0, 0, ("a", "b"), {"x": Column("float", np.array([1.0, 3.0]))})
    predictor = open_predictor(version, "baseline")
    try:
        return list(predictor.predict(batch).columns["prediction"].values)
    finally:
        predictor.close()


def pins(lock_text):
    """The requirements that a lock names, without their hashes."""
    return tuple(line.split()[0] for line in lock_text.splitlines() if line[:1].isalpha() and "==" in line)


def run_in(requirements, code, folder, **variables):
    """Run code under an environment of these requirements, made as one of a version is: models come from there."""
    python = environments.python_for(lock(tuple(requirements), ""))
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(
        [str(python), "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
