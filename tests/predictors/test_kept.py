"""Environments that are kept: what is told of them, and that what somebody uses is never taken away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import Exit
from harness.predictors import environments, holding, kept
from harness.predictors.environments import python_for
from harness.predictors.kept import Kept

USES = """
import sys
from harness.predictors.environments import python_for
print(python_for(sys.argv[1], "", None, sys.argv[2]), flush=True)
sys.stdin.read()
"""
"""A process that uses an environment until its input ends."""

OFTEN = """
import subprocess, sys
from harness.predictors import holding
from harness.predictors.environments import python_for
python = python_for("", "", None, "often")
for _ in range(3):
    subprocess.run([str(python), "-c", "import encodings, json"], check=True)
"""
"""A process that must find what it was promised, however often it looks."""

PRUNES = """
import sys
from pathlib import Path
from harness.cli import main
while not Path(sys.argv[1]).exists():
    assert main(["environments", "prune", "--unused"]) == 0
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MODEL_HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def used_by_another(lock: str, purpose: str) -> tuple[subprocess.Popen[str], Path]:
    process = started(USES, lock, purpose)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip()).parents[1]


def left(lock: str = "", purpose: str = "") -> Path:
    """An environment that nobody uses any more: let go as it is when a process ends."""
    folder = python_for(lock, purpose=purpose).parents[1]
    os.close(holding._held.pop(folder.with_name(folder.name + holding.SUFFIX)))
    return folder


def ran(*words: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert main(["environments", *words]) == Exit.PASS
    return capsys.readouterr().out.splitlines()


def test_it_is_told_what_each_is_for(own_cache, capsys):
    left("", "prices 1.0.0")
    left("", "prices 1.1.0")
    left("# another lock\n", "odd\x1b[31m \u202ename")
    header, *lines = ran("ls", capsys=capsys)
    assert header.split() == ["SIZE", "LAST", "USED", "PYTHON", "PACKAGES", "STATE", "FOR"]
    assert lines[0].endswith("idle   odd name")
    assert lines[1].endswith("idle   prices 1.1.0, prices 1.0.0")
    assert "just now" in lines[0]
    assert "CPython {}.{}.{}".format(*sys.version_info) in lines[0]
    assert lines[3].startswith("2 environments, ")
    (one, other) = json.loads("\n".join(ran("ls", "--format", "json", capsys=capsys)))
    assert other["purposes"] == ["prices 1.0.0", "prices 1.1.0"]
    assert other["lock"] != one["lock"]
    du = subprocess.run(["du", "-s", "-B1", other["folder"]], capture_output=True, text=True, check=True)
    folders = sum(4096 for _ in Path(other["folder"]).rglob("*")) + 4096
    assert other["size"] <= int(du.stdout.split()[0]) <= other["size"] + folders


def test_an_empty_cache_has_nothing_to_tell(own_cache, capsys):
    assert ran("ls", capsys=capsys) == [f"0 environments, 0 B, in {own_cache / 'environments'}"]
    assert ran("prune", "--unused", capsys=capsys) == ["nothing to remove"]
    assert not own_cache.exists()


def test_one_that_another_process_uses_stays_until_that_process_ends(own_cache, capsys):
    process, folder = used_by_another("", "busy 1.0")
    try:
        assert kept.environments()[0].state == "in use"
        assert ran("prune", "--unused", capsys=capsys) == ["1 in use, kept", "nothing to remove"]
        assert ran("prune", "--max-size", "1", capsys=capsys) == ["1 in use, kept", "nothing to remove"]
        assert (folder / "bin" / "python").exists()
    finally:
        # the kernel gives the lock back, however a process ends
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert kept.environments()[0].state == "idle"
    said = ran("prune", "--unused", capsys=capsys)
    assert said[0].startswith(f"removed: {folder.name[:12]} (")
    assert said[0].endswith("for busy 1.0)")
    assert list((own_cache / "environments").iterdir()) == []


def test_one_that_this_process_uses_stays(capsys):
    python = python_for("")
    assert ran("prune", "--unused", capsys=capsys) == ["1 in use, kept", "nothing to remove"]
    assert python.exists()


def test_one_that_runs_stays_though_nobody_holds_it(capsys):
    """A harness of yesterday held nothing; somebody may try a model by hand."""
    folder = left()
    with subprocess.Popen(
        [str(folder / "bin" / "python"), "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert ran("prune", "--unused", capsys=capsys) == ["1 in use, kept", "nothing to remove"]
        finally:
            process.communicate(b"\n")
    assert len(ran("prune", "--unused", capsys=capsys)) == 2


def test_what_was_removed_is_made_again(capsys):
    folder = left("", "prices 1.0.0")
    ran("prune", "--unused", capsys=capsys)
    assert not folder.exists()
    said: list[str] = []
    assert python_for("", progress=said.append).parents[1] == folder
    assert said
    assert subprocess.run([str(folder / "bin" / "python"), "-c", ""], check=False).returncode == 0


def test_a_dry_run_removes_nothing(own_cache, capsys):
    folder = left("", "prices 1.0.0")
    before = sorted(path for path in own_cache.rglob("*"))
    said = ran("prune", "--unused", "--dry-run", capsys=capsys)
    assert said[0].startswith(f"would be removed: {folder.name[:12]} (")
    assert said[1].endswith("would be freed")
    assert sorted(path for path in own_cache.rglob("*")) == before


def test_age_is_since_it_was_used_last_and_looking_is_no_use(capsys):
    old, new = left("# old\n"), left("# new\n")
    for folder in (old, new):
        # made long ago, both
        os.utime(folder, (1, 1))
    month = time.time() - 31 * 86400
    os.utime(f"{old}{holding.SUFFIX}", (month, month))
    ran("ls", capsys=capsys)
    said = ran("prune", "--older-than", "30d", capsys=capsys)
    assert [line.split()[1] for line in said[:-1]] == [old.name[:12]]
    assert (old.exists(), new.exists()) == (False, True)


def test_one_of_an_older_harness_is_as_old_as_it_is(capsys):
    folder = left()
    Path(f"{folder}{holding.SUFFIX}").unlink()
    os.utime(folder, (1, 1))
    for _ in range(2):
        assert "days ago" in ran("ls", capsys=capsys)[1]


def test_what_can_no_longer_run_goes_without_being_asked_for(own_cache, capsys):
    gone, unmarked, fine = left("# a\n"), left("# b\n"), left("# c\n")
    (gone / "bin" / "python").unlink()
    (gone / "bin" / "python").symlink_to("/nowhere/python")
    (unmarked / environments.MARK).unlink()
    said = ran("prune", capsys=capsys)
    assert {line.split()[1] for line in said[:-1]} == {gone.name[:12], unmarked.name[:12]}
    assert fine.exists()


def test_what_a_killed_maker_left_goes_and_what_a_living_one_makes_stays(own_cache, capsys):
    process, folder = used_by_another("", "")
    half = folder.with_name(folder.name[:12] + "-abc123")
    half.mkdir()
    (half / "file").write_text("x")
    doomed = folder.with_name(kept.DOOMED + "0123")
    doomed.mkdir()
    assert ran("prune", capsys=capsys)[0].startswith(f"removed: {doomed.name} (")
    assert half.exists()
    process.communicate("")
    assert ran("prune", capsys=capsys)[0].startswith(f"removed: {half.name} (")
    assert folder.exists()
    assert not half.exists()


def test_a_cache_that_was_deleted_by_hand_is_held_anew(own_cache):
    python = python_for("")
    subprocess.run(["rm", "-r", str(own_cache)], check=True)
    assert python_for("") == python
    assert [one.state for one in kept.environments()] == ["in use"]


def test_who_waited_while_it_was_removed_holds_what_is_looked_at_afterwards(own_cache):
    """A lock on a file that was removed meanwhile locks nothing."""
    folder = own_cache / "environments" / ("0" * 32)
    folder.mkdir(parents=True)
    with holding.alone(folder) as free:
        assert free
        waiting = threading.Thread(target=holding.hold, args=(folder,))
        waiting.start()
        time.sleep(0.2)
        holding.forget(folder)
    waiting.join()
    with holding.alone(folder) as free:
        assert not free


def test_makers_and_pruners_at_once_leave_every_user_what_it_was_given(own_cache):
    """Whoever was given an interpreter can run it, although three others remove all that they can get."""
    enough = own_cache.parent / "enough"
    pruners = [started(PRUNES, str(enough)) for _ in range(2)]
    users = []
    try:
        for _ in range(3):
            some = [started(OFTEN) for _ in range(2)]
            users += [(one, *one.communicate("")) for one in some]
    finally:
        enough.touch()
        pruned = [one.communicate("") for one in pruners]
    for user, _, trouble in users:
        assert user.returncode == 0, trouble
    for one, (out, trouble) in zip(pruners, pruned, strict=True):
        assert one.returncode == 0, trouble
        assert trouble == "", out
    # it was no idle race
    assert any("removed: " in out for out, _ in pruned)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--older-than", "30"), "30 is no age"),
        (("--older-than", "-1d"), "-1d is no age"),
        (("--max-size", "5GB"), "5GB is no size"),
        (("--max-size", "much"), "much is no size"),
    ],
)
def test_what_is_no_limit_removes_nothing(words, said, capsys):
    folder = left()
    option, value = words
    assert main(["environments", "prune", "--unused", f"{option}={value}"]) == Exit.USAGE
    assert capsys.readouterr().err.startswith(said)
    assert folder.exists()


SOME = st.lists(
    st.builds(
        lambda number, size, used, state: Kept(
            Path(f"{number:032x}"), size, size, float(used), "", "", None, "", (), state
        ),
        st.integers(0, 2**64), st.integers(0, 100), st.integers(0, 1000),
        st.sampled_from(["in use", "idle", "broken", "left over"]),
    ),
    max_size=8, unique_by=lambda one: one.folder,
)  # fmt: skip


@given(
    found=SOME,
    older=st.none() | st.integers(0, 1000),
    largest=st.none() | st.integers(0, 500),
    unused=st.booleans(),
)
def test_what_goes(found, older, largest, unused):
    going = kept.to_prune(found, 1000.0, older=older, largest=largest, unused=unused)
    stays = [one for one in found if one not in going]
    assert not [one for one in going if one.state == "in use"]
    assert not [one for one in stays if one.state in ("broken", "left over")]
    idle = [one for one in stays if one.state == "idle"]
    if unused:
        assert idle == []
    if older is not None:
        assert all(1000 - one.used <= older for one in idle)
    if largest is not None:
        assert sum(one.size for one in stays) <= largest or idle == []
    forced = [
        one for one in going
        if one.state == "idle" and not unused and not (older is not None and 1000 - one.used > older)
    ]  # fmt: skip
    if forced:
        assert largest is not None
        # the ones used longest ago, and not one more than is needed
        assert all(one.used <= other.used for one in forced for other in idle)
        last = max(forced, key=lambda one: one.used)
        assert (
            sum(one.size for one in stays) + sum(one.size for one in forced if one.used == last.used)
            > largest
        )
