"""The ledger's page is there after whatever writes the ledger, and says what stands in it."""

from __future__ import annotations

import shutil

import pytest

from .running import run_harness


@pytest.fixture
def released(zoo, tmp_path, git):
    """A released model, and a candidate that differs in one row."""
    project = zoo.project(tmp_path, "good", "shifted_at_13")
    path = project / "harness.toml"
    text = path.read_text()
    path.write_text(text.replace('candidate = "candidate"', 'candidate = "baseline"'))
    git(project)
    done = run_harness(project, "release", "--first", "--reason", "in production <b>since</b> May")
    assert done.code == 0, done.out
    path.write_text(text)
    git(project)
    return project


def test_releases_and_verdicts_are_on_it_with_who_and_why(released):
    page = released / "reports" / "ledger.html"
    first = page.read_text()
    assert "</span> Release</span> 1.0.0" in first
    assert "in production &lt;b&gt;since&lt;/b&gt; May" in first
    assert run_harness(released, "compare").code == 1
    text = page.read_text()
    assert "</span> Verdict</span> FAIL 1.0.0" in text
    assert "not in the store yet" in text
    assert "rows (" in text  # a labelled table has judged
    page.unlink()
    done = run_harness(released, "report")
    assert str(page) in done.out
    assert page.read_text() == text


def test_a_ledger_that_was_edited_is_said_to_be_on_the_page_and_moves_no_verdict(released):
    ledger = released / "baselines" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b"production", b"productive", 1))
    page = released / "reports" / "ledger.html"
    assert run_harness(released, "report").code != 0 or "The ledger cannot be read." in page.read_text()
    assert run_harness(released, "compare", "--to", "baseline").code == 1
    text = page.read_text()
    assert "The ledger cannot be read." in text
    assert "E46" in text
    assert "in production" not in text


def test_pruning_runs_takes_out_what_they_kept_and_leaves_what_is_needed(released):
    for _ in range(2):
        assert run_harness(released, "compare").code == 1
    kept = released / "reports" / "kept"
    path = released / "harness.toml"
    path.write_text(path.read_text() + "\n# another\n")
    assert run_harness(released, "compare").code == 1
    before = sorted(kept.iterdir())
    dry = run_harness(released, "baselines", "prune", "--keep-runs", "1", "--dry-run")
    assert dry.code == 0, dry.out
    assert sorted(kept.iterdir()) == before
    done = run_harness(released, "baselines", "prune", "--keep-runs", "1")
    assert done.code == 0, done.out
    assert len(list((released / "reports" / "runs").iterdir())) == 1
    # the configuration of the runs that are gone; both wheels and the configuration of the last stay
    assert len(before) - len(list(kept.iterdir())) == 1
    for folder in ("baseline", "candidate"):
        shutil.rmtree(released / folder)
    assert run_harness(released, "replay", "last").code == 0
