"""The path of a release: first, compared, verified, released, unchanged; and what the store then answers."""

from __future__ import annotations

import json
import shutil

import pytest

from .running import run_harness, run_pytest


@pytest.fixture
def project(zoo, tmp_path, git):
    """A project whose baseline is released, and whose candidate asks to be."""
    made = zoo.project(tmp_path, "good", "rewritten")
    candidate = made / "candidate"
    kept = made / "kept"
    candidate.rename(kept)
    shutil.copytree(made / "baseline", candidate)
    path = made / "harness.toml"
    text = path.read_text()
    wheel = next(candidate.glob("*.whl")).name
    start = text.index("wheel:candidate/")
    path.write_text(text[:start] + f"wheel:candidate/{wheel}" + text[text.index('"', start) :])
    git(made)
    done = run_harness(made, "release", "--first", "--reason", "nothing to compare with")
    assert done.code == 0, done.out
    shutil.rmtree(candidate)
    kept.rename(candidate)
    path.write_text(text)
    git(made)
    return made


def test_previous_is_the_newest_release_and_the_report_says_why(project):
    done = run_pytest(project, "--compare-to=previous")
    assert done.code == 0, done.out
    record = json.loads((project / "reports" / "report.json").read_text())
    why = record["result"]["baseline"]["why"]
    assert "the only release in channel production" in why
    assert "nothing to compare with" in why


def test_a_verified_candidate_becomes_previous(project, git):
    assert run_pytest(project, "--compare-to=previous").code == 0
    dry = run_harness(project, "release", "--dry-run")
    assert dry.code == 0
    assert "would be released" in dry.out
    done = run_harness(project, "release", "--reason", "faster")
    assert done.code == 0, done.out
    releases = json.loads((project / "baselines" / "catalogue.json").read_text())["releases"]
    assert [one["version"] for one in releases] == ["1.0.0", "1.1.0"]
    assert releases[1]["parent"] == releases[0]["sha256"]
    assert set(releases[1]["outcomes"]) == {"rows"}
    unchanged = run_pytest(project, "--compare-to=previous")
    assert unchanged.code == 0
    assert "UNCHANGED: nothing to release" in unchanged.out
    again = run_harness(project, "release")
    assert again.code != 0
    older = run_pytest(project, "--compare-to=1.0.0")
    assert older.code == 0, older.out
    assert older.verdict["baseline"]["version"] == "1.0.0"


def test_nothing_is_released_without_a_pass_for_this_very_tree(zoo, project, git):
    assert run_harness(project, "release").code == 10
    assert run_pytest(project, "--compare-to=previous").code == 0
    (project / "README").write_text("edited after the verdict")
    edited = run_harness(project, "verify")
    assert edited.code == 10
    assert "E17 the verdict is for tree" in edited.out
    assert run_harness(project, "release").code == 10
    (project / "README").unlink()
    assert run_harness(project, "verify").code == 0
    report = project / "reports" / "report.json"
    report.write_text(report.read_text().replace('"violations": 0', '"violations": 1', 1))
    assert run_harness(project, "release").code == 10


def test_another_candidate_than_the_judged_one_is_not_released(zoo, project):
    assert run_pytest(project, "--compare-to=previous").code == 0
    wheel = next((project / "candidate").glob("*.whl"))
    zoo.wheel(project / "candidate", "shifted", version="1.1.0", package=wheel.name.partition("-")[0])
    done = run_harness(project, "release")
    assert done.code == 10
    assert "E17" in done.out


def test_a_failed_comparison_is_not_released(zoo, tmp_path, git):
    project = zoo.project(tmp_path, "good", "shifted")
    git(project)
    assert run_pytest(project, "--compare-to=baseline").code == 1
    done = run_harness(project, "release")
    assert done.code == 1
    assert "the verdict is FAIL" in done.out


def test_a_second_first_is_refused(project):
    done = run_harness(project, "release", "--first", "--reason", "again")
    assert done.code == 11
    assert "E49" in done.out
