"""The pytest face: items, selections, other tests beside the gate, and every way of ending too early."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from .running import plugin, run_harness, run_pytest

SEARCH = '[[inputs]]\nname = "search"\ngenerate = { rows = 100, seed = 3 }'


@pytest.fixture
def project(zoo, tmp_path):
    return zoo.project(tmp_path, "good", "rewritten", settings=SEARCH)


def test_every_rule_on_every_source_is_an_item(project):
    done = run_pytest(project, "--compare-to=baseline", "-v")
    assert done.code == 0, done.out
    for item in ("rows::structure", "rows::faults", "rows::values", "search::same-errors", "search::values"):
        assert f"harness.toml::{item} PASSED" in done.out
    assert "model harness: starting baseline animal 1.0.0" in done.out


def test_the_last_lines_are_the_verdict_and_what_to_do_next(project):
    done = run_pytest(project, "--compare-to=baseline", "-q")
    assert done.lines[-2].startswith("MAY BE RELEASED: 1.1.0 (refactor) equals 1.0.0")
    assert done.lines[-1].startswith("next: harness verify && harness release")
    assert "report.html" in done.out


def test_collect_only_lists_the_items_and_leaves_no_verdict(project):
    done = run_pytest(project, "--compare-to=baseline", "--collect-only", "-q")
    assert done.code == 0
    assert "harness.toml::rows::values" in done.out
    assert done.verdict is None


def test_junit_shows_the_items(project):
    run_pytest(project, "--compare-to=baseline", "--junitxml=junit.xml")
    cases = ElementTree.parse(project / "junit.xml").getroot().iter("testcase")
    assert "values" in {case.get("name") for case in cases}


@pytest.mark.parametrize(
    "selection",
    [("-k", "values"), ("harness.toml::rows::values",), ("--deselect", "harness.toml::rows::faults")],
)
def test_a_selection_is_a_partial_run_and_never_passes(project, selection):
    done = run_pytest(project, "--compare-to=baseline", *selection)
    assert done.code == 10, done.out
    assert "E11 partial run" in done.out
    assert run_harness(project, "verify").code == 10


def test_the_gate_is_there_for_typed_paths_too(project):
    (project / "tests").mkdir()
    (project / "tests" / "test_own.py").write_text("def test_own(): pass\n")
    done = run_pytest(project, "tests", "--compare-to=baseline", "-v")
    assert done.code == 0, done.out
    assert "harness.toml::rows::values PASSED" in done.out
    assert "test_own PASSED" in done.out


def test_a_failing_ordinary_test_forbids_a_pass(project):
    (project / "test_own.py").write_text("def test_own(): assert False\n")
    done = run_pytest(project, "--compare-to=baseline")
    assert done.code == 1
    assert "DO NOT RELEASE: 1 ordinary test failed in the same session" in done.out
    assert done.verdict["verdict"] == "FAIL"


def test_without_compare_to_nothing_is_compared_and_differential_tests_wait(project):
    (project / "test_own.py").write_text(
        "import pytest, sys\n"
        "@pytest.mark.differential\ndef test_waits(comparison): assert False\n"
        "def test_own(): assert 'harness' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    done = run_pytest(project, "--strict-markers")
    assert done.code == 0, done.out
    assert "1 passed, 1 deselected" in done.out
    assert done.verdict is None


def test_differential_tests_by_hand_use_the_same_versions_and_rules(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted_at_13", xs=[1, 2])
    (project / "test_own.py").write_text(
        "import pytest\n"
        "@pytest.mark.differential\n"
        "def test_small(comparison): comparison.check([{'x': 1.0}, {'x': 2.0}])\n"
        "@pytest.mark.differential\n"
        "def test_thirteen(comparison): comparison.check([{'x': 13.0}])\n"
        "@pytest.mark.differential\n"
        "def test_answers(comparison):\n"
        "    baseline, candidate = comparison.ask([{'x': 4.0}])\n"
        "    assert baseline.columns['prediction'].tolist() == [9.0]\n"
    )
    done = run_pytest(project, "--compare-to=baseline", "-m", "differential", "-v")
    assert done.code == 1
    assert "test_small PASSED" in done.out
    assert "test_answers PASSED" in done.out
    assert "test_thirteen FAILED" in done.out
    assert done.verdict["verdict"] == "FAIL"


@pytest.mark.parametrize(
    "ending",
    [
        "import sys\nsys.exit(0)\n",
        "import os\nos._exit(0)\n",
        "import pytest\n@pytest.fixture(autouse=True)\ndef end():\n    pytest.exit('enough', returncode=0)\n",
        "import os, pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logreport():\n    os._exit(0)\n",
        "def pytest_sessionfinish(session):\n    import os\n    os._exit(0)\n",
    ],
)
def test_an_early_end_is_never_taken_for_a_pass(project, ending):
    (project / "conftest.py").write_text(ending)
    (project / "test_own.py").write_text("def test_own(): pass\n")
    done = run_pytest(project, "--compare-to=baseline")
    assert done.verdict["verdict"] != "PASS"
    verified = run_harness(project, "verify")
    assert verified.code == 10
    assert "next: " in verified.out


def test_a_crashed_worker_of_xdist_is_said_and_never_passes(project):
    (project / "test_own.py").write_text("import os\ndef test_own(): os._exit(0)\n")
    done = run_pytest(project, "--compare-to=baseline", "-n", "2")
    assert done.code != 0
    assert done.verdict["verdict"] != "PASS"
    assert "crashed" in done.out


def test_options_stand_in_the_help(project):
    done = run_pytest(project, "--help")
    for option in (
        "--compare-to",
        "--compare-candidate",
        "--compare-change",
        "--compare-config",
        "--compare-report",
    ):
        assert option in done.out


def test_a_budget_forgives_nothing_in_a_test_by_hand(zoo, tmp_path):
    rule = '[[rules]]\nname = "near"\nrule = "close"\nrtol = 0.001\nmax_violations = 3\nmin_cases = 2\n'
    project = zoo.project(tmp_path, "good", "shifted_at_13", xs=[1, 2], settings=rule)
    (project / "test_own.py").write_text(
        "import pytest\n"
        "@pytest.mark.differential\n"
        "def test_one(comparison): comparison.check([{'x': 1.0}])\n"
        "@pytest.mark.differential\n"
        "def test_thirteen(comparison): comparison.check([{'x': 13.0}])\n"
    )
    done = run_pytest(project, "--compare-to=baseline", "-v")
    assert "test_one PASSED" in done.out
    assert "test_thirteen FAILED" in done.out
    assert done.verdict["verdict"] == "FAIL"


def test_a_rule_that_cannot_say_does_not_pass_a_test_by_hand(zoo, tmp_path):
    rule = '[[rules]]\nname = "near"\nrule = "close"\nrtol = 0.1\noutput = "score"\n'
    project = zoo.project(tmp_path, "good", "rewritten", xs=[1, 2], settings=rule, outputs=[
        {"name": "prediction", "kind": "float"}, {"name": "score", "kind": "float"},
    ])  # fmt: skip
    (project / "test_own.py").write_text(
        "import pytest\n@pytest.mark.differential\ndef test_one(comparison): comparison.check([{'x': 1.0}])\n"
    )
    done = run_pytest(project, "--compare-to=baseline", "-v")
    assert "test_one FAILED" in done.out
    assert "E28 rule near checked nothing" in done.out


@pytest.mark.parametrize("around", [{}, {"PYTEST_XDIST_WORKER": "gw0", "PYTEST_XDIST_TESTRUNUID": "outer"}])
def test_a_comparison_that_a_test_starts_is_a_run_of_its_own(zoo, tmp_path, around):
    """It is a child of the process that concludes, and no worker of it, whatever it inherited."""
    inner = zoo.project(tmp_path / "inner", "good", "shifted")
    outer = zoo.project(tmp_path / "outer", "good", "rewritten")
    command = ", ".join(map(repr, ("-m", "pytest", *plugin(), "--compare-to=baseline")))
    (outer / "test_own.py").write_text(
        "import subprocess, sys\n"
        "def test_inner():\n"
        f"    done = subprocess.run([sys.executable, {command}], cwd={str(inner)!r})\n"
        "    assert done.returncode == 1\n"
    )
    done = run_pytest(outer, "--compare-to=baseline", "-p", "no:xdist", **around)
    assert done.code == 0, done.out
    assert json.loads((inner / "reports" / "verdict.json").read_text())["verdict"] == "FAIL"
