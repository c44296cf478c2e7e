"""Manifests: the same there and back, and every damage said in words."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.schema import Field, Schema
from harness.versions.manifest import FORMAT, Manifest, digest

SMALL = {
    "format": 1,
    "name": "house-prices",
    "version": "1.2.0",
    "task": "regression",
    "entry": "house_prices.predict:predict",
    "inputs": [{"name": "size", "kind": "float", "minimum": 10, "maximum": 900}],
    "outputs": [{"name": "prediction", "kind": "float"}],
    "python": "3.11.7",
    "lock": {"file": "house_prices/requirements.lock", "sha256": "1" * 64},
    "files": {"house_prices/predict.py": "2" * 64},
}
LARGE = SMALL | {
    "data": {"sha256": "3" * 64, "rows": 5},
    "configuration": {"sha256": "4" * 64},
    "code": {"commit": "5" * 40, "dirty": False},
    "seeds": {"training": 7},
    "metrics": {"MAE": 44.1},
    "training_noise": 0.02,
    "machine": "x86_64",
    "libraries": {"numpy": "2.4.6"},
}


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_round_trip(data):
    manifest = Manifest.parse(json.dumps(data))
    assert manifest.to_json() == data
    assert Manifest.parse(manifest.dump()) == manifest
    assert manifest.dump() == Manifest.parse(manifest.dump().encode()).dump()


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(
    st.lists(names, unique=True, max_size=4),
    st.sampled_from(["float", "int", "bool", "str", "datetime", "json"]),
    st.booleans(),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.dictionaries(names, st.text(st.characters(codec="utf-8"), max_size=8), max_size=3),
    st.none() | st.floats(0, 1),
)
def test_round_trip_of_any(fields, kind, nullable, minimum, libraries, noise):
    schema = Schema(tuple(Field(name, kind, nullable, minimum) for name in fields))
    manifest = Manifest(
        "m", "1", "regression", "m.x:y", schema, schema, "3.11", {"file": "l", "sha256": ""}, {"l": "0"},
        libraries=libraries, training_noise=noise,
    )  # fmt: skip
    assert Manifest.parse(manifest.dump()) == manifest


@pytest.mark.parametrize("key", sorted(SMALL))
def test_whatever_is_required_is_missed(key):
    with pytest.raises(HarnessError, match=f'the manifest lacks "{key}"') as caught:
        Manifest.parse(json.dumps({k: v for k, v in SMALL.items() if k != key}), "x.whl: manifest.json")
    assert caught.value.where == "x.whl: manifest.json"
    assert "docs/version-package.md" in caught.value.hint


def test_a_newer_format_is_refused_untouched():
    newer = json.dumps({"format": FORMAT + 1, "whatever": "it holds"})
    with pytest.raises(HarnessError, match="E51 version package format 2 is newer than 1") as caught:
        Manifest.parse(newer)
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "1"}, "format '1' is none"),
        ({"format": True}, "format True is none"),
        ({"format": 0}, "format 0 is none"),
        ({"task": "ranking"}, "unknown task 'ranking'"),
        ({"task": []}, r"unknown task \[\]"),
        ({"inputs": {}}, "a schema is a list of fields"),
        ({"inputs": [{"name": "x", "kind": "floot"}]}, 'field "x" has unknown kind'),
        ({"outputs": [{"name": "x", "kind": "int"}] * 2}, 'field "x" stands twice'),
        ({"name": 5}, '"name" in the manifest is no text: 5'),
        ({"entry": None}, '"entry" in the manifest is no text'),
        ({"files": ["a"]}, '"files" in the manifest is no table'),
        ({"files": {"a": 5}}, '"files" in the manifest is no table of texts'),
        ({"lock": "requirements.lock"}, '"lock" in the manifest is no table'),
        ({"data": {"sha256": 5}}, '"data" in the manifest is no table with a sha256'),
        ({"training_noise": "much"}, '"training_noise" in the manifest is no number'),
    ],
)
def test_what_has_the_wrong_form(change, words):
    with pytest.raises(HarnessError, match=words) as caught:
        Manifest.parse(json.dumps(SMALL | change))
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "{", "\xff", b"\xff\xfe\x00", "[" * 100_000], ids=["", "{", "ÿ", "bytes", "deep"]
)
def test_what_is_no_json(text):
    with pytest.raises(HarnessError, match="the manifest is no JSON"):
        Manifest.parse(text)


def test_json_that_is_no_object():
    with pytest.raises(HarnessError, match="no JSON object"):
        Manifest.parse("[]")


def test_an_unknown_key_is_guessed_at():
    with pytest.raises(HarnessError, match='unknown key "lockfile"') as caught:
        Manifest.parse(json.dumps(SMALL | {"lockfile": 1}))
    assert "lock" in caught.value.hint


@given(
    st.dictionaries(
        st.sampled_from([*LARGE, "x"]), st.none() | st.booleans() | st.integers() | st.text(max_size=3)
    )
)
def test_only_harness_errors_come_out(change):
    with contextlib.suppress(HarnessError):
        Manifest.parse(json.dumps(LARGE | change))


def test_the_artifact_is_files_and_entry_and_not_the_number():
    manifest = Manifest.parse(json.dumps(LARGE))
    assert (
        Manifest.parse(json.dumps(LARGE | {"version": "9.9.9", "metrics": {}})).artifact == manifest.artifact
    )
    for change in ({"files": {"house_prices/predict.py": "3" * 64}}, {"entry": "house_prices.predict:other"}):
        assert Manifest.parse(json.dumps(LARGE | change)).artifact != manifest.artifact


def test_digest_of_json_knows_no_order():
    assert digest({"a": [1, {"c": 1, "b": 2}]}) == digest({"a": [1, {"b": 2, "c": 1}]})
    assert digest([1, 2]) != digest([2, 1])
    assert len(digest("é")) == 64
