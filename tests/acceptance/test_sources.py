"""A repository without a store: its last tag, or what it has in common with main, against what lies there now."""

from __future__ import annotations

import json
import subprocess

import pytest

from .running import run_harness, run_pytest

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
previous = "{previous}"
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


@pytest.fixture
def repository(tmp_path, monkeypatch, git):
    """`repository("git:last-tag")`: a package that doubles, committed on main, and a function that commits another."""
    monkeypatch.setenv("MODEL_HARNESS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "repository"

    def make(previous):
        (folder / "plainmodel").mkdir(parents=True)
        (folder / "pyproject.toml").write_text(PYPROJECT + '[tool.setuptools]\npackages = ["plainmodel"]\n')
        (folder / "harness.toml").write_text(CONFIGURATION.format(previous=previous))
        (folder / "rows.csv").write_text("x\n" + "".join(f"{row}.5\n" for row in range(40)))
        return put("2.0")

    def put(factor):
        (folder / "plainmodel" / "__init__.py").write_text(CODE.format(factor))
        git(folder)
        return folder

    return make, put


def typed(folder, *arguments):
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *arguments],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def test_the_last_tag_is_the_baseline(repository):
    make, put = repository
    folder = make("git:last-tag")
    typed(folder, "tag", "v1")
    put("2.001")
    good = run_harness(folder, "compare")
    assert good.code == 0, good.out
    assert "40 of 40 planned cases compared" in good.out
    assert run_harness(folder, "verify").code == 0
    put("2.2")
    bad = run_harness(folder, "compare")
    assert bad.code == 1, bad.out
    report = json.loads((folder / "reports" / "report.json").read_text())
    assert report["result"]["verdict"] == "FAIL"
    assert report["result"]["baseline"]["spec"] == "git:last-tag"
    assert not (folder / "baselines").exists()


def test_what_a_branch_has_in_common_with_main_is_the_baseline(repository, tmp_path):
    """Main goes on after the branch left it: what it became meanwhile is no matter of the branch."""
    make, put = repository
    origin = make("git:merge-base(origin/main)")
    typed(origin, "branch", "-M", "main")
    clone = tmp_path / "clone"
    typed(tmp_path, "clone", "-q", str(origin), str(clone))
    put("3.0")
    typed(clone, "fetch", "-q")
    typed(clone, "checkout", "-q", "-b", "work")
    model = clone / "plainmodel" / "__init__.py"

    model.write_text(CODE.format("2.001"))
    typed(clone, "commit", "-qam", "a little more")
    good = run_pytest(clone, "--compare-to=previous")
    assert good.code == 0, good.out
    assert good.verdict["compared"] == good.verdict["planned"] == 40

    model.write_text(CODE.format("3.0"))
    typed(clone, "commit", "-qam", "as main is by now")
    bad = run_pytest(clone, "--compare-to=previous")
    assert bad.code == 1, bad.out
    assert bad.verdict["verdict"] == "FAIL"
    assert not (clone / "baselines").exists()

    shallow = tmp_path / "shallow"
    typed(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", clone.as_uri(), str(shallow))
    typed(shallow, "checkout", "-q", "work")
    lost = run_harness(shallow, "compare")
    assert lost.code == 4, lost.out
    assert "HEAD and origin/main have no commit in common here" in lost.out
    assert "git fetch --unshallow" in lost.out


def test_an_entry_that_the_commit_did_not_have_is_no_pass(repository):
    make, _ = repository
    folder = make("git:last-tag")
    typed(folder, "tag", "v1")
    (folder / "harness.toml").write_text(
        CONFIGURATION.format(previous="git:last-tag").replace("plainmodel:predict", "plainmodel:price")
    )
    (folder / "plainmodel" / "__init__.py").write_text(CODE.format("2.0").replace("predict", "price"))
    typed(folder, "commit", "-qam", "another name")
    done = run_harness(folder, "compare")
    assert done.code == 10, done.out
    assert "E08" in done.out
    assert "has no attribute 'price'" in " ".join(done.out.split())


@pytest.mark.parametrize("previous", ["previous", "loop"])
def test_a_previous_that_leads_to_itself_is_refused(repository, previous):
    make, _ = repository
    folder = make(previous)
    with (folder / "harness.toml").open("a") as file:
        file.write('[versions.loop]\nspec = "previous"\n')
    done = run_harness(folder, "compare")
    assert done.code == 4, done.out
    assert "E27" in done.out
    assert "previous leads to itself" in done.out
