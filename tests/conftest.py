"""Fixtures of every test: the zoo of bad models."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from .object_storage import ObjectStorage
from .zoo.builder import Zoo

# a busy machine is no fault of the code: no test asserts a time
settings.register_profile(
    "no clock", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("no clock")


@pytest.fixture(scope="session")
def zoo() -> Zoo:
    """`zoo.wheel(folder, "raises_at_13")`, `zoo.version(…)`, `zoo.project(…)`: see tests/zoo/builder.py."""
    return Zoo()


@pytest.fixture(scope="session")
def science_lock(zoo: Zoo) -> str:
    """The lock of the shipped model: numpy, pandas, scikit-learn. Its environment is made once and kept."""
    return zoo.science_lock


@pytest.fixture(scope="session")
def s3_server():
    """An S3 server, started at first need."""
    server = ObjectStorage()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server):
    """The S3 server, in good health before and after."""
    s3_server.well()
    yield s3_server
    s3_server.well()
