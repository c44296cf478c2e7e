"""However pytest spreads, shuffles or selects the items: the same result, or INCONCLUSIVE with the reason."""

from __future__ import annotations

import json
import os

import pytest

from .running import run_harness, run_pytest, run_pytest_with_all

COMPARE = "--compare-to=baseline"
SEARCH = '[[inputs]]\nname = "search"\ngenerate = { rows = 300, seed = 3 }'
SPREAD = [
    *(("-n", "2", "--dist", mode) for mode in ("load", "loadscope", "loadfile", "loadgroup", "worksteal")),
    ("-n", "2", "--dist", "no"),
    ("--tx", "2*popen", "--dist", "each"),
]
# each takes several starts of pytest: `tox -e spread` kills a worker in every mode; the fourth hung once
KILLED_IN = SPREAD if os.environ.get("HARNESS_EVERY_SPREAD") else (SPREAD[0], SPREAD[3], SPREAD[-1])
NAMES = [" ".join(arguments[2:]) if "--dist" in arguments[2] else " ".join(arguments) for arguments in SPREAD]


@pytest.fixture(scope="module")
def alone(zoo, tmp_path_factory):
    """A project that passes, and what one process said of it."""
    return made(zoo, tmp_path_factory, "rewritten", 0)


@pytest.fixture(scope="module")
def failing(zoo, tmp_path_factory):
    """One that fails."""
    return made(zoo, tmp_path_factory, "shifted_at_13", 1)


def made(zoo, tmp_path_factory, candidate, code):
    project = zoo.project(tmp_path_factory.mktemp(candidate), "good", candidate, settings=SEARCH)
    (project / "test_own.py").write_text("".join(f"def test_{n}(): pass\n" for n in range(6)))
    done = run_pytest(project, COMPARE)
    assert done.code == code, done.out
    return project, done


def result(project):
    return json.loads((project / "reports" / "report.json").read_text())["result"]


@pytest.mark.parametrize("spread", SPREAD, ids=NAMES)
def test_every_way_of_spreading_gives_the_same_result(alone, spread):
    project, one = alone
    done = run_pytest(project, COMPARE, *spread)
    assert done.code == one.code, done.out
    assert done.verdict["result_digest"] == one.verdict["result_digest"]
    # no case twice, whoever ran which item how often
    assert done.verdict["accounting"] == one.verdict["accounting"]
    assert result(project)["planned"] == 320


@pytest.mark.parametrize("spread", [SPREAD[0], SPREAD[-1]])
def test_a_failure_stays_one(failing, spread):
    project, one = failing
    done = run_pytest(project, COMPARE, *spread)
    assert done.code == one.code, done.out
    assert done.verdict["result_digest"] == one.verdict["result_digest"]
    assert done.verdict["accounting"] == one.verdict["accounting"]


@pytest.mark.parametrize(("seed", "spread"), [("1", ()), ("2", ("-n", "2"))])
def test_items_that_are_shuffled_give_the_same_result(alone, seed, spread):
    project, one = alone
    done = run_pytest_with_all(project, COMPARE, f"--randomly-seed={seed}", *spread)
    assert f"Using --randomly-seed={seed}" in done.out
    assert done.code == one.code, done.out
    assert done.verdict["result_digest"] == one.verdict["result_digest"]


KILLED = """
import os, pathlib, signal, pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    mark = pathlib.Path(__file__).with_name("killed")
    if item.name == "values" and os.environ.get("PYTEST_XDIST_WORKER") and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("spread", KILLED_IN)
def test_a_killed_worker_is_named_and_never_passes(zoo, tmp_path, spread):
    project = zoo.project(tmp_path, "good", "rewritten")
    (project / "conftest.py").write_text(KILLED)
    done = run_pytest(project, COMPARE, *spread)
    assert (project / "killed").exists()
    assert done.code == 10, done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    assert "E12 gw" in done.verdict["reason"]
    assert run_harness(project, "verify").code == 10


def test_where_no_worker_starts_nothing_was_compared(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten")
    (project / "conftest.py").write_text(
        "import os\nif os.environ.get('PYTEST_XDIST_WORKER'):\n    raise RuntimeError('not here')\n"
    )
    done = run_pytest(project, COMPARE, "-n", "2")
    assert done.code != 0, done.out
    assert done.verdict["verdict"] != "PASS"
    assert run_harness(project, "verify").code == 10


@pytest.mark.parametrize(
    ("option", "spread"), [("-x", ()), ("--maxfail=1", ("-n", "2")), ("-x", ("-n", "2"))]
)
def test_stopping_at_the_first_failure_is_no_pass(zoo, tmp_path, option, spread):
    project = zoo.project(tmp_path, "good", "rewritten", settings=SEARCH)
    (project / "test_own.py").write_text("def test_own(): assert False\n")
    done = run_pytest(project, COMPARE, option, *spread)
    assert done.code in (1, 2), done.out
    assert done.verdict["verdict"] == "FAIL"
    assert run_harness(project, "verify").code == 1


@pytest.mark.parametrize("option", ["-x"])
def test_it_stops_nothing_where_nothing_fails(alone, option):
    project, one = alone
    done = run_pytest(project, COMPARE, option)
    assert done.code == one.code, done.out
    assert done.verdict["verdict"] == one.verdict["verdict"]


def test_the_last_failures_alone_are_a_partial_run(zoo, tmp_path):
    """`--lf` after a mended failure runs what failed, and nothing else; `--ff` runs it first, and then the rest."""
    project = zoo.project(tmp_path, "good", "rewritten")
    own = project / "test_own.py"
    own.write_text("def test_own(): assert False\n")
    assert run_pytest_with_all(project, COMPARE, "-p", "no:randomly").code == 1
    own.write_text("def test_own(): pass\n")
    done = run_pytest_with_all(project, COMPARE, "-p", "no:randomly", "--lf")
    assert done.code == 10, done.out
    assert "E11 partial run: 0 of 3 checks ran" in done.verdict["reason"]
    whole = run_pytest_with_all(project, COMPARE, "-p", "no:randomly", "--ff")
    assert whole.code == 0, whole.out


@pytest.mark.parametrize(
    ("words", "spread"), [("not faults", ()), ("rows", ("-n", "2")), ("search or structure", ())]
)
def test_a_selection_by_words_is_a_partial_run(alone, spread, words):
    project, _ = alone
    done = run_pytest(project, COMPARE, "-k", words, *spread)
    assert done.code == 10, done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    faults = [fault["code"] for fault in result(project)["faults"]]
    assert "E11" in faults
