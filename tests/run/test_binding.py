"""Which runs are the same: the anchor is part of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from harness.run import binding
from harness.settings import Settings


def plan(anchor):
    version = SimpleNamespace(digest="d", sha256="s")
    settings = Settings(path=Path("h"), root=Path(), model="m")
    return SimpleNamespace(baseline=version, candidate=version, anchor=anchor, settings=settings)


def test_a_process_that_measured_drift_from_another_anchor_is_of_another_run():
    one, other = (SimpleNamespace(digest=name, sha256=name) for name in ("one", "other"))
    for mine, theirs in ((one, other), (one, None), (None, one)):
        found = binding.same_run(binding.identity(plan(theirs)), plan(mine), "rows")
        assert found is not None
        assert "anchor changed while the run lasted" in found.message
    for anchor in (one, None):
        assert binding.same_run(binding.identity(plan(anchor)), plan(anchor), "rows") is None
