"""A configuration without inputs, in a folder of its own, with a cache of its own."""

from __future__ import annotations

import pytest

from harness.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("MODEL_HARNESS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "repository"
    root.mkdir()
    return Settings(path=root / "harness.toml", root=root, model="plain")
