"""What a worker finds out about the libraries that saved a model file, against files that the libraries wrote."""

from __future__ import annotations

import pickle
import warnings
from importlib import metadata

import joblib
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from harness import worker
from harness.predictors import saved

HERE = metadata.version("scikit-learn")
MODEL = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
SKLEARN = [("sklearn", HERE)]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol(tmp_path, protocol):
    path = tmp_path / "model.pkl"
    # before it, more than one frame of a pickle holds
    path.write_bytes(pickle.dumps([["padding"] * 50_000, list(range(70_000)), MODEL], protocol))
    assert worker.saved_by(str(path)) == SKLEARN


@pytest.mark.parametrize("compress", [0, *(("zlib", 1), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3))])
def test_files_of_joblib_however_they_are_packed(tmp_path, compress):
    path = tmp_path / "model.joblib"
    joblib.dump({"before": list(range(200_000)), "model": MODEL}, path, compress=compress)
    assert worker.saved_by(str(path)) == SKLEARN


def test_files_of_skops(tmp_path):
    skops.io.dump(MODEL, tmp_path / "model.skops")
    assert worker.saved_by(str(tmp_path / "model.skops")) == SKLEARN


@pytest.mark.parametrize(
    "written", [b'{"version":[1,7,6]}', b"L\0\0\0\0\0\0\0\7version[#L\0\0\0\0\0\0\0\3i\1i\7i\6}"]
)
def test_boosters_of_xgboost_in_both_of_their_forms(tmp_path, written):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(bytearray(written)))
    assert worker.saved_by(str(path)) == [("xgboost", "1.7.6")]


@given(st.binary(max_size=300))
def test_any_other_file_says_nothing_and_raises_nothing(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any"
    for start in (b"", b"\x80\x04", b"\x1f\x8b", b"x\x9c", b"BZh", b"PK\3\4"):
        path.write_bytes(start + content)
        assert worker.saved_by(str(path)) == []
    assert worker.saved_by(str(path.parent)) == []


def witness(monkeypatch, here="99.0"):
    monkeypatch.setattr(worker, "installed", lambda module: here)
    return worker.Witness()


def test_each_is_said_once_and_what_fits_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "aged" / "model.pkl"
    path.parent.mkdir()
    path.write_bytes(pickle.dumps(MODEL))
    found = witness(monkeypatch)
    found.opened[str(path)] = False
    assert found.says() == [
        {"file": "aged/model.pkl", "library": "scikit-learn", "saved": HERE, "here": "99.0"}
    ]
    assert found.says() == []
    fits = witness(monkeypatch, HERE)
    fits.opened[str(path)] = False
    assert fits.says() == []


def test_a_warning_alone_is_heard(monkeypatch):
    """Of a file that is too large to be searched, or that never was one."""
    monkeypatch.setattr(worker.sys, "addaudithook", lambda hook: None)
    found = witness(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: None)
        found.watch()
        warnings.warn(
            "Trying to unpickle estimator Ridge from version 1.0.2 when using version 99.0. This might lead",
            stacklevel=1,
        )
    assert [one["file"] + " " + one["saved"] for one in found.says()] == ["Ridge 1.0.2"]
    assert found.says() == []


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ("numpy._core.numeric:_x", ModuleNotFoundError("No module named", name="numpy._core"), "2 or newer"),
        (
            "pandas.core.indexes.numeric:Int64Index",
            ModuleNotFoundError("No module named", name="pandas.core.indexes.numeric"),
            "older than 2",
        ),
        (
            "lightgbm.old:Thing",
            AttributeError("Can't get attribute 'Thing' on <module 'lightgbm.old'>"),
            "in a version that it does not name",
        ),
        ("mine.code:Thing", ModuleNotFoundError("No module named", name="other"), None),
        ("mine.code:Thing", AttributeError("'NoneType' object has no attribute 'x'"), None),
        ("", ModuleNotFoundError("No module named", name="numpy._core"), None),
    ],
)
def test_what_a_file_asked_for_in_vain_tells_what_saved_it(monkeypatch, wanted, error, words):
    found = witness(monkeypatch)
    found.wanted = wanted
    said = found.says(error)
    assert [one["saved"] for one in said] == ([] if words is None else [words])


def test_how_it_is_said():
    one = saved.Saved("model.pkl", "scikit-learn", "1.2.2", "1.9.1")
    assert str(one) == "model.pkl was saved with scikit-learn 1.2.2, and 1.9.1 is installed"
    assert one.advice == 'requirements = ["scikit-learn==1.2.2"] in its profile, or fit it again under 1.9.1'
    other = saved.Saved("model.pkl", "numpy", "2 or newer", "1.26.4")
    assert str(other) == "model.pkl was saved with numpy 2 or newer, and 1.26.4 is installed"
    assert other.advice.startswith("state the numpy that saved it")


@pytest.mark.parametrize(
    "said", [None, 3, "x", [3], [{}], [{"file": 1, "library": "", "saved": "", "here": ""}]]
)
def test_a_worker_that_says_it_wrongly_is_not_heard(said):
    assert saved.read({"saved": said}) == ()
