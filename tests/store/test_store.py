"""The store: verified at every read, replaced as a whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness import files, store, versions
from harness.errors import Exit, HarnessError
from harness.settings import Settings
from harness.store import blobs, catalogue, upkeep
from harness.store.place_folder import Folder

PATH = os.pathsep.join(sys.path)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "baselines"


@pytest.fixture
def release(zoo, tmp_path, place):
    """`release("1.0.0", first=True)`: release an animal under this number; `wheel` names another animal."""

    def do(
        number,
        *,
        animal="good",
        expected=None,
        first=False,
        channel="production",
        outcomes=None,
        dry_run=False,
    ):
        version = zoo.version(tmp_path / f"{animal}-{number}", animal, version=number)
        known = (
            {one.version: one.sha256 for one in catalogue.read(Folder(place)).releases} if expected else {}
        )
        return store.release(
            Folder(place), model="animal", channel=channel, wheel=Path(version.location), sha256=version.sha256,
            version=number, identity=version.digest, outcomes=outcomes or {}, first=first,
            expected_previous=known.get(expected, expected), commit="c" * 40, evidence="e",
            act=store.Act("me", "it is time", dry_run=dry_run),
        )  # fmt: skip

    return do


def settings(place, **changes):
    return Settings(path=place.parent / "harness.toml", root=place.parent, model="animal", **changes)


def previous(place, spec="previous", **changes):
    return versions.resolve(spec, settings(place, **changes), "baseline")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def raising(code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    return fail


class TestReleases:
    def test_the_first_and_the_next(self, release, place):
        first = release("1.0.0", first=True, outcomes={"rows": b"answers"})
        second = release("1.1.0", animal="rewritten", expected="1.0.0")
        assert [one.version for one in catalogue.read(Folder(place)).releases] == ["1.0.0", "1.1.0"]
        assert (first.parent, second.parent) == ("", first.sha256)
        assert blobs.verified(Folder(place), first.outcomes["rows"]).read_bytes() == b"answers"
        found = previous(place)
        assert (found.version, found.sha256, found.digest) == ("1.1.0", second.sha256, second.identity)
        assert found.why.startswith("the newest of 2 releases in channel production, released ")
        assert "by me: it is time" in found.why

    def test_by_number(self, release, place):
        release("1.0.0", first=True)
        release("1.1.0", animal="rewritten", expected="1.0.0")
        assert previous(place, "1.0.0").version == previous(place, "v1.0.0").version == "1.0.0"
        with pytest.raises(HarnessError, match=r'E48 no release "1.0.1" of animal') as caught:
            previous(place, "1.0.1")
        assert caught.value.hint == 'did you mean "1.0.0"?'

    def test_no_baseline(self, release, place):
        with pytest.raises(HarnessError, match="E48 no baseline; run harness release --first") as caught:
            previous(place)
        assert caught.value.exit == Exit.USAGE
        release("1.0.0", first=True)
        with pytest.raises(HarnessError, match="E48 no baseline"):
            previous(place, channel="staging")
        with pytest.raises(HarnessError, match="E48") as caught:
            versions.resolve("previous", Settings(place.parent / "h", place.parent, "other"), "baseline")
        assert "the store knows animal" in caught.value.hint

    def test_channels_are_lines_of_their_own(self, release, place):
        release("1.0.0", first=True)
        release("1.1.0", animal="rewritten", first=True, channel="staging")
        assert previous(place).version == "1.0.0"
        assert previous(place, channel="staging").version == "1.1.0"
        release("1.1.0", animal="rewritten", expected="1.0.0")
        assert previous(place).version == "1.1.0"

    def test_order_is_that_of_releasing_whatever_the_clock_says(self, release, place):
        release("1.0.0", first=True)
        release("1.1.0", animal="rewritten", expected="1.0.0")
        data = json.loads((place / catalogue.FILE).read_text())
        data["releases"][0]["released"] = "2099-01-01T00:00:00+00:00"
        (place / catalogue.FILE).write_text(json.dumps(data))
        assert previous(place).version == "1.1.0"

    def test_a_dry_run_writes_nothing(self, release, place):
        release("1.0.0", first=True)
        before = snapshot(place)
        assert release("1.1.0", animal="rewritten", expected="1.0.0", dry_run=True).version == "1.1.0"
        assert snapshot(place) == before


class TestRefusals:
    @pytest.fixture
    def refused(self, release, place):
        def of(code, words, *arguments, **how):
            before = snapshot(place) if place.is_dir() else {}
            with pytest.raises(HarnessError, match=f"^{code} .*{words}") as caught:
                release(*arguments, **how)
            assert caught.value.exit == Exit.STORE
            assert caught.value.hint
            after = snapshot(place) if place.is_dir() else {}
            after.pop(".lock", None)
            before.pop(".lock", None)
            assert after == before
            return caught.value

        return of

    def test_the_same_number_with_another_digest(self, release, refused):
        release("1.0.0", first=True)
        refused(
            "E49",
            "version 1.0.0 is released already, with another digest",
            "1.0.0",
            animal="rewritten",
            expected="1.0.0",
        )
        refused("E49", "with another digest", "1.0.0", animal="rewritten", first=True, channel="staging")

    def test_the_same_release_twice(self, release, refused):
        release("1.0.0", first=True)
        refused("E49", "version 1.0.0 is released already", "1.0.0", expected="1.0.0")

    def test_first_where_there_is_one(self, release, refused):
        release("1.0.0", first=True)
        refused(
            "E49",
            "animal has a release in production already: 1.0.0",
            "2.0.0",
            animal="rewritten",
            first=True,
        )

    def test_a_baseline_that_moved(self, release, refused):
        refused("E49", "baseline moved aaaaaaaaaaaa→no release", "1.1.0", expected="a" * 64)
        first = release("1.0.0", first=True).sha256[:12]
        release("1.1.0", animal="rewritten", expected="1.0.0")
        refused("E49", f"baseline moved {first}→1.1.0", "1.2.0", animal="shifted", expected="1.0.0")

    def test_a_baseline_that_has_the_number_of_the_newest_release_and_is_another(self, release, refused):
        release("1.0.0", first=True)
        refused("E49", "baseline moved bbbbbbbbbbbb→1.0.0", "1.1.0", animal="rewritten", expected="b" * 64)
        refused("E49", "baseline moved no wheel→1.0.0", "1.1.0", animal="rewritten", expected="")

    def test_a_wheel_that_changed_since_it_was_judged(self, zoo, tmp_path, place):
        path = zoo.wheel(tmp_path)
        given = {
            "model": "animal",
            "channel": "production",
            "wheel": path,
            "sha256": "0" * 64,
            "version": "1.0.0",
        }
        given |= {"identity": "i", "outcomes": {}, "first": True, "expected_previous": None}
        given |= {"commit": "", "evidence": "", "act": store.Act("", "")}
        with pytest.raises(HarnessError, match="E46 digest mismatch: the wheel changed since it was judged"):
            store.release(Folder(place), **given)
        path.unlink()
        with pytest.raises(HarnessError, match="E47 the wheel is gone"):
            store.release(Folder(place), **given)
        assert not place.exists()

    @pytest.mark.parametrize(
        ("number", "code", "words"),
        [
            (errno.ENOSPC, "E44", "no space writing baseline"),
            (errno.EDQUOT, "E44", "no space writing baseline"),
            (errno.EROFS, "E50", "Read-only file system"),
            (errno.EACCES, "E50", "Permission denied"),
        ],
    )
    @pytest.mark.parametrize("call", ["replace", "fsync"])
    def test_a_disk_that_fails_leaves_the_old_baseline(
        self, release, place, monkeypatch, number, code, words, call
    ):
        release("1.0.0", first=True)
        before = snapshot(place)
        monkeypatch.setattr(files.os, call, raising(number))
        with pytest.raises(HarnessError, match=f"{code} .*{words}") as caught:
            release("1.1.0", animal="rewritten", expected="1.0.0")
        assert caught.value.exit == Exit.STORE
        assert "the old baseline is untouched" in caught.value.hint
        monkeypatch.undo()
        assert snapshot(place) == before
        assert previous(place).version == "1.0.0"
        release("1.1.0", animal="rewritten", expected="1.0.0")

    def test_a_disk_that_is_full_at_the_catalogue(self, release, place, monkeypatch):
        """The blobs are there already; the catalogue, which decides, is the old one."""
        release("1.0.0", first=True)
        old = (place / catalogue.FILE).read_bytes()
        real = os.replace

        def full(source, target):
            if Path(target).name == catalogue.FILE:
                raise OSError(errno.ENOSPC, "full")
            real(source, target)

        monkeypatch.setattr(files.os, "replace", full)
        with pytest.raises(HarnessError, match="E44"):
            release("1.1.0", animal="rewritten", expected="1.0.0")
        assert (place / catalogue.FILE).read_bytes() == old
        assert not list(place.rglob("*.tmp"))
        monkeypatch.undo()
        release("1.1.0", animal="rewritten", expected="1.0.0")

    def test_a_file_in_place_of_the_store(self, release, place):
        place.write_text("not a folder")
        with pytest.raises(HarnessError, match="E50 the store cannot be written"):
            release("1.0.0", first=True)
        with pytest.raises(HarnessError, match="E46 the catalogue cannot be read"):
            previous(place)


class TestDamage:
    @pytest.fixture
    def blob(self, release, place):
        return place / "blobs" / (found := release("1.0.0", first=True)).sha256[:2] / found.sha256

    def test_any_flipped_bit(self, blob, place):
        content = blob.read_bytes()
        for _ in range(50):
            damaged = bytearray(content)
            damaged[random.randrange(len(content))] ^= 1 << random.randrange(8)
            blob.write_bytes(damaged)
            with pytest.raises(HarnessError, match=r"E46 digest mismatch: expected .*, got") as caught:
                previous(place)
            assert caught.value.exit == Exit.STORE
        assert blob.read_bytes() == bytes(damaged), "damage is never repaired silently"
        blob.write_bytes(content)
        assert previous(place).version == "1.0.0"

    def test_cut_and_gone_and_another_thing(self, blob, place):
        blob.write_bytes(blob.read_bytes()[:-1])
        with pytest.raises(HarnessError, match="E46"):
            previous(place)
        blob.unlink()
        with pytest.raises(HarnessError, match=r"E47 blob .* is missing") as caught:
            previous(place)
        assert caught.value.exit == Exit.STORE
        blob.mkdir()
        with pytest.raises(HarnessError, match="E47 blob"):
            previous(place)

    def test_a_damaged_blob_is_not_taken_for_the_content(self, blob, place):
        content = blob.read_bytes()
        blob.write_bytes(b"damaged")
        with pytest.raises(HarnessError, match="E46"):
            blobs.put(Folder(place), content)

    def test_a_newer_format_is_untouched(self, release, blob, place):
        newer = json.dumps({"format": catalogue.FORMAT + 1, "releases": "another shape"})
        (place / catalogue.FILE).write_text(newer)
        with pytest.raises(HarnessError, match="E51 the store has format 3, newer than 2") as caught:
            previous(place)
        assert caught.value.exit == Exit.USAGE
        with pytest.raises(HarnessError, match="E51"):
            release("1.1.0", animal="rewritten", expected="1.0.0")
        assert (place / catalogue.FILE).read_text() == newer

    @pytest.mark.parametrize(
        "text",
        [
            "", "{", "[]", "null", "\ufffe", '{"releases": []}', '{"format": true, "releases": []}', '{"format": 1}',
            '{"format": 1, "releases": {}}', '{"format": 1, "releases": [5]}', '{"format": 1, "releases": [{}]}',
            "[" * 100_000,
        ],
        ids=range(12),
    )  # fmt: skip
    def test_a_damaged_catalogue(self, place, text):
        place.mkdir()
        (place / catalogue.FILE).write_text(text)
        with pytest.raises(HarnessError, match=r"^E46 ") as caught:
            previous(place)
        assert caught.value.exit == Exit.STORE

    @pytest.mark.parametrize(
        "change",
        [{"version": 1}, {"outcomes": []}, {"outcomes": {"rows": 5}}, {"colour": "red"}, {"sha256": None}],
        ids=str,
    )
    def test_a_damaged_release(self, blob, place, change):
        data = json.loads((place / catalogue.FILE).read_text())
        data["releases"][0] |= change
        (place / catalogue.FILE).write_text(json.dumps(data))
        with pytest.raises(HarnessError, match=r"^E46 a release"):
            previous(place)

    @pytest.mark.parametrize("digest", ["../../../etc/passwd", "", "A" * 64, "0" * 63, "/etc/passwd"])
    def test_a_digest_that_leads_outside(self, blob, place, digest):
        data = json.loads((place / catalogue.FILE).read_text())
        data["releases"][0]["sha256"] = digest
        (place / catalogue.FILE).write_text(json.dumps(data))
        with pytest.raises(HarnessError, match="E54 refused") as caught:
            previous(place)
        assert caught.value.exit == Exit.REFUSED

    def test_a_release_that_names_another_ones_blob(self, release, blob, place):
        """What is compared with is what the digest says, and its own manifest names its number."""
        release("1.1.0", animal="rewritten", expected="1.0.0")
        data = json.loads((place / catalogue.FILE).read_text())
        data["releases"][1]["sha256"] = data["releases"][0]["sha256"]
        (place / catalogue.FILE).write_text(json.dumps(data))
        assert previous(place).version == "1.0.0"


RELEASE = """
import os, signal, sys, time
from pathlib import Path
from harness import store
from harness.errors import HarnessError
from harness.store import catalogue
from harness.store.place_folder import Folder
from harness.versions.wheel import version_of
place, path, expected, kill_at, delay = sys.argv[1:]

def killing(call):
    def called(*arguments):
        global kill_at
        kill_at = int(kill_at) - 1
        if kill_at == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(delay))
        return call(*arguments)
    return called

os.fsync, os.replace = killing(os.fsync), killing(os.replace)
version = version_of(Path(path), why="")
known = {one.version: one.sha256 for one in catalogue.read(Folder(Path(place))).releases}
try:
    store.release(
        Folder(Path(place)), model="animal", channel="production", wheel=Path(path), sha256=version.sha256,
        version=version.version, identity=version.digest, outcomes={"rows": b"answers" * 100_000},
        first=not expected, expected_previous=known.get(expected), commit="", evidence="", act=store.Act("me", "why"),
    )
    print("released")
except HarnessError as error:
    print(error.headline)
"""


def start(place, wheel, expected, kill_at=0, delay=0.0):
    return subprocess.Popen(
        [sys.executable, "-c", RELEASE, str(place), str(wheel), expected, str(kill_at), str(delay)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": PATH},
    )  # fmt: skip


def _put(place, number, errors):
    try:
        for turn in range(50):
            blobs.put(Folder(place), b"shared %d" % turn)
            blobs.put(Folder(place), b"own %d %d" % (number, turn))
    except BaseException as error:
        errors.put(repr(error))


class TestAtOnce:
    def test_of_two_releases_one_wins(self, zoo, tmp_path, place, release):
        release("1.0.0", first=True)
        wheels = [
            zoo.wheel(tmp_path, name, version)
            for name, version in (("shifted", "1.1.0"), ("rewritten", "1.2.0"))
        ]
        # slow writes: without the lock both would have read the same catalogue
        both = [start(place, wheel, "1.0.0", delay=0.05) for wheel in wheels]
        said = sorted(process.communicate()[0].strip() for process in both)
        assert re.match(r"E49 baseline moved [0-9a-f]{12}→1\.", said[0]), said
        assert said[1] == "released"
        assert len(catalogue.read(Folder(place)).releases) == 2

    def test_eight_writers_of_blobs(self, place):
        context = multiprocessing.get_context("fork")
        errors = context.SimpleQueue()
        writers = [context.Process(target=_put, args=(place, number, errors)) for number in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert errors.empty(), errors.get()
        found = [path for path in (place / "blobs").rglob("*") if path.is_file()]
        assert len(found) == 50 + 8 * 50
        for path in found:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name

    def test_killed_before_any_step_the_old_or_the_new_is_there(self, zoo, tmp_path, place, release):
        """SIGKILL before the first fsync or rename, before the second, and so on, until nothing is left to kill."""
        release("1.0.0", first=True)
        wheel = zoo.wheel(tmp_path, "rewritten", "1.1.0")
        for step in range(1, 40):
            process = start(place, wheel, "1.0.0", kill_at=step)
            said = process.communicate(timeout=30)[0].strip()
            found = self.whole(place)
            if process.returncode == 0:
                assert (said, found) == ("released", "1.1.0")
                break
            assert process.returncode == -signal.SIGKILL
            if found == "1.1.0":
                self.undo(place)
        assert step > 4, "the catalogue alone takes two fsyncs and a rename"

    def test_killed_at_any_moment_the_old_or_the_new_is_there(self, zoo, tmp_path, place, release):
        release("1.0.0", first=True)
        wheel = zoo.wheel(tmp_path, "rewritten", "1.1.0")
        began = time.monotonic()
        start(tmp_path / "elsewhere", wheel, "").communicate()
        takes = time.monotonic() - began
        dice = random.Random(45)
        for _ in range(20):
            process = start(place, wheel, "1.0.0")
            # most of that time is spent importing: aim at the end of it
            time.sleep(takes * dice.uniform(0.6, 1.1))
            process.kill()
            process.communicate()
            if self.whole(place) == "1.1.0":
                self.undo(place)
        # whatever was killed left no lock behind
        process = start(place, wheel, "1.0.0")
        assert process.communicate(timeout=30)[0].strip() == "released"

    def whole(self, place):
        """The version of `previous`, after everything that the catalogue names was verified."""
        assert [found.words for found in upkeep.check(Folder(place)) if found.damage] == []
        for one in catalogue.read(Folder(place)).releases:
            blobs.verified(Folder(place), one.sha256)
            for digest in one.outcomes.values():
                blobs.verified(Folder(place), digest)
        found = previous(place).version
        assert found in ("1.0.0", "1.1.0")
        return found

    def undo(self, place):
        known = catalogue.read(Folder(place))
        catalogue.write(Folder(place), replace(known, releases=known.releases[:1]))


class TestAtomicWrites:
    def test_a_write_that_fails_leaves_the_old_file_and_no_other(self, tmp_path, monkeypatch):
        path = tmp_path / "x.json"
        files.write_atomic(path, b"old")
        monkeypatch.setattr(files.os, "replace", raising(errno.ENOSPC))
        with pytest.raises(OSError, match="No space left"):
            files.write_atomic(path, b"new")
        assert path.read_bytes() == b"old"
        assert [item.name for item in tmp_path.iterdir()] == ["x.json"]
