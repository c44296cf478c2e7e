"""The worker with the oldest numpy and pandas that install on this machine, and with the newest: `tox -e oldest`.

Not collected by itself: every environment is downloaded and made. What no interpreter of the machine can hold is left
out; at least one has to be there.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from . import interpreters
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
