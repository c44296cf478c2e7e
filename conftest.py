"""Fixtures of the test suite."""

from __future__ import annotations

import hypothesis

pytest_plugins = ["pytester"]

# how long an example takes says more about who else uses the machine
hypothesis.settings.register_profile("harness", deadline=None)
hypothesis.settings.load_profile("harness")
