"""What is tested and what is installed: the wheel, and nothing in it that could land in somebody's way."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
from importlib import metadata
from pathlib import Path

import pytest

import harness

ROOT = Path(__file__).resolve().parent.parent
of_wheel = pytest.mark.skipif(
    os.environ.get("HARNESS_TESTS_OF") != "wheel", reason="these look at an installed wheel: run tox -e py"
)
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(harness.__path__, "harness.")
    if not module.name.endswith("__main__")
)


@of_wheel
def test_the_tests_import_the_wheel_and_not_the_tree():
    assert not Path(harness.__file__).is_relative_to(ROOT / "harness")


@of_wheel
def test_no_generic_name_is_installed():
    files = metadata.files("pytest-model-harness") or []
    tops = {str(path).split("/")[0] for path in files if not str(path).startswith("..")}
    tops = {top for top in tops if not top.endswith(".dist-info") and top != "__pycache__"}
    assert tops == {"harness", "_pytest_model_harness.py"}


@of_wheel
def test_templates_and_types_are_in_the_wheel():
    folder = Path(harness.__file__).parent
    for name in (
        "py.typed",
        "reporting/report.schema.json",
        "reporting/templates/report.html.j2",
        "run/workflows/github.yml",
        "run/workflows/github_release.yml",
    ):
        assert (folder / name).is_file()


@of_wheel
def test_both_names_of_the_command_are_installed():
    scripts = {point.name for point in metadata.entry_points(group="console_scripts")}
    assert {"harness", "model-harness"} <= scripts


def test_the_number_is_the_same_everywhere():
    text = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{harness.__version__}"' in text


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    failures, _ = doctest.testmod(module, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert failures == 0
