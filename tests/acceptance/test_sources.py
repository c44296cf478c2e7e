"""A repository without a store: its last tag against what lies there now, typed as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "plainmodel"
version = "1.0"
"""
CONFIGURATION = """
model = "plain"
candidate = "now"
previous = "before"
[versions.before]
spec = "git:last-tag"
entry = "plainmodel:predict"
pass_as = "records"
[versions.now]
spec = "project:."
entry = "plainmodel:predict"
pass_as = "records"
[[inputs]]
name = "rows"
path = "rows.csv"
[[rules]]
name = "near"
output = "prediction"
rule = "close"
rtol = 0.01
"""
CODE = "def predict(records):\n    return [{} * record['x'] for record in records]\n"


def compare(folder, tmp_path):
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", "compare", "--to", "previous"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "MODEL_HARNESS_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip


def test_the_last_tag_is_the_baseline(tmp_path, git):
    folder = tmp_path / "repository"
    (folder / "plainmodel").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT + '[tool.setuptools]\npackages = ["plainmodel"]\n')
    (folder / "harness.toml").write_text(CONFIGURATION)
    (folder / "rows.csv").write_text("x\n" + "".join(f"{row}.5\n" for row in range(40)))
    model = folder / "plainmodel" / "__init__.py"
    model.write_text(CODE.format("2.0"))
    git(folder)
    subprocess.run(["git", "tag", "v1"], cwd=folder, check=True)

    model.write_text(CODE.format("2.001"))
    git(folder)
    good = compare(folder, tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr

    model.write_text(CODE.format("2.2"))
    git(folder)
    bad = compare(folder, tmp_path)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    report = json.loads((folder / "reports" / "report.json").read_text())
    assert report["result"]["verdict"] == "FAIL"
