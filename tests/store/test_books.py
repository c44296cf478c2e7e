"""Catalogue and ledger held against each other, and channels that let nothing past a comparison."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from harness import store
from harness.errors import Exit, HarnessError
from harness.store import Act, blobs, catalogue, ledger, promotion, upkeep
from harness.store.place_folder import Folder

WHY = Act("me", "why")


@pytest.fixture
def place(tmp_path):
    return Folder(tmp_path / "baselines")


@pytest.fixture
def release(place, tmp_path):
    """`release("1.0.0")`: release a wheel that holds its number, compared with the newest of its channel."""

    def do(version, *, channel="staging", verdict="PASS", act=WHY, against=None, **changes):
        wheel = tmp_path / f"m-{version.strip('./')}.whl"
        wheel.write_bytes(version.encode())
        line = catalogue.read(place).of("m", channel)
        sha256 = blobs.put(place, version.encode())
        before = line[-1].sha256 if line else None
        if before and verdict:
            body = {
                "verdict": verdict,
                "baseline": {"sha256": against or before},
                "candidate": {"sha256": sha256},
            }
            act = replace(act, carry=[ledger.event("verdict", "m", channel, {**body, "run_id": version})])
        known = {
            "model": "m", "channel": channel, "wheel": wheel, "sha256": sha256, "version": version, "identity": "i",
            "outcomes": {"rows": f"answers of {version}".encode()}, "first": before is None,
            "expected_previous": before, "commit": "", "evidence": "e", "act": act,
        }  # fmt: skip
        return store.release(place, **{**known, **changes})

    return do


def promote(place, *, first=False, act=WHY):
    return store.promote(place, "m", "staging", "production", first=first, act=act)


def rollback(place, version="", act=WHY):
    return store.rollback(place, "m", "staging", version, act=act)


def damage(place):
    return [found.words for found in upkeep.check(place) if found.damage]


def content(place):
    return {
        path: path.read_bytes() for path in place.root.rglob("*") if path.is_file() and path.name != ".lock"
    }


def refused(place, words, *arguments, **how):
    """It is damage to fsck, and no command writes."""
    before = content(place)
    for command in (rollback, lambda place: promote(place, first=True)):
        with pytest.raises(HarnessError, match=f"^E46 .*{words}") as caught:
            command(place)
        assert caught.value.exit == Exit.STORE
    assert content(place) == before
    assert damage(place)


class TestHeldAgainstEachOther:
    @pytest.fixture(autouse=True)
    def three(self, release):
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            release(version)

    def rewrite(self, place, change):
        known = catalogue.read(place)
        catalogue.write(place, replace(known, releases=tuple(change(list(known.releases)))))

    @pytest.mark.parametrize("lines", [0, 1, 2, 4])
    def test_a_ledger_cut_at_the_end_of_a_line(self, place, lines):
        path = place.root / ledger.FILE
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
        refused(place, "the ledger is not the one of release")

    @pytest.mark.parametrize(
        "key", ["version", "identity", "reason", "commit", "evidence", "channel", "model"]
    )
    def test_an_entry_that_was_edited(self, place, key):
        known = catalogue.read(place).releases[1]
        self.rewrite(place, lambda line: [line[0], replace(known, **{key: "another"}), line[2]])
        with pytest.raises(HarnessError, match=r"^E46 .* was changed: the ledger tells of it otherwise"):
            rollback(place)
        assert damage(place)

    def test_recorded_answers_that_were_exchanged(self, place):
        """The blobs are whole, and the entry names those of another release."""
        self.rewrite(place, lambda line: [*line[:2], replace(line[2], outcomes=line[0].outcomes)])
        refused(place, "was changed: the ledger tells of it otherwise")

    @pytest.mark.parametrize("order", [[0, 2], [1, 0, 2], [0, 0, 1, 2], [0, 2, 1]], ids=str)
    def test_entries_that_are_gone_moved_or_doubled(self, place, order):
        self.rewrite(place, lambda line: [line[one] for one in order])
        refused(place, "")

    def test_entries_without_their_heads_are_no_store_from_before_the_ledger(self, place):
        """Else the next writer would call every release void."""
        self.rewrite(place, lambda line: [replace(one, ledger="") for one in line])
        refused(place, "the catalogue does not know of the release of 1.0.0")

    def test_one_entry_without_its_head(self, place):
        self.rewrite(place, lambda line: [*line[:2], replace(line[2], ledger="")])
        refused(place, "does not stand where the ledger tells of it")

    def test_a_rollback_without_a_head(self, place):
        self.rewrite(place, lambda line: [replace(line[0], ledger="", act="rollback"), *line[1:]])
        refused(place, "does not stand where")

    def test_a_change_that_was_cut_off_is_voided_by_the_next(self, place, release):
        self.rewrite(place, lambda line: line[:2])
        assert not damage(place)
        assert [found.words for found in upkeep.check(place) if "was cut off" in found.words]
        release("1.3.0")
        assert not damage(place)
        chain = ledger.checked(place, catalogue.read(place))
        assert [one.kind for one in chain.events][-3:] == ["void", "verdict", "release"]

    def test_an_unfinished_merge_is_named(self, place):
        path = place.root / catalogue.FILE
        path.write_bytes(b"<<<<<<< ours\n" + path.read_bytes() + b"=======\n>>>>>>> theirs\n")
        with pytest.raises(
            HarnessError, match="E46 the catalogue is an unfinished merge: two branches both released"
        ):
            catalogue.read(place)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "../1"), ("version", "1\n"), ("version", ""), ("channel", "a/b"), ("channel", "a\\b"),
        ("model", ".."), ("model", "a\x1b[31m"),
    ],
    ids=ascii,
)  # fmt: skip
def test_names_that_lead_astray_are_refused(place, release, key, value):
    release("1.0.0")
    old = (place.root / catalogue.FILE).read_bytes(), (place.root / ledger.FILE).read_bytes()
    number = value if key == "version" else "1.1.0"
    changes = {} if key == "version" else {key: value, "first": True}
    with pytest.raises(HarnessError, match="E54 refused") as caught:
        release(number, **changes)
    assert caught.value.exit == Exit.REFUSED
    assert old == ((place.root / catalogue.FILE).read_bytes(), (place.root / ledger.FILE).read_bytes())


@pytest.mark.parametrize("act", [Act("a\u202eb", "r"), Act("me", "\x1b]0;x\x07")], ids=str)
def test_texts_that_play_with_a_terminal_are_refused(place, release, act):
    with pytest.raises(HarnessError, match="E54 refused"):
        release("1.0.0", act=act)
    assert not (place.root / catalogue.FILE).exists()


class TestChannels:
    def test_small_steps_that_each_pass_are_no_comparison_of_the_ends(self, place, release):
        first = release("1.0.0")
        promote(place, first=True)
        release("1.1.0")
        release("1.2.0")
        with pytest.raises(
            HarnessError, match=r"E49 1\.2\.0 was not compared with 1\.0\.0, which production has"
        ):
            promote(place)
        release("1.3.0", against=first.sha256)
        assert promote(place).version == "1.3.0"

    def test_the_last_word_about_the_two_counts(self, place, release):
        release("1.0.0")
        promote(place, first=True)
        second = release("1.1.0")
        versions = {
            "baseline": {"sha256": catalogue.read(place).releases[0].sha256}, "candidate": {"sha256": second.sha256},
        }  # fmt: skip
        failed = ledger.event("verdict", "m", "staging", {"verdict": "FAIL", **versions})
        with pytest.raises(HarnessError, match=r"E49 1\.1\.0 failed against 1\.0\.0"):
            promote(place, act=replace(WHY, carry=[failed]))

    def test_going_back_twice_does_not_bring_back_what_was_left_first(self, place, release):
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            release(version)
        assert [rollback(place).version for _ in range(2)] == ["1.1.0", "1.0.0"]
        with pytest.raises(HarnessError, match="E48 staging has no older release"):
            rollback(place)
        release("1.3.0")
        assert rollback(place).version == "1.0.0"
        assert rollback(place, "1.2.0").version == "1.2.0"
        assert rollback(place).version == "1.0.0"
        assert not damage(place)

    @pytest.mark.parametrize("change", [promote, rollback])
    def test_recorded_answers_are_verified_too(self, place, release, change):
        release("1.0.0")
        promote(place, first=True)
        release("1.1.0")
        for one in catalogue.read(place).releases:
            place.local(blobs.name_of(place, one.outcomes["rows"])).write_bytes(b"x")
        with pytest.raises(HarnessError, match="E46 digest mismatch"):
            change(place)


WRITER = """
import os, signal, sys
from pathlib import Path
from harness import store
from harness.store import Act, catalogue
from harness.store.place_folder import Folder
root, name, turns, kill_at = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
place = Folder(Path(root))

def killing(call):
    def called(*arguments):
        global kill_at
        kill_at -= 1
        if kill_at == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return called

os.fsync, os.replace = killing(os.fsync), killing(os.replace)
act = Act(name, "why")
for turn in range(turns):
    if name == "promote":
        store.promote(place, "m", "staging", "production", first=False, act=act)
    elif name == "rollback":
        store.rollback(place, "m", "staging", "", act=act)
    else:
        store.promote(place, "m", "staging", f"{name}-{turn}", first=True, act=act)
print("done")
"""

TURNS = int(os.environ.get("HARNESS_STORE_TURNS", "5"))
"""Promotions of each of the eight writers; `tox -e store` makes it 50."""


def start(place, name, turns=1, kill_at=0):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(place.root), name, str(turns), str(kill_at)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


class TestAtOnce:
    def test_eight_writers_lose_no_promotion(self, place, release):
        release("1.0.0")
        writers = [start(place, f"writer{number}", TURNS) for number in range(8)]
        said = [writer.communicate(timeout=550) for writer in writers]
        assert [out.strip() for out, _ in said] == ["done"] * 8, said
        known = catalogue.read(place)
        assert len(known.releases) == 1 + 8 * TURNS
        assert len(ledger.checked(place, known).events) == 1 + 8 * TURNS
        assert not damage(place)

    @pytest.mark.parametrize("what", ["promote", "rollback"])
    def test_killed_before_any_step_the_old_or_the_new_is_there(self, place, release, what):
        """SIGKILL before the first fsync or rename, before the second, and so on, until nothing is left to kill."""
        release("1.0.0")
        promote(place, first=True)
        release("1.1.0")
        old = catalogue.read(place).releases
        for step in range(1, 20):
            process = start(place, what, kill_at=step)
            out, err = process.communicate(timeout=60)
            known = catalogue.read(place)
            assert not damage(place)
            if process.returncode == 0:
                assert out.strip() == "done", err
                assert len(known.releases) == len(old) + 1
                break
            assert process.returncode == -signal.SIGKILL, err
            assert known.releases[: len(old)] == old
            if known.releases != old:
                catalogue.write(place, replace(known, releases=old))
        assert step > 4
        chain = ledger.checked(place, catalogue.read(place))
        assert "void" in [one.kind for one in chain.events], "some were killed between ledger and catalogue"


def test_pruning_for_show_writes_nothing_at_all(tmp_path):
    place = Folder(tmp_path / "nowhere")
    assert list(upkeep.prune(place, dry_run=True)) == []
    assert not place.root.exists()


def test_the_catalogue_of_format_1_that_is_shipped_is_read(place, release):
    shipped = {"format": 1, "releases": [{**json.loads(json.dumps(_OLD)), "parent": "", "outcomes": {}}]}
    place.root.mkdir()
    (place.root / catalogue.FILE).write_text(json.dumps(shipped))
    assert ledger.checked(place, catalogue.read(place)).events == ()
    release("1.0.0", first=True)
    data = json.loads((place.root / catalogue.FILE).read_bytes())
    assert (data["format"], [one["ledger"][:2] for one in data["releases"]]) == (2, ["", "1:"])


_OLD = {
    "model": "older", "channel": "production", "version": "1.0.0", "sha256": "0" * 64, "file": "x.whl", "identity": "i",
    "released": "2026-11-23T16:33:14+00:00", "reason": "r", "by": "b", "commit": "c", "evidence": "first release",
}  # fmt: skip


def test_an_account_without_a_name_is_no_traceback(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(ledger.getpass, "getuser", nobody)
    assert ledger.event("verdict", "m", "c", {}).by == f"uid {os.getuid()}"
    assert promotion.check_plain("by", ledger.account(), "here") is None
