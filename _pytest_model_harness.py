"""The pytest entry point of model harness: options and a marker, and nothing else until `--compare-to` is given.

It is a module of its own so that a suite which owns a module named `harness` does not notice that this plugin is
installed: `harness` is imported only by a run that compares.
"""

from __future__ import annotations

from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a comparison."""
    group = parser.getgroup("model harness", "compare two versions of a model")
    add = group.addoption
    add(
        "--compare-to",
        metavar="SPEC",
        help="the baseline: previous, 1.4.0, wheel:PATH, https://… or a profile",
    )
    add("--compare-candidate", metavar="SPEC", help="the candidate (default: candidate in [tool.harness])")
    add("--compare-change", metavar="KIND", help="auto, refactor, upgrade or retrain (default: auto)")
    add(
        "--compare-config",
        metavar="FILE",
        help="configuration file (default: harness.toml or pyproject.toml)",
    )
    add("--compare-report", metavar="DIR", help="folder of verdict.json and the reports (default: reports)")
    add("--compare-seed", metavar="N", type=int, help="seed of searches and of the bootstrap")
    add("--compare-allow-same", action="store_true", help="allow comparing a version with itself")
    add("--compare-live", action="store_true", help="ask the baseline even what it has answered before")


def pytest_configure(config: pytest.Config) -> None:
    """The marker, with or without a comparison: suites run under --strict-markers."""
    config.addinivalue_line("markers", "differential: compares two versions of a model; needs --compare-to")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any conftest is loaded: whatever code ends the process later, the verdict says INCOMPLETE."""
    if early_config.known_args_namespace.compare_to is not None:
        from harness import errors, system

        try:
            system.demand()
        except errors.HarnessError as error:
            raise pytest.UsageError(str(error)) from None
        from harness import plugin

        plugin.start(early_config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Without `--compare-to`, tests that compare are deselected: there is nothing to compare with."""
    if config.getoption("compare_to") is None:
        compared = [item for item in items if item.get_closest_marker("differential")]
        if compared:
            config.hook.pytest_deselected(items=compared)
            items[:] = [item for item in items if not item.get_closest_marker("differential")]
