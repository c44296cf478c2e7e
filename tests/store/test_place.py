"""Every kind of place keeps the same promises: a folder, object storage with conditions, and without them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness import settings as configuration
from harness import store
from harness.errors import Exit, HarnessError
from harness.settings import Settings
from harness.store import blobs, catalogue, upkeep
from harness.store.place import Held, writing
from harness.store.place_folder import Folder
from harness.store.place_objects import LOCK, Conditions, Objects

PATH = os.pathsep.join(sys.path)


@pytest.fixture
def objects(s3, tmp_path):
    """`objects()` is a place in a bucket of its own; `objects("s3://…")` another view of it."""

    def make(address="", **options):
        address = address or f"s3://{s3.bucket()}/team"
        return Objects(address, tmp_path / "cache", s3.options, **{"settle": 0.3} | options)

    return make


@pytest.fixture(params=["folder", "s3", "deaf s3", "memory"])
def place(request, tmp_path):
    if request.param == "folder":
        return Folder(tmp_path / "store")
    if request.param == "memory":
        return Objects(f"memory://{tmp_path.name}", tmp_path / "cache", settle=0.1)
    made = request.getfixturevalue("objects")()
    if request.param == "deaf s3":
        request.getfixturevalue("s3").deaf()
    return made


def settings(tmp_path, address, **options):
    return Settings(tmp_path / "harness.toml", tmp_path, model="animal", store=address, **options)


class TestPromises:
    def test_what_was_written_is_read(self, place):
        assert not place.exists("a/b")
        assert place.held("a/b") == Held()
        with pytest.raises(FileNotFoundError):
            place.read("a/b")
        assert place.create("a/b", b"1")
        assert not place.create("a/b", b"2"), "what is there stays"
        assert place.exists("a/b")
        assert place.read("a/b") == place.held("a/b").content == place.local("a/b").read_bytes() == b"1"
        place.remove("a/b")
        place.remove("a/b")
        assert not place.exists("a/b")

    def test_a_listing_has_names_sizes_and_ages(self, place):
        assert list(place.entries()) == []
        for name in ("b/2", "a", "b/1", "bb"):
            place.create(name, name.encode())
        with place.locked():
            assert [(one.name, one.size) for one in place.entries()] == [
                ("a", 1),
                ("b/1", 3),
                ("b/2", 3),
                ("bb", 2),
            ]
        assert [one.name for one in place.entries("b/")] == ["b/1", "b/2"]
        assert all(abs(one.modified - time.time()) < 60 for one in place.entries())

    def test_a_swap_replaces_what_was_read_and_nothing_else(self, place):
        with place.locked():
            place.swap("x", b"1", Held())
            first = place.held("x")
            place.swap("x", b"2", first)
            with pytest.raises(HarnessError, match="E49 x moved meanwhile") as caught:
                place.swap("x", b"3", first)
            assert caught.value.exit == Exit.STORE
            with pytest.raises(HarnessError, match="E49"):
                place.swap("x", b"3", Held())
            second = place.held("x")
            place.remove("x")
            with pytest.raises(HarnessError, match="E49"):
                place.swap("x", b"3", second)
        assert not place.exists("x")

    def test_under_the_lock_nothing_is_lost(self, place):
        """Three writers count to four each, reading and replacing one number."""
        troubles = []

        def count(own):
            try:
                for _ in range(4):
                    with own.locked():
                        held = own.held("number")
                        own.swap("number", b"%d" % (int(held.content or b"0") + 1), held)
            except BaseException as error:
                troubles.append(error)

        # each opens the place for itself, as processes do
        writers = [threading.Thread(target=count, args=(replace(place),)) for _ in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert not troubles
        assert place.read("number") == b"12"

    @pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\0b", ""])
    def test_a_name_that_leads_outside(self, place, name):
        for call in (place.read, place.exists, place.remove, lambda name: place.create(name, b"")):
            if name:
                with pytest.raises(HarnessError, match="E54 refused"):
                    call(name)

    def test_a_store_of_blobs_and_catalogue(self, place):
        assert catalogue.read(place) == catalogue.Catalogue()
        with place.locked():
            known = catalogue.read(place)
            digest = blobs.put(place, b"content")
            catalogue.write(place, known)
            assert json.loads(place.read(catalogue.FILE))["releases"] == []
            place.swap(catalogue.FILE, b"another", place.held(catalogue.FILE))
            with pytest.raises(HarnessError, match="E49"):
                catalogue.write(place, known)
        assert blobs.verified(place, digest).read_bytes() == b"content"
        assert blobs.put(place, b"content") == digest


class TestConditions:
    def test_they_are_measured(self, objects, s3):
        place = objects()
        assert place.conditions == Conditions(create=True, replace=True)
        assert list(place.entries()) == [], "and nothing is left of it"
        other = objects()
        s3.deaf()
        assert other.conditions == Conditions(create=False, replace=False)
        assert list(other.entries()) == []

    def test_a_writer_without_the_lock_is_refused_by_the_storage_itself(self, objects, s3):
        """Somebody took the lock over and wrote: whoever had it before writes nothing over that."""
        mine = objects()
        theirs = objects(mine.address)
        with mine.locked():
            mine.swap("x", b"1", Held())
            held = mine.held("x")
            assert theirs.take("x", b"theirs", theirs.held("x"))
            with pytest.raises(HarnessError, match="E49"):
                mine.swap("x", b"mine", held)
        assert mine.read("x") == b"theirs"


class TestLock:
    @pytest.mark.parametrize("deaf", [False, True])
    def test_one_waits_for_the_other(self, objects, s3, deaf):
        mine = objects()
        theirs = objects(mine.address)
        if deaf:
            s3.deaf()
        seen = []

        def wait():
            with theirs.locked():
                seen.append("theirs")

        with mine.locked():
            other = threading.Thread(target=wait)
            other.start()
            time.sleep(1)
            seen.append("mine")
        other.join()
        assert seen == ["mine", "theirs"]
        assert not mine.exists(LOCK)

    def test_it_is_kept_for_as_long_as_it_takes(self, objects):
        mine = objects(life=1.2)
        theirs = objects(mine.address, life=1.2, patience=3)
        with mine.locked():
            with pytest.raises(HarnessError, match=r"E49 the store is locked by .+ on .+ since 20") as caught:
                theirs._lock._acquire()
            assert caught.value.exit == Exit.STORE
            mine.swap("x", b"1", Held())
        assert mine.read("x") == b"1"

    @pytest.mark.parametrize("deaf", [False, True])
    def test_one_that_nobody_keeps_is_taken_over(self, objects, s3, deaf):
        mine = objects(life=5 if deaf else 1)
        if deaf:
            s3.deaf()
        mine.take(LOCK, b'{"owner": "dead"}', Held())
        with mine.locked():
            mine.swap("x", b"1", Held())
        assert mine.read("x") == b"1"

    @pytest.mark.parametrize("deaf", [False, True])
    def test_one_that_was_lost_stops_what_depends_on_it(self, objects, s3, deaf):
        mine = objects()
        if deaf:
            s3.deaf()
        with mine.locked():
            mine.take(LOCK, b'{"owner": "another"}', mine.held(LOCK))
            with pytest.raises(HarnessError, match="E49 the lock of the store was lost"):
                mine.swap("x", b"1", Held())
        assert not mine.exists("x")
        assert mine.exists(LOCK), "and it is the other's"

    def test_nothing_is_swapped_without_it(self, objects):
        with pytest.raises(HarnessError, match="E49"):
            objects().swap("x", b"1", Held())


class TestDamage:
    @pytest.fixture
    def kept(self, objects):
        place = objects()
        return place, blobs.put(place, b"content")

    def damage(self, s3, place, digest, content):
        bucket, _, prefix = place.address.removeprefix("s3://").partition("/")
        key = f"{prefix}/{blobs.name_of(place, digest)}"
        if content is None:
            s3.client().delete_object(Bucket=bucket, Key=key)
        else:
            s3.client().put_object(Bucket=bucket, Key=key, Body=content)

    @pytest.mark.parametrize("warm", [False, True])
    def test_a_flipped_bit(self, s3, kept, warm):
        place, digest = kept
        if warm:
            blobs.verified(place, digest)
        self.damage(s3, place, digest, b"bontent")
        for _ in range(2):
            with pytest.raises(HarnessError, match="E46 digest mismatch") as caught:
                blobs.verified(place, digest)
        assert caught.value.where.startswith("s3://")
        assert "git" not in caught.value.hint
        with pytest.raises(HarnessError, match="E46"):
            blobs.put(place, b"content")
        self.damage(s3, place, digest, b"content")
        assert blobs.verified(place, digest).read_bytes() == b"content"

    @pytest.mark.parametrize("warm", [False, True])
    def test_a_missing_blob(self, s3, kept, warm):
        """A copy on this machine is no release that others can have."""
        place, digest = kept
        if warm:
            blobs.verified(place, digest)
        self.damage(s3, place, digest, None)
        with pytest.raises(HarnessError, match=r"E47 blob .* is missing") as caught:
            blobs.verified(place, digest)
        assert caught.value.exit == Exit.STORE

    def test_a_damaged_copy_is_fetched_again(self, kept):
        place, digest = kept
        copy = blobs.verified(place, digest)
        copy.write_bytes(b"bontent")
        assert blobs.verified(place, digest).read_bytes() == b"content"
        copy.with_name(copy.name + ".json").write_text("{")
        assert blobs.verified(place, digest).read_bytes() == b"content"

    def test_looking_the_store_over_believes_no_copy(self, s3, kept):
        """Damage below the storage's own marks, which a copy would hide."""
        place, digest = kept
        copy = blobs.verified(place, digest)
        self.damage(s3, place, digest, b"bontent")
        with pytest.raises(HarnessError, match="E46"):
            blobs.verified(place, digest)
        note = copy.with_name(copy.name + ".json")
        known = json.loads(note.read_text())
        copy.write_bytes(b"content")
        note.write_text(json.dumps(known | {"sha256": digest}))
        blobs.verified(place, digest)
        with pytest.raises(HarnessError, match="E46 digest mismatch"):
            blobs.check(place, digest)
        texts = dict.fromkeys(
            ("channel", "version", "file", "identity", "released", "reason", "by", "commit"), "x"
        )
        with place.locked():
            known = catalogue.read(place)
            one = catalogue.Release(model="m", sha256=digest, evidence="", **texts)
            catalogue.write(place, replace(known, releases=(one,)))
        assert any(one.words.startswith("E46") for one in upkeep.check(place) if one.damage)

    def test_a_copy_that_is_good_is_not_fetched_again(self, s3, kept):
        place, digest = kept
        blobs.verified(place, digest)
        s3.well()
        blobs.verified(place, digest)
        assert s3.well() == 1, "its mark is asked for, and nothing else"


class TestTrouble:
    def test_a_bucket_that_is_not_there_is_no_empty_store(self, objects):
        place = objects("s3://nobody-has-made-this/team")
        for call in (
            lambda: catalogue.read(place),
            lambda: blobs.put(place, b"x"),
            lambda: list(place.entries()),
            lambda: place.locked().__enter__(),
        ):
            with pytest.raises(HarnessError, match="E47 there is no bucket nobody-has-made-this") as caught:
                call()
            assert caught.value.exit == Exit.STORE

    def test_a_server_that_is_not_there(self, tmp_path):
        nowhere = {"endpoint_url": "http://127.0.0.1:9", "key": "k", "secret": "s"}
        place = Objects("s3://bucket/team", tmp_path, nowhere)
        with pytest.raises(
            HarnessError, match=r"E47 the store cannot be read: .*Could not connect"
        ) as caught:
            catalogue.read(place)
        assert caught.value.exit == Exit.STORE

    def test_nobody_who_may_read(self, objects, s3):
        place = objects()
        s3.fail("denied")
        with pytest.raises(HarnessError, match="E47 the store cannot be read: Forbidden"):
            catalogue.read(place)

    def test_no_space(self, objects, s3):
        place = objects()
        assert place.conditions.create
        place.create("w", b"1")
        s3.well()
        place.create("x", b"1")
        asked = s3.well()
        s3.fail("full", asked - 1)
        with pytest.raises(HarnessError, match="E44 no space writing baseline"), writing(place):
            place.create("y", b"2")
        s3.well()
        assert not place.exists("y")

    def test_a_misspelt_option(self, tmp_path):
        place = Objects("s3://bucket/team", tmp_path, {"endpont_url": "http://127.0.0.1:9"})
        with pytest.raises(HarnessError, match=r"E47 .*endpont_url"):
            catalogue.read(place)

    def test_a_library_that_is_not_there(self, tmp_path, monkeypatch):
        with pytest.raises(HarnessError, match=r"E47 object storage cannot be used: .*not known"):
            catalogue.read(Objects("nobody-knows://bucket", tmp_path))
        with pytest.raises(HarnessError, match=r"E47 object storage cannot be used: .*adlfs"):
            catalogue.read(Objects("abfs://bucket", tmp_path))
        monkeypatch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(HarnessError, match="E47 object storage cannot be used") as caught:
            catalogue.read(Objects("s3://bucket", tmp_path))
        assert "pytest-model-harness[object-storage]" in caught.value.hint


RELEASE = """
import hashlib, json, sys
from pathlib import Path
from harness import settings as configuration
from harness import store
from harness.errors import HarnessError
from harness.store import catalogue
from harness.store.place_objects import Objects
address, folder, options, name, turns, life = sys.argv[1:]
place = Objects(address, Path(folder, "cache"), json.loads(options), life=float(life), settle=0.3)
for turn in range(int(turns)):
    wheel = Path(folder, f"{name}-{turn}.whl")
    wheel.write_bytes(f"{name} {turn}".encode() * 1000)
    try:
        line = catalogue.read(place).of("animal", "production")
        store.release(
            place, model="animal", channel="production", wheel=wheel,
            sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(), version=f"{name}.{turn}",
            identity="i", outcomes={"rows": wheel.name.encode()}, first=not line,
            expected_previous=line[-1].sha256 if line else None, commit="", evidence="",
            act=store.Act("me", "why"),
        )
        print("released")
    except HarnessError as error:
        print(error.headline)
"""


@pytest.fixture
def start(s3, tmp_path):
    """Start a process that releases `turns` times."""
    begun = []

    def begin(place, name, turns=1, life=30.0):
        command = [sys.executable, "-c", RELEASE, place.address, str(tmp_path), json.dumps(s3.options), name]
        process = subprocess.Popen(
            [*command, str(turns), str(life)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": PATH},
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.wait()
        process.stdout.close()


def whole(place):
    """The versions released, after everything that the catalogue and the ledger tell was verified."""
    line = catalogue.read(place).releases
    assert [one.words for one in upkeep.check(place) if one.damage] == []
    assert [one.parent for one in line] == ["", *(one.sha256 for one in line)][:-1] if line else True
    return [one.version for one in line]


class TestAtOnce:
    @pytest.mark.parametrize("deaf", [False, True])
    def test_four_writers_lose_nothing(self, objects, s3, start, deaf):
        place = objects()
        if deaf:
            s3.deaf()
        turns = 2 if deaf else 5
        writers = [start(place, f"{number}", turns) for number in range(4)]
        said = [line for writer in writers for line in writer.communicate(timeout=240)[0].splitlines()]
        assert len(said) == 4 * turns
        released = said.count("released")
        assert all(one.startswith("E49 ") for one in said if one != "released"), said
        assert released >= turns
        assert len(whole(place)) == released

    def test_cut_off_before_any_request_the_old_or_the_new_is_there(self, objects, s3, start, tmp_path):
        """Access is refused from the first request on, from the second, and so on, until the release is through."""
        place = objects()
        assert start(place, "0").communicate()[0] == "released\n"
        seen = set()
        for after in (0, 4, 11, 18, 25, 30, 34, 1000):
            s3.well()
            s3.fail("denied", after)
            said = start(place, f"1.{after}", life=1.0).communicate(timeout=60)[0].strip()
            s3.well()
            found = whole(place)
            seen.add(said[:3])
            if said == "released":
                assert len(found) == 2
                break
            assert said.startswith(("E47 ", "E49 ", "E50 ")), said
            assert len(found) == 1, "what is said not to be released is not"
        assert seen >= {"E47", "E50", "rel"}

    def test_killed_before_any_request_the_old_or_the_new_is_there(self, objects, s3, start):
        place = objects()
        assert start(place, "0").communicate()[0] == "released\n"
        for after in (4, 11, 18, 25, 32, 36, 1000):
            before = len(whole(place))
            process = start(place, f"1.{after}", life=1.0)
            s3.well()
            s3.fail("kill", after, process.pid)
            said = process.communicate(timeout=60)[0].strip()
            s3.well()
            found = whole(place)
            if process.returncode == 0:
                assert said == "released"
                assert len(found) == before + 1
            else:
                assert process.returncode == -9
                assert len(found) in (before, before + 1)
        assert process.returncode == 0, "and what was killed keeps nobody out"


class TestOpening:
    def test_a_folder_by_its_name(self, tmp_path):
        assert store.open_place(settings(tmp_path, "baselines")) == Folder(tmp_path / "baselines")
        assert store.open_place(settings(tmp_path, "file:///srv/x")) == Folder(Path("/srv/x"))

    def test_object_storage_by_its_address(self, tmp_path, monkeypatch):
        monkeypatch.setenv("STORE_SECRET", "hush")
        options = {"endpoint_url": "http://x", "client_kwargs": {"y": "env:STORE_SECRET"}}
        found = store.open_place(settings(tmp_path, "s3://bucket/team/", store_options=options))
        assert (found.address, found.where("a/b")) == ("s3://bucket/team", "s3://bucket/team/a/b")
        assert found.options == {"endpoint_url": "http://x", "client_kwargs": {"y": "hush"}}

    def test_a_variable_that_is_not_set(self, tmp_path):
        options = {"client_kwargs": {"y": "env:NOT_SET_ANYWHERE"}}
        with pytest.raises(
            HarnessError, match="E47 the store needs the environment variable NOT_SET_ANYWHERE"
        ):
            store.open_place(settings(tmp_path, "s3://bucket", store_options=options))

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("s3://", "names no bucket"),
            ("simplecache::s3://bucket", "several layers"),
            ("s3://key:hush@bucket/team", "holds credentials"),
            ("file://relative/path", "no absolute path"),
            ("memory://bucket", "ends with the process"),
        ],
    )
    def test_an_address_that_is_none(self, tmp_path, address, words):
        with pytest.raises(HarnessError, match=rf"E27 .*{words}") as caught:
            store.open_place(settings(tmp_path, address))
        assert "hush" not in str(caught.value)

    @pytest.mark.parametrize(
        "options", ['secret = "hush"', 'client_kwargs = { aws_secret_access_key = "hush" }', "password = 5"]
    )
    def test_a_secret_in_a_file_that_is_committed(self, tmp_path, options):
        path = tmp_path / "harness.toml"
        path.write_text(f'model = "m"\nstore = "s3://b"\n[store_options]\n{options}\n')
        with pytest.raises(HarnessError, match=r"E27 .* is a secret") as caught:
            configuration.load(path)
        assert "hush" not in str(caught.value)
        path.write_text(path.read_text().replace('"hush"', '"env:HUSH"').replace("5", '"env:HUSH"'))
        assert "env:HUSH" in str(configuration.load(path).store_options)

    def test_options_of_a_folder(self, tmp_path):
        with pytest.raises(HarnessError, match="E27 store_options are for object storage"):
            store.open_place(settings(tmp_path, "baselines", store_options={"endpoint_url": "x"}))

    def test_a_local_store_loads_no_library(self, tmp_path):
        code = (
            "import sys; from pathlib import Path; from harness import store; from harness.settings import Settings\n"
            "place = store.open_place(Settings(Path('h'), Path('.'), model='m'))\n"
            "with place.locked(): assert place.create('x', b'')\n"
            "assert not {'fsspec', 's3fs', 'botocore'} & set(sys.modules)"
        )
        environment = {**os.environ, "PYTHONPATH": PATH}
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
        assert hashlib.sha256((tmp_path / "baselines" / "x").read_bytes()).hexdigest().startswith("e3b0c4")
