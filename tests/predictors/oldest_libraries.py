"""The worker with the oldest numpy and pandas that install on this machine, and with the newest: `tox -e oldest`.

Not collected by itself: every environment is downloaded and made. What no interpreter of the machine can hold is left
out; at least one has to be there.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from . import interpreters, test_crossing
from .test_interpreters import Asked, bits, columns

STACKS = {
    "3.8": [["numpy==1.17.3", "pandas==1.1.0"], ["numpy==1.18.5", "pandas==1.1.5", "pyarrow==3.0.0"]],
    "3.9": [["numpy==1.21.0", "pandas==1.3.0", "pyarrow==6.0.0"]],
    "3.10": [["numpy<2", "pandas<2", "pyarrow<15"]],
    "3.11": [["numpy<2", "pandas<2.1"], ["numpy<2.1", "pandas<3", "pyarrow"]],
    "3.12": [["numpy", "pandas<3"]],
    "3.13": [["numpy", "pandas", "pyarrow"], ["numpy", "pandas"]],
}
WANTED = [
    (python, stack) for python, stacks in STACKS.items() if python in interpreters.found() for stack in stacks
]


def uv(*arguments: str) -> None:
    from uv import find_uv_bin

    subprocess.run([find_uv_bin(), *arguments], check=True)


def test_something_is_tested():
    assert WANTED


@pytest.fixture(scope="module", params=WANTED, ids=lambda one: " ".join([one[0], *one[1]]))
def workers(request, tmp_path_factory) -> Iterator[tuple[Asked, Asked]]:
    version, stack = request.param
    folder = tmp_path_factory.mktemp("stack")
    uv("venv", "--quiet", "--python", str(interpreters.found()[version]), str(folder / "environment"))
    python = folder / "environment" / "bin" / "python"
    uv("pip", "install", "--quiet", "--only-binary", ":all:", "--python", str(python), *stack)
    asked = [Asked(python, folder / entry, entry, "frame") for entry in ("echo", "seen")]
    for one in asked:
        one.stack = stack
    yield asked[0], asked[1]
    for one in asked:
        one.process.stop()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=columns())
def test_a_frame_comes_back_with_its_values(workers, case):
    rows, sent = case
    outcome = workers[0](sent, rows)
    assert outcome.faults == ()
    for name, column in sent.items():
        there = outcome.columns[name].tolist()
        for before, after in zip(column.tolist(), there, strict=True):
            if before is None:
                assert after is None or (isinstance(after, float) and math.isnan(after))
            elif isinstance(before, int) and isinstance(after, float):
                assert float(before) == after
            else:
                assert bits([before]) == bits([after])


def test_a_large_frame_too(workers):
    """Through the file, and with texts as codes and as buffers."""
    import numpy as np

    from harness import texts
    from harness.tables import Column

    rows = 50_000
    words = [f"word {row % 7}" for row in range(rows)]
    sent = {
        "x": Column.of(np.arange(rows) / 3),
        "coded": Column(
            "str", texts.Codes(np.arange(rows) % 7, texts.texts([f"word {n}" for n in range(7)]))
        ),
        "text": Column("str", texts.texts([f"text {row} é" for row in range(rows)])),
    }
    outcome = workers[0](sent, rows)
    assert outcome.columns["x"].values.tolist() == (np.arange(rows) / 3).tolist()
    assert outcome.columns["coded"].tolist() == words
    assert outcome.columns["text"].tolist() == [f"text {row} é" for row in range(rows)]


@pytest.fixture(scope="module")
def own_types(workers, tmp_path_factory):
    """Workers of the same environment that echo, tell and make columns of pandas' own types."""
    python = workers[0].python
    made = {}
    for entry in ("echo", "about", "made"):
        folder = tmp_path_factory.mktemp(entry)
        made[entry] = test_crossing.Worker(folder, entry, python=python)
    # pandas has floats that may be absent since 1.2
    old = "pandas==1.1" in " ".join(workers[0].stack)
    yield {**made, "plain": ("float nullable",) if old else ()}
    for one in made.values():
        one.process.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=test_crossing.frames())
def test_zones_categories_and_numbers_that_may_be_absent_come_back(own_types, tmp_path_factory, frame):
    batch = test_crossing.batch_of(frame, tmp_path_factory.mktemp("table"))
    test_crossing.came_back(batch, own_types["echo"](batch), own_types["plain"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=test_crossing.frames())
def test_the_model_sees_them_as_its_own_pandas_has_them(own_types, tmp_path_factory, frame):
    batch = test_crossing.batch_of(frame, tmp_path_factory.mktemp("table"))
    told = json.loads(own_types["about"](batch).columns["prediction"].tolist()[0])
    for (name, dtype, words), column in zip(told, batch.columns.values(), strict=True):
        if column.kind == "datetime" and column.form:
            assert dtype == f"datetime64[ns, {column.form}]", name
        elif column.said in own_types["plain"]:
            assert dtype == "float64"
        elif column.form == "nullable":
            assert dtype.lower() == ("boolean" if column.kind == "bool" else str(column.held.dtype)), name
            assert dtype != str(column.held.dtype), name
        elif column.form.startswith(("category", "ordered")):
            assert dtype == "category"
            assert words.endswith(f", {column.form.startswith('ordered')}]")


def test_what_the_model_makes_of_them_arrives(own_types):
    test_crossing.made_of_pandas_own_types(own_types["made"])
