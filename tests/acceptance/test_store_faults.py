"""The store in trouble, as a user meets it: the code, the exit, the next command, and the old state untouched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile

import pytest

from .running import environment, run_harness, run_pytest

COMPARE = "--compare-to=previous"


@pytest.fixture
def released(zoo, tmp_path, git):
    """A project whose baseline is released, and whose candidate has passed."""
    made = zoo.project(tmp_path, "good", "rewritten")
    path = made / "harness.toml"
    text = path.read_text()
    wheel = next((made / "baseline").glob("*.whl")).name
    start = text.index("wheel:candidate/")
    path.write_text(text[:start] + f"wheel:baseline/{wheel}" + text[text.index('"', start) :])
    git(made)
    done = run_harness(made, "release", "--first", "--reason", "nothing to compare with")
    assert done.code == 0, done.out
    path.write_text(text)
    ignored = made / ".gitignore"
    # what the store holds is verified by digests, and these tests damage it after the verdict
    ignored.write_text(ignored.read_text() + "baselines/\n")
    subprocess.run(["git", "rm", "-rq", "--cached", "--ignore-unmatch", "baselines"], cwd=made, check=True)
    git(made)
    done = run_pytest(made, COMPARE)
    assert done.code == 0, done.out
    return made


def stands(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def refused(done, code, *words):
    assert done.code == code, done.out
    for word in words:
        assert word in done.out
    assert "next: " in done.out
    assert "Traceback" not in done.out


@pytest.mark.parametrize("command", ["pytest", "release"])
def test_e51_a_store_of_a_newer_format_is_left_alone(released, command):
    path = released / "baselines" / "catalogue.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"format": 999}))
    before = stands(released / "baselines")
    done = run_pytest(released, COMPARE) if command == "pytest" else run_harness(released, "release")
    refused(done, 4, "E51 the store has format 999")
    assert stands(released / "baselines") == before


def test_e46_a_catalogue_that_is_no_longer_one(released):
    path = released / "baselines" / "catalogue.json"
    path.write_text(path.read_text()[:-40])
    before = stands(released / "baselines")
    refused(run_harness(released, "release"), 11, "E46 ")
    refused(run_pytest(released, COMPARE), 11, "E46 ")
    assert stands(released / "baselines") == before


def test_e47_a_release_whose_wheel_is_gone(released):
    shutil.rmtree(released / "baselines" / "blobs")
    before = stands(released / "baselines")
    refused(run_harness(released, "release"), 11, "E47 blob ")
    refused(run_pytest(released, COMPARE), 11, "E47 blob ")
    assert stands(released / "baselines") == before


def test_e50_a_store_that_can_be_read_and_not_written(released):
    """A read-only mount where this user may mount; else a file lies where a folder has to be made."""
    store = released / "baselines"
    bind = [["mount", "--bind", str(store), str(store)], ["mount", "-o", "remount,bind,ro", str(store)]]
    mounted = all(subprocess.run(one, capture_output=True, check=False).returncode == 0 for one in bind)
    try:
        if not mounted:
            subprocess.run(["umount", str(store)], capture_output=True, check=False)
            digest = next((released / "candidate").glob("*.whl")).read_bytes()
            import hashlib

            (store / "blobs" / hashlib.sha256(digest).hexdigest()[:2]).write_text("in the way")
        before = stands(store)
        done = run_pytest(released, COMPARE)
        assert done.code == 0, done.out
        refused(run_harness(released, "release", "--reason", "faster"), 11, "E50 the store cannot be written")
        assert stands(store) == before
    finally:
        if mounted:
            subprocess.run(["umount", str(store)], capture_output=True, check=True)
    if mounted:
        assert run_harness(released, "release", "--reason", "faster").code == 0


def test_e49_of_two_releases_at_once_one_is_told_that_the_baseline_moved(released):
    command = [sys.executable, "-m", "harness.cli", "release", "--reason", "at once"]
    running = [
        subprocess.Popen(
            command,
            cwd=released,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    codes = sorted(process.returncode for process in running)
    # whoever comes later finds another previous, by its lock or already when it verifies, or its own version released
    assert codes in ([0, 11], [0, 10]), said
    told = ("E49 baseline moved", "E49 version 1.1.0 is released already", "E17 the verdict is for baseline")
    assert sum(any(one in words for one in told) for words in said) == 1, said
    releases = json.loads((released / "baselines" / "catalogue.json").read_text())["releases"]
    assert [one["version"] for one in releases] == ["1.0.0", "1.1.0"]


@pytest.mark.parametrize("name", ["../../outside.py", "..", "sub/../../../outside.py"])
def test_e54_a_wheel_that_leads_outside_is_not_opened(zoo, tmp_path, name):
    made = zoo.project(tmp_path, "good", "rewritten")
    wheel = next((made / "candidate").glob("*.whl"))
    with zipfile.ZipFile(wheel, "a") as archive:
        # where a wheel may hold what its manifest does not name
        archive.writestr(
            f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info/{name}", "raise SystemExit"
        )
    done = run_pytest(made, "--compare-to=baseline", MODEL_HARNESS_CACHE=str(tmp_path / "cache"))
    refused(done, 12, "E54 refused")
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    assert not list(tmp_path.rglob("outside.py"))
    assert run_harness(made, "verify").code == 10


@pytest.mark.parametrize("name", ["../rows", "a/b", "a\\u001b[31m", ".."])
def test_names_that_lead_elsewhere_are_refused(zoo, tmp_path, name):
    made = zoo.project(tmp_path, "good", "rewritten")
    path = made / "harness.toml"
    path.write_text(path.read_text().replace('name = "rows"', f'name = "{name}"'))
    done = run_pytest(made, "--compare-to=baseline")
    refused(done, 4, "cannot be the name of an input source")
    assert "\x1b" not in done.out


def test_e56_a_retrain_without_labels_cannot_be_said_to_be_no_worse(zoo, tmp_path):
    made = zoo.project(tmp_path, "good", "rewritten")
    path = made / "harness.toml"
    path.write_text(path.read_text().replace('target = "y"', ""))
    zoo.wheel(
        made / "candidate", "rewritten", version="1.1.0", data={"sha256": "e" * 64}, place=made,
        package=next((made / "candidate").glob("*.whl")).name.partition("-")[0],
    )  # fmt: skip
    done = run_pytest(made, "--compare-to=baseline")
    refused(done, 10, "E56 no labels: cannot say whether it is worse")
    assert run_harness(made, "verify").code == 10
