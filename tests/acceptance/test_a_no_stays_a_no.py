"""Nothing that a conftest, a plugin, git, PATH or a second run does turns a no into a yes, or hides one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from harness.run import tombstone

from .running import environment, plugin, run_harness, run_pytest

COMPARE = "--compare-to=baseline"
OWN = "def test_own(): pass\n"


@pytest.fixture
def project(zoo, tmp_path):
    """One that passes where nobody meddles."""
    made = zoo.project(tmp_path, "good", "rewritten", xs=[1, 2, 13])
    (made / "test_own.py").write_text(OWN)
    return made


@pytest.fixture
def refused(zoo, tmp_path):
    """One whose candidate answers something else."""
    made = zoo.project(tmp_path, "good", "shifted", xs=[1, 2])
    (made / "test_own.py").write_text(OWN)
    return made


def never_released(folder, done, code):
    """The verdict is no PASS, and the step after it says so with this code and a next command."""
    assert done.verdict is None or done.verdict["verdict"] != "PASS", done.out
    after = run_harness(folder, "verify")
    assert after.code == code, after.out
    assert "next: " in after.out
    assert "Traceback" not in after.out


SKIPPING = """
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip)
"""
AT_THE_END = "import os, pytest\n@pytest.hookimpl({how})\ndef pytest_sessionfinish(session):\n    {what}\n"


@pytest.mark.parametrize("how", ["tryfirst=True", "trylast=True"])
@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("session.exitstatus = 0", 1, "DO NOT RELEASE: 2 of 2 rows"),
        ("pytest.exit('enough', returncode=0)", 1, "DO NOT RELEASE: 2 of 2 rows"),
        ("raise RuntimeError('broken plugin')", 1, "RuntimeError: broken plugin"),
    ],
)
def test_the_last_hook_of_a_session_does_not_undo_a_failure(refused, how, what, code, words):
    (refused / "conftest.py").write_text(AT_THE_END.format(how=how, what=what))
    done = run_pytest(refused, COMPARE)
    assert done.code == code, done.out
    assert words in done.out
    assert done.verdict["verdict"] == "FAIL"
    never_released(refused, done, 1)


@pytest.mark.parametrize("spread", [(), ("-n", "2")])
def test_a_wrapper_around_ours_that_sets_the_exit_code_is_overruled(refused, spread):
    (refused / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_sessionfinish(session):\n"
        "    yield\n"
        "    session.exitstatus = 0\n"
    )
    done = run_pytest(refused, COMPARE, *spread)
    assert done.code == 1, done.out


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("pytest.exit('enough', returncode=0)", 10, "E09 a hook ended the session early: Exit"),
        ("raise RuntimeError('broken plugin')", 1, "RuntimeError: broken plugin"),
        ("session.exitstatus = 1", 1, "DO NOT RELEASE: pytest ended with code 1, though no test failed"),
        ("session.exitstatus = 70", 70, "CANNOT SAY: pytest ended with code 70, though no test failed"),
        ("session.testsfailed = 3; session.exitstatus = 1", 1, "DO NOT RELEASE"),
    ],
)
def test_what_the_end_of_a_session_says_is_heard(project, what, code, words):
    """Too little coverage, for one, is a plugin's no that no test said."""
    (project / "conftest.py").write_text(AT_THE_END.format(how="tryfirst=True", what=what))
    done = run_pytest(project, COMPARE)
    assert done.code == code, done.out
    assert words in done.out
    never_released(project, done, 1 if done.verdict["verdict"] == "FAIL" else 10)


def test_a_failing_test_whose_process_leaves_with_0(project):
    (project / "test_own.py").write_text(
        "import atexit, os\ndef test_own():\n    atexit.register(os._exit, 0)\n    assert False\n"
    )
    done = run_pytest(project, COMPARE)
    assert done.code == 0
    never_released(project, done, 1)


@pytest.mark.parametrize(
    "hook",
    [
        "@pytest.hookimpl(trylast=True)\ndef pytest_runtest_teardown(item):\n    assert not ours(item)\n",
        "def pytest_runtest_setup(item):\n    assert not ours(item)\n",
        "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_call(item):\n    yield\n    assert not ours(item)\n",
    ],
)
def test_an_item_of_the_gate_that_fails_by_somebody_elses_hook_forbids_a_pass(project, hook):
    (project / "conftest.py").write_text(
        f"import pytest\ndef ours(item):\n    return item.name == 'values'\n{hook}"
    )
    done = run_pytest(project, COMPARE)
    assert done.code == 1, done.out
    assert done.verdict["verdict"] == "FAIL"
    assert "ordinary test" in done.verdict["reason"]


@pytest.mark.parametrize(
    ("conftest", "words"),
    [
        ("def pytest_collection_modifyitems(items):\n    items[:] = []\n", "E11 partial run: 0 of 3 checks"),
        ("def pytest_collection_modifyitems(items):\n    del items[0]\n", "E11 partial run: 2 of 3 checks"),
        (SKIPPING, "E11 partial run: 0 of 3 checks"),
        ("collect_ignore_glob = ['*.toml']\n", "E11 partial run: 0 of 3 checks"),
        ("def pytest_runtestloop():\n    return True\n", "E11"),
        ("def pytest_runtest_protocol():\n    return True\n", "E11"),
        ("def pytest_cmdline_main():\n    return 0\n", "E09 run not finished"),
    ],
)
def test_items_that_a_conftest_takes_away_are_missed(project, conftest, words):
    (project / "conftest.py").write_text(conftest)
    done = run_pytest(project, COMPARE)
    never_released(project, done, 10)
    assert words in done.verdict["reason"]


def test_an_expected_failure_of_an_item_is_a_failure(refused):
    (refused / "conftest.py").write_text(
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.xfail)\n"
    )
    done = run_pytest(refused, COMPARE)
    assert done.code == 1, done.out
    never_released(refused, done, 1)


@pytest.mark.parametrize("name", ["model-harness-gate", "model-harness-fixtures"])
def test_the_gate_cannot_be_switched_off_by_name_while_a_comparison_is_asked_for(project, name):
    done = run_pytest(project, COMPARE, "-p", f"no:{name}")
    assert done.code == 4, done.out
    never_released(project, done, 10)


@pytest.mark.parametrize("name", ["terminal", "logging", "junitxml", "skipping", "unraisableexception"])
def test_without_a_plugin_of_pytest_the_verdict_is_the_same(project, name):
    done = run_pytest(project, COMPARE, "-p", f"no:{name}")
    assert done.code == 0, done.out
    assert done.verdict["verdict"] == "PASS"


def test_e16_without_the_plugin_there_is_no_verdict(project):
    """Absent: the option is unknown. Disabled: nothing was compared, and no file says that anything was."""
    command = [sys.executable, "-m", "pytest", "-p", "no:model_harness"]
    blocked = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    absent = subprocess.run(
        [*command, COMPARE], cwd=project, env=blocked, capture_output=True, text=True, check=False
    )
    assert absent.returncode == 4
    assert "--compare-to" in absent.stderr
    without = subprocess.run(command, cwd=project, env=blocked, capture_output=True, check=False)
    assert without.returncode == 0
    done = run_harness(project, "verify")
    assert done.code == 10
    assert done.lines[0].startswith("E16 no verdict file")


@pytest.mark.parametrize("option", ["--co", "--fixtures", "--help", "--setup-plan", "--setup-only"])
def test_an_option_that_runs_nothing_leaves_no_pass(project, option):
    never_released(project, run_pytest(project, COMPARE, option), 10)


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "echo nonsense",
        "pwd",
        'case "$1" in rev-parse) pwd;; *) echo x;; esac',
        "exit 3",
        "echo 'fatal: not a git repository (or any of the parent directories): .git' >&2; exit 128",
    ],
)
def test_another_git_in_the_path_binds_a_verdict_to_nothing(project, git, tmp_path, script):
    git(project)
    folder = tmp_path.parent / f"{tmp_path.name}-bin"
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    done = run_pytest(project, COMPARE, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert done.code == 10, done.out
    assert "E17 git " in done.verdict["reason"]
    never_released(project, done, 10)


def test_a_git_hook_of_another_repository_does_not_choose_the_tree(project, git, tmp_path):
    """In a hook git names its own repository to every child."""
    git(project)
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "file").write_text("another repository")
    git(other)
    (project / ".gitignore").write_text((project / ".gitignore").read_text() + "elsewhere/\n")
    git(project)
    done = run_pytest(project, COMPARE, GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other))
    assert done.code == 0, done.out
    assert run_harness(project, "verify").code == 0


def test_e09_two_runs_in_one_folder_at_once(project):
    with tombstone.held(project / "reports"):
        for done in (run_pytest(project, COMPARE), run_harness(project, "compare", "--to=baseline")):
            assert done.code == 4, done.out
            assert "E09 run not finished: another run is writing its reports here" in done.out
            assert done.verdict is None
    done = run_pytest(project, COMPARE)
    assert done.code == 0, done.out
    kept = (project / "reports" / "verdict.json").read_bytes()
    with tombstone.held(project / "reports"):
        assert run_harness(project, "judge", "last").code == 4
    assert (project / "reports" / "verdict.json").read_bytes() == kept


def test_a_hand_over_that_cannot_be_read_is_no_answer(project):
    (project / "conftest.py").write_text(
        "import pathlib\n"
        "def pytest_sessionfinish(session):\n"
        "    if not hasattr(session.config, 'workerinput'):\n"
        "        for path in pathlib.Path('reports').rglob('state.json'):\n"
        "            path.write_text(path.read_text()[:100])\n"
    )
    done = run_pytest(project, COMPARE, "-n", "2")
    assert done.code == 10, done.out
    assert "E13 ledger mismatch: what was counted cannot be read" in done.verdict["reason"]


def test_e17_a_stale_verdict_that_is_copied_in(project, git):
    git(project)
    assert run_pytest(project, COMPARE).code == 0
    kept = shutil.copytree(project / "reports", project.parent / f"{project.name}-kept")
    (project / "README").write_text("a later tree")
    git(project)
    done = run_pytest(project, COMPARE, "-k", "values")
    assert done.code == 10
    shutil.copy(kept / "verdict.json", project / "reports")
    alone = run_harness(project, "verify")
    assert alone.code == 10, alone.out
    assert "E17 " in alone.out
    shutil.copytree(kept, project / "reports", dirs_exist_ok=True)
    whole = run_harness(project, "verify")
    assert whole.code == 10, whole.out
    assert "E17 the verdict is for tree" in whole.out


def test_e18_a_pipeline_that_swallows_the_exit_code_is_stopped_by_the_next_step(refused):
    command = " ".join([sys.executable, "-m", "pytest", *plugin(), "-p", "no:randomly", COMPARE])
    for swallowed in (f"{command} || true", f"{command} | tee log.txt"):
        done = subprocess.run(
            ["sh", "-c", swallowed], cwd=refused, env=environment(), capture_output=True, check=False
        )
        assert done.returncode == 0
        assert run_harness(refused, "verify").code == 1


def test_e19_a_gate_that_was_skipped_has_no_verdict_file(project):
    done = run_harness(project, "verify")
    assert done.code == 10
    assert "next: run pytest --compare-to=previous" in done.out


def places(data, path=()):
    """Every leaf and every table of a JSON document."""
    if path:
        yield path
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def edited(value):
    """Something else in its place, as near to it as can be."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return {"x": 1} if value is None else None


@pytest.mark.parametrize("name", ["verdict.json", "report.json"])
def test_an_edit_of_any_single_field_is_refused(project, git, name, monkeypatch):
    """Each field of both files is changed and, in its turn, removed."""
    from harness import settings as configuration
    from harness.errors import HarnessError
    from harness.run.verify import verify

    git(project)
    assert run_pytest(project, COMPARE).code == 0
    settings = configuration.load(project / "harness.toml")
    reports = project / "reports"
    assert verify(settings, reports)[0]["verdict"] == "PASS"
    path = reports / name
    text = path.read_text()
    found = list(places(json.loads(text)))
    assert len(found) > 30
    # the tree is asked for anew each time, and no edit in the reports' folder changes it
    from harness.run import verify as module

    tree = module.tree_of(project, reports)
    monkeypatch.setattr(module, "tree_of", lambda root, folder: tree)
    for place in found:
        for remove in (False, True):
            data = json.loads(text)
            table = data
            for key in place[:-1]:
                table = table[key]
            if remove:
                del table[place[-1]]
            else:
                table[place[-1]] = edited(table[place[-1]])
            path.write_text(json.dumps(data))
            with pytest.raises(HarnessError) as caught:
                verify(settings, reports)
            assert caught.value.hint, place
            assert caught.value.exit != 0
    path.write_text(text)
    assert verify(settings, reports)[0]["verdict"] == "PASS"
