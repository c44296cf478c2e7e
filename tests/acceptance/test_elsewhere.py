"""On systems that lack what workers need: refused in words as a comparison starts, and nothing else is disturbed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .running import environment

LAUNCHER = """
import os, sys
# what pytest and argparse need of the real system is there before it looks like another
import argparse, asyncio, multiprocessing, platform, pytest, subprocess, sysconfig, tempfile
sysconfig.get_config_vars()

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource"):
            raise ModuleNotFoundError("No module named %r" % name, name=name)

face, system = sys.argv[1:3]
if system == "old":
    def pidfd_open(pid):
        raise OSError(38, "Function not implemented")
    os.pidfd_open = pidfd_open
else:
    sys.platform = system
    del os.pidfd_open
if system == "win32":
    sys.modules.pop("fcntl", None), sys.modules.pop("resource", None)
    sys.meta_path.insert(0, Missing())
if face == "pytest":
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-s", *sys.argv[3:]]))
from harness.cli import main
sys.exit(main(sys.argv[3:]))
"""
FACES = {"pytest": ["--compare-to=baseline"], "harness": ["compare", "--to", "baseline"]}
# under that name pytest reaches for consoles that only Windows has
SYSTEMS = [
    (face, system)
    for face in FACES
    for system in ("darwin", "old", "win32")
    if (face, system) != ("pytest", "win32")
]


def run(folder, face, system, *arguments):
    return subprocess.run(
        [sys.executable, "-c", LAUNCHER, face, system, *arguments],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("face", "system"), SYSTEMS)
def test_e60_a_comparison_is_refused_in_three_parts(zoo, tmp_path, face, system):
    done = run(zoo.project(tmp_path, "good", "shifted"), face, system, *FACES[face])
    said = done.stdout + done.stderr
    assert done.returncode == 4, said
    assert "E60 this system cannot run versions of a model: " in said
    assert "pidfd_open does not work here (Function not implemented)" in said or system != "old"
    assert "\n  where: " in said
    assert "\n  next: run it on Linux" in said
    assert "Traceback" not in said
    assert "ModuleNotFoundError" not in said


@pytest.mark.parametrize(
    ("system", "arguments"),
    [
        ("darwin", ["parity", "baseline", "candidate"]),
        ("win32", ["environments", "ls"]),
        ("win32", ["verify"]),
    ],
)
def test_e60_of_other_commands(zoo, tmp_path, system, arguments):
    done = run(zoo.project(tmp_path, "good", "shifted"), "harness", system, *arguments)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "E60 this system cannot run versions of a model" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_help_works_everywhere(tmp_path, system):
    done = run(tmp_path, "harness", system, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "compare" in done.stdout


def test_a_suite_that_compares_nothing_does_not_notice(tmp_path):
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    pass\n")
    done = run(tmp_path, "pytest", "darwin")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
