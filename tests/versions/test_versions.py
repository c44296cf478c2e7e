"""From a spec to a version: wheels, projects, addresses, profiles, and what cannot be one."""

from __future__ import annotations

import json
import random
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness import versions
from harness.errors import Exit, HarnessError
from harness.settings import Profile, Settings
from harness.versions.change import kind_of_change
from harness.versions.endpoint import is_loopback
from harness.versions.wheel import read, version_of


@pytest.fixture
def settings(tmp_path):
    return Settings(path=tmp_path / "harness.toml", root=tmp_path, model="animal")


def resolve(spec, settings, role="baseline"):
    return versions.resolve(spec, settings, role)


def rewritten(path: Path, change) -> Path:
    """The wheel with its members changed: `change(members)` edits a dict of names to bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


class TestWheels:
    @pytest.mark.parametrize(
        "spec",
        ["wheel:w/zoo_good-1.0.0-py3-none-any.whl", "w/zoo_good-1.0.0-py3-none-any.whl", "wheel:w/*.whl"],
    )
    def test_by_path_or_glob(self, zoo, settings, spec):
        path = zoo.wheel(settings.root / "w")
        version = resolve(spec, settings)
        assert (version.name, version.version, version.kind, version.title) == (
            "animal",
            "1.0.0",
            "package",
            "1.0.0",
        )
        assert version.spec == spec
        assert version.location == str(path)
        assert version.entry == "zoo_good.model:predict"
        assert version.interpreter == f"cpython-{sys.version_info[0]}.{sys.version_info[1]}"
        assert version.why

    def test_none_and_many(self, zoo, settings):
        with pytest.raises(HarnessError, match=r"no wheel w/\*\.whl"):
            resolve("wheel:w/*.whl", settings)
        zoo.wheel(settings.root / "w")
        zoo.wheel(settings.root / "w", version="2.0.0")
        with pytest.raises(HarnessError, match="2 wheels match") as caught:
            resolve("wheel:w/*.whl", settings)
        assert "zoo_good-2.0.0-py3-none-any.whl" in caught.value.hint

    def test_the_lock_comes_along(self, zoo, tmp_path):
        path = zoo.wheel(tmp_path, lock="numpy==1 --hash=sha256:0\n")
        assert version_of(path, why="").lock == "numpy==1 --hash=sha256:0\n"

    def test_another_digest_than_expected(self, zoo, tmp_path):
        path = zoo.wheel(tmp_path)
        sha256 = version_of(path, why="").sha256
        assert version_of(path, why="", expected=sha256).sha256 == sha256
        with pytest.raises(
            HarnessError, match=f"E46 digest mismatch: expected 000000000000, got {sha256[:12]}"
        ) as caught:
            version_of(path, why="", expected="0" * 64)
        assert caught.value.exit == Exit.STORE

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda m: m.update({"zoo_good/model.py": b"changed"}), "digest mismatch of zoo_good/model.py"),
            (lambda m: m.update({"zoo_good/more.py": b""}), "zoo_good/more.py is not in the manifest"),
            (lambda m: m.update({"other.py": b""}), "other.py is not in the manifest"),
            (lambda m: m.update({"zoo_good/x.dist-info/more.py": b""}), "more.py is not in the manifest"),
            (lambda m: m.update({"../x.py": b""}), r"\.\./x.py is not in the manifest"),
            (lambda m: m.pop("zoo_good/model.py"), "zoo_good/model.py is missing from the wheel"),
            (lambda m: m.pop("zoo_good/requirements.lock"), "requirements.lock is missing from the wheel"),
        ],
    )
    def test_files_other_than_listed(self, zoo, tmp_path, change, words):
        with pytest.raises(HarnessError, match=f"E46 .*{words}") as caught:
            read(rewritten(zoo.wheel(tmp_path), change))
        assert caught.value.exit == Exit.STORE

    @pytest.mark.parametrize(
        "lock",
        [{"file": "zoo_good/other.lock", "sha256": "0"}, {"file": "zoo_good/model.py", "sha256": "0"}, {}],
    )
    def test_a_lock_that_is_another(self, zoo, tmp_path, lock):
        with pytest.raises(HarnessError, match="E46 the manifest's lock file is not the one in the package"):
            read(_locked(zoo, tmp_path, lock))

    def test_a_lock_that_is_no_text(self, zoo, tmp_path):
        path = zoo.wheel(tmp_path, files={"requirements.lock": b"\xff\xfe"})
        with pytest.raises(HarnessError, match="the lock file is no text"):
            read(path)

    def test_no_manifest_and_two(self, zoo, tmp_path):
        path = zoo.wheel(tmp_path)
        with pytest.raises(HarnessError, match="no version package: 0 files"):
            read(rewritten(path, lambda m: m.pop("zoo_good/manifest.json")))
        with pytest.raises(HarnessError, match="no version package: 2 files"):
            read(rewritten(zoo.wheel(tmp_path), lambda m: m.update({"other/manifest.json": b"{}"})))

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>", bytes(1000)])
    def test_what_is_no_wheel(self, tmp_path, content):
        path = tmp_path / "x.whl"
        path.write_bytes(content)
        with pytest.raises(HarnessError, match="E46 the wheel cannot be read"):
            read(path)

    def test_a_folder(self, tmp_path):
        (tmp_path / "x.whl").mkdir()
        with pytest.raises(HarnessError, match="the wheel cannot be read"):
            version_of(tmp_path / "x.whl", why="")

    def test_a_name_that_stands_twice(self, zoo, tmp_path):
        path = zoo.wheel(tmp_path)
        with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("zoo_good/model.py", b"changed")
        with pytest.raises(HarnessError, match=r"E46 .*twice"):
            read(path)

    def test_damage_anywhere_is_seen_or_harmless(self, zoo, tmp_path):
        path = zoo.wheel(tmp_path)
        content, (manifest, lock) = path.read_bytes(), read(path)
        dice = random.Random(8123)
        for _ in range(400):
            damaged = bytearray(content)
            for _ in range(dice.randint(1, 3)):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            path.write_bytes(damaged[: dice.choice([len(damaged), dice.randrange(len(damaged))])])
            try:
                found = read(path)
            except HarnessError:
                continue
            # what lies in dist-info, and dates, decide nothing
            assert found[1] == lock
            assert found[0].files == manifest.files


def _locked(zoo, tmp_path, lock):
    def change(members):
        manifest = json.loads(members["zoo_good/manifest.json"])
        members["zoo_good/manifest.json"] = json.dumps(manifest | {"lock": lock}).encode()

    return rewritten(zoo.wheel(tmp_path), change)


class TestProjects:
    def test_the_one_wheel_in_dist(self, zoo, settings):
        zoo.wheel(settings.root / "dist")
        assert resolve("project:.", settings).version == "1.0.0"
        assert resolve("project:", settings).version == "1.0.0"
        zoo.wheel(settings.root / "sub" / "dist", version="3.0.0")
        assert resolve("project:sub", settings).version == "3.0.0"

    def test_none_and_many(self, zoo, settings):
        with pytest.raises(HarnessError, match="the candidate is not built") as caught:
            resolve("project:.", settings, "candidate")
        assert "harness train" in caught.value.hint
        zoo.wheel(settings.root / "dist")
        zoo.wheel(settings.root / "dist", version="2.0.0")
        with pytest.raises(HarnessError, match="2 wheels in dist"):
            resolve("project:.", settings, "candidate")


class TestEndpoints:
    @pytest.mark.parametrize(
        "spec",
        [
            "http://127.0.0.1:8000/predict",
            "https://scoring.example/v1",
            "http://[::1]/x",
            "http://localhost/",
        ],
    )
    def test_addresses(self, settings, spec):
        version = resolve(spec, settings)
        assert (version.kind, version.location, version.title, version.name) == (
            "endpoint",
            spec,
            spec,
            "animal",
        )
        assert version.digest != resolve(spec + "x", settings).digest

    def test_plain_http_elsewhere_is_refused(self, settings):
        with pytest.raises(HarnessError, match="E39 refused: plain HTTP to scoring") as caught:
            resolve("http://scoring.example/", settings)
        assert caught.value.exit == Exit.REFUSED
        allowed = replace(
            settings, versions={"live": Profile("live", "http://scoring.example/", allow_plain_http=True)}
        )
        assert resolve("live", allowed).location == "http://scoring.example/"

    @pytest.mark.parametrize("spec", ["https://me:hunter2@scoring.example/", "https:///path"])
    def test_passwords_and_no_host(self, settings, spec):
        with pytest.raises(HarnessError, match="the address h") as caught:
            resolve(spec, settings)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("host", "is_it"),
        [
            ("127.0.0.1", True),
            ("127.9.9.9", True),
            ("::1", True),
            ("localhost", True),
            ("10.0.0.1", False),
            ("0.0.0.0", False),
            ("localhost.example", False),
        ],
    )
    def test_loopback(self, host, is_it):
        assert is_loopback(host) == is_it


class TestProfiles:
    def test_a_profile_stands_for_its_spec_and_its_wishes(self, zoo, settings):
        zoo.wheel(settings.root)
        profile = Profile("old", "wheel:*.whl", entry="zoo_good.model:other", pass_as="records", timeout=3.0)
        version = resolve("old", replace(settings, versions={"old": profile}))
        assert (version.spec, version.profile, version.entry) == ("old", profile, "zoo_good.model:other")
        assert version.why == "profile old (wheel:*.whl): named by its path"

    def test_its_interpreter_belongs_to_the_identity(self, zoo, settings):
        zoo.wheel(settings.root)
        by_version = replace(settings, versions={"old": Profile("old", "wheel:*.whl", python="3.9")})
        assert resolve("old", by_version).interpreter == "cpython-3.9"
        assert resolve("old", by_version).digest != resolve("wheel:*.whl", settings).digest
        by_path = replace(settings, versions={"old": Profile("old", "wheel:*.whl", python=sys.executable)})
        assert resolve("old", by_path).digest == resolve("wheel:*.whl", settings).digest

    def test_without_a_spec(self, settings):
        with pytest.raises(HarnessError, match="profile old has no spec"):
            resolve("old", replace(settings, versions={"old": Profile("old")}))

    def test_an_interpreter_that_is_none(self, zoo, settings):
        zoo.wheel(settings.root)
        with pytest.raises(HarnessError, match="E08 /nowhere/python is no Python that runs"):
            resolve(
                "old",
                replace(settings, versions={"old": Profile("old", "wheel:*.whl", python="/nowhere/python")}),
            )

    def test_previous_may_be_configured(self, zoo, settings):
        zoo.wheel(settings.root)
        assert resolve("previous", replace(settings, previous="wheel:*.whl")).version == "1.0.0"


class TestUnknown:
    @pytest.mark.parametrize(
        ("spec", "hint"),
        [
            ("previus", 'did you mean "previous"?'),
            ("weel:x.whl.zip", 'did you mean "wheel:"?'),
            ("nothing:of.it", "known: "),
            ("lagacy", 'did you mean "legacy"?'),
            ("projekt:.", 'did you mean "project:"?'),
            ("", "known: "),
        ],
    )
    def test_a_spec_is_guessed_at(self, settings, spec, hint):
        known = replace(settings, versions={"legacy": Profile("legacy", "x.whl")})
        with pytest.raises(HarnessError, match=f'unknown version "{spec}" for the baseline') as caught:
            resolve(spec, known)
        assert caught.value.hint.startswith(hint)
        assert caught.value.where == "--compare-to"
        assert caught.value.exit == Exit.USAGE

    def test_the_side_is_named(self, settings):
        with pytest.raises(HarnessError, match="for the candidate"):
            resolve("nonsense", settings, "candidate")


class TestIdentity:
    """Artifact, lock file, interpreter, entry point; the number is left out."""

    def test_the_number_is_left_out(self, zoo, tmp_path):
        one = zoo.version(tmp_path, version="1.0.0")
        assert zoo.version(tmp_path, version="2.0.0").digest == one.digest
        assert zoo.version(tmp_path / "x", metrics={"MAE": 1.0}, seeds={"training": 9}).digest == one.digest
        assert zoo.version(tmp_path / "x").digest == one.digest

    @pytest.mark.parametrize("what", ["lock", "files", "source", "entry", "interpreter"])
    def test_everything_else_is_in(self, zoo, tmp_path, what):
        one = zoo.version(tmp_path)
        other = {
            "lock": lambda: zoo.version(tmp_path / "x", lock="# another\n"),
            "files": lambda: zoo.version(tmp_path / "x", files={"weights.bin": b"\0"}),
            "source": lambda: zoo.version(tmp_path / "x", source="def predict(records):\n    return []\n"),
            "entry": lambda: one.under(Profile(entry="zoo_good.model:other")),
            "interpreter": lambda: replace(one, interpreter="cpython-3.9"),
        }[what]()
        assert other.digest != one.digest

    def test_wishes_that_do_not_change_the_answers_do_not_count(self, zoo, tmp_path):
        one = zoo.version(tmp_path)
        assert one.under(Profile(timeout=1.0, memory=1, headers={"a": "b"})).digest == one.digest


def changed(zoo, tmp_path, declared, old=None, new=None):
    one = zoo.version(tmp_path / "old", **(old or {}))
    other = zoo.version(tmp_path / "new", **(new or {}))
    return kind_of_change(one, other, declared)


DATA = {"data": {"sha256": "e" * 64}}
CONFIGURATION = {"configuration": {"sha256": "e" * 64}}
LOCK = {"lock": "# another lock\n"}
PYTHON = {"python": "3.12.0"}
PATCH = {"python": "3.11.9"}
MACHINE = {"machine": "other"}
CODE = {"source": "def predict(records):\n    return []\n"}


class TestChange:
    @pytest.mark.parametrize(
        ("new", "kind"),
        [
            ({}, "refactor"), (CODE, "refactor"), (PATCH, "refactor"),
            (LOCK, "upgrade"), (PYTHON, "upgrade"), (MACHINE, "upgrade"), (LOCK | CODE, "upgrade"),
            (DATA, "retrain"), (CONFIGURATION, "retrain"), (DATA | LOCK, "retrain"),
        ],
    )  # fmt: skip
    def test_the_kind_is_read_from_the_manifests(self, zoo, tmp_path, new, kind):
        found = changed(zoo, tmp_path, "auto", new=new)
        assert (found.kind, found.declared, found.contradicted) == (kind, "auto", "")
        assert len(found.evidence) == 5
        assert changed(zoo, tmp_path, kind, new=new).contradicted == ""

    @pytest.mark.parametrize(
        ("declared", "new", "against"),
        [
            ("refactor", DATA, "the training data differ"),
            ("refactor", DATA | CONFIGURATION, "configuration and the training data differ"),
            ("refactor", LOCK, "lock differ"),
            ("upgrade", DATA, "the training data differ"),
            ("upgrade", {}, "the training data, configuration, lock, Python and hardware are equal"),
            ("retrain", {}, "the training data, configuration, lock, Python and hardware are equal"),
            ("retrain", LOCK, "the training data and configuration are equal"),
        ],
    )
    def test_a_declaration_can_be_contradicted(self, zoo, tmp_path, declared, new, against):
        found = changed(zoo, tmp_path, declared, new=new)
        assert (found.kind, found.contradicted) == (declared, against)

    @pytest.mark.parametrize(("declared", "kind"), [("auto", "refactor"), ("retrain", "retrain")])
    def test_without_manifests_nothing_contradicts(self, zoo, tmp_path, declared, kind):
        one = zoo.version(tmp_path)
        found = kind_of_change(one, replace(one, manifest=None), declared)
        assert (found.kind, found.contradicted) == (kind, "")
        assert "no manifest" in found.evidence[0]

    def test_the_evidence_says_what_became_what(self, zoo, tmp_path):
        found = changed(zoo, tmp_path, "auto", new=DATA)
        assert "data differs: dddddddddddd → eeeeeeeeeeee" in found.evidence
        assert "lock equal" in found.evidence


@pytest.mark.parametrize(
    ("key", "where"),
    [("previous", "harness.toml: previous"), ("profile", "harness.toml, versions.old"), ("", "--compare-to")],
)
def test_a_misspelt_kind_is_guessed_and_its_place_is_named(settings, key, where):
    spec = "gti:last-tag"
    named = {
        "previous": replace(settings, previous=spec),
        "profile": replace(settings, versions={"old": Profile("old", spec)}),
        "": settings,
    }[key]
    with pytest.raises(HarnessError, match=f'unknown version "{spec}"') as caught:
        resolve({"previous": "previous", "profile": "old", "": spec}[key], named)
    assert caught.value.where == where
    assert 'did you mean "git:"?' in caught.value.hint
