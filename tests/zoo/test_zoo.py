"""The zoo itself: every animal has a word on what is wrong with it, and its wheel is a version package."""

from __future__ import annotations

from harness.versions.wheel import version_of


def test_every_animal_is_a_version_package(zoo, tmp_path):
    assert len(zoo.names) > 80
    for name in zoo.names:
        animal = zoo[name]
        assert animal.what.endswith("."), name
        path = zoo.wheel(tmp_path, name, place=tmp_path)
        version = version_of(path, why="")
        assert (version.entry, version.lock) == (f"zoo_{name}.model:predict", animal.lock)
        assert version.pass_as == animal.pass_as


def test_the_same_animal_gives_the_same_bytes(zoo, tmp_path):
    assert zoo.wheel(tmp_path / "a").read_bytes() == zoo.wheel(tmp_path / "b").read_bytes()


def test_entries_of_the_manifest_can_be_changed_and_left_out(zoo, tmp_path):
    path = zoo.wheel(tmp_path, "good", "2.0.0", data=None, machine="other", metrics={"MAE": 1.0})
    manifest = version_of(path, why="").manifest
    assert (manifest.version, manifest.data, manifest.machine) == ("2.0.0", {}, "other")
