"""The worker under every interpreter of the machine: what a model is sent, and what it answers, stays what it was."""

from __future__ import annotations

import datetime
import math
import os
import py_compile
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import texts
from harness.predictors import outbox
from harness.predictors.isolated import read_outcome
from harness.predictors.process import Process
from harness.tables import Batch, Column, Outcome

from . import interpreters

MODEL = """
def echo(given):
    return given

def seen(given):
    # what the model was given, as text: the frame made of buffers must be the frame made of plain values
    return {name: [repr(value) for value in given[name].tolist()] for name in given}

def dtypes(given):
    return ["; ".join("%s:%s" % (name, given[name].dtype) for name in given)] * len(given)

def spoils(given):
    if len(given) > 1:
        for name in given:
            given.loc[:, name] = given[name].iloc[0]
        raise ValueError("one by one")
    return given
"""
WITHOUT = "raise ImportError('no pyarrow here')\n"
TEXTS = st.text(st.characters(), max_size=6) | st.sampled_from(["", "\ud800", "a\0b", "é", "\U0001f600"])
# which of two equal hours of a night is meant is a matter of zones alone
STAMPS = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)).map(
    lambda t: t.replace(fold=0)
)
ZONES = st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=-7, minutes=-30))])
ZONED = st.builds(lambda stamp, zone: stamp.replace(tzinfo=zone), STAMPS, ZONES)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | TEXTS
    | st.binary(max_size=4) | DECIMALS | STAMPS | ZONED | st.dates() | st.timedeltas() | st.uuids() | st.fractions(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.integers(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "float": st.floats(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "str": TEXTS,
    "bytes": st.binary(max_size=6),
    "datetime": STAMPS,
    "zoned": ZONED,
    "decimal": DECIMALS,
    "json": NESTED,
}


class Asked:
    """One worker of one interpreter with one entry of MODEL."""

    def __init__(self, python: Path, folder: Path, entry: str, pass_as: str) -> None:
        folder.mkdir(exist_ok=True)
        self.python, self.stack = python, list[str]()
        Path(folder, "echoing.py").write_text(MODEL)
        self.process = Process(python, 2**32)
        header = {"op": "open", "path": [str(folder)], "entry": f"echoing:{entry}", "pass_as": pass_as}
        self.opened, _ = self.process.ask({**header, "keyword": "", "outputs": ""}, (), 120)
        assert "trouble" not in self.opened, self.opened

    def __call__(self, columns: dict[str, Column], rows: int) -> Outcome:
        batch = Batch("rows", 0, 0, np.arange(rows), columns)
        with outbox.packed(batch) as parcel:
            reply, payload = self.process.ask({"op": "predict", **parcel.header}, parcel.chunks, 120)
        assert "trouble" not in reply, reply
        return read_outcome(reply, payload, rows, ValueError)  # type: ignore[arg-type]


def bits(values: list[Any]) -> list[Any]:
    """Values so that NaN is itself, -0.0 is not 0.0, and neither True nor 1.0 is 1."""
    return [(type(v).__name__, struct.pack("<d", v) if isinstance(v, float) else repr(v)) for v in values]


@st.composite
def columns(draw: st.DrawFn) -> tuple[int, dict[str, Column]]:
    """One to five rows of one to four columns of any kind, nulls among them; some texts as codes of few words."""
    rows = draw(st.integers(1, 5))
    found = {}
    for place in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(VALUES)))
        values = draw(st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows))
        column = Column.of(values)
        if column.kind == "str" and draw(st.booleans()):
            held = [value or "" for value in values]
            words = sorted(set(held))
            codes = np.array(
                [words.index(value) for value in held], draw(st.sampled_from(["i1", "i4", "i8"]))
            )
            column = Column("str", texts.Codes(codes, texts.texts(words)), column.null)
        found[f"c{place}"] = column
    return rows, found


@pytest.fixture(scope="module", params=sorted(interpreters.found(), key=lambda v: int(v.partition(".")[2])))
def echo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A worker of each interpreter as it stands on the machine: mostly with nothing installed."""
    asked = Asked(interpreters.found()[request.param], tmp_path_factory.mktemp("echo"), "echo", "records")
    assert asked.opened["python"].startswith(request.param + ".")
    yield asked
    asked.process.stop()


def test_ours_is_among_them():
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in interpreters.found()


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(case=columns())
def test_records_come_back_as_they_were_from_every_interpreter(echo, case):
    rows, sent = case
    outcome = echo(sent, rows)
    assert outcome.faults == ()
    for name, column in sent.items():
        there = outcome.columns[name]
        if all(column.null) if column.null is not None else False:
            assert there.null is not None
            assert there.null.all()
            continue
        assert (there.kind, bits(there.tolist())) == (column.kind, bits(column.tolist()))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Asked, Asked]]]:
    """Per question the worker that has pyarrow, and the worker from which it is hidden."""
    made = {}
    for entry in ("seen", "dtypes", "echo"):
        pair = []
        for hidden in (False, True):
            folder = tmp_path_factory.mktemp(entry)
            if hidden:
                Path(folder, "pyarrow.py").write_text(WITHOUT)
            pair.append(Asked(Path(sys.executable), folder, entry, "frame"))
        made[entry] = (pair[0], pair[1])
    yield made
    for pair in made.values():
        for asked in pair:
            asked.process.stop()


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(case=columns())
def test_a_frame_is_the_same_with_pyarrow_and_without(frames, case):
    rows, sent = case
    with_arrow, without = (asked(sent, rows) for asked in frames["seen"])
    assert with_arrow.faults == without.faults == ()
    for name in sent:
        assert with_arrow.columns[name].tolist() == without.columns[name].tolist()
    kinds = [asked(sent, rows).columns["prediction"].tolist()[0].split("; ") for asked in frames["dtypes"]]
    for name, one, other in zip(sent, *kinds, strict=True):
        # text that only Python can hold is an object where pandas would keep text in Arrow
        assert one == other or "\\ud800" in repr(sent[name].tolist())


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(case=columns())
def test_a_frame_comes_back_with_its_values(frames, case):
    """As pandas has them: what is absent is NaN or NaT, and an integer beside it is a float."""
    rows, sent = case
    for asked in frames["echo"]:
        outcome = asked(sent, rows)
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


def test_a_model_that_writes_into_its_frame_changes_nothing_that_is_asked_next(tmp_path):
    """It spoils the whole batch and raises; asked again in halves, it is given what was sent."""
    asked = Asked(Path(sys.executable), tmp_path, "spoils", "frame")
    try:
        outcome = asked(
            {"x": Column.of([1.0, 2.0, 3.0]), "s": Column("str", texts.texts(["a", "b", "c"]))}, 3
        )
    finally:
        asked.process.stop()
    assert outcome.faults == ()
    assert outcome.columns["x"].tolist() == [1.0, 2.0, 3.0]
    assert outcome.columns["s"].tolist() == ["a", "b", "c"]


def test_the_bytecode_of_a_package_is_neither_read_nor_written(tmp_path):
    """Its digest speaks for the source: bytecode that somebody left beside it is other code that nobody vouched for."""
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    source = folder / "inner" / "__init__.py"
    source.write_text("def ask(rows): return [1.0] * len(rows)\n")
    stamp = source.stat()
    source.write_text("def ask(rows): return [2.0] * len(rows)\n")
    other = py_compile.compile(str(source), doraise=True)
    source.write_text("def ask(rows): return [1.0] * len(rows)\n")
    # as large as the source and as old as it: Python would believe the bytecode
    with open(other, "r+b") as file:
        file.seek(8)
        file.write(struct.pack("<II", int(stamp.st_mtime), stamp.st_size))
    os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    answer = "import sys; sys.path.insert(0, sys.argv[1]); import inner; print(inner.ask([0]))"
    believed = subprocess.run(
        [sys.executable, "-c", answer, str(folder)], capture_output=True, text=True, check=True
    )
    assert believed.stdout == "[2.0]\n"
    (folder / "other.py").write_text("from inner import ask\n")
    process = Process(Path(sys.executable), 2**32)
    try:
        header = {"op": "open", "path": [str(folder)], "entry": "other:ask", "pass_as": "records"}
        process.ask({**header, "keyword": "", "outputs": ""}, (), 60)
        batch = Batch("rows", 0, 0, np.arange(1), {"x": Column.of([0.0])})
        with outbox.packed(batch) as parcel:
            reply, payload = process.ask({"op": "predict", **parcel.header}, parcel.chunks, 60)
        outcome = read_outcome(reply, payload, 1, ValueError)  # type: ignore[arg-type]
    finally:
        process.stop()
    assert outcome.columns["prediction"].tolist() == [1.0]
    assert not (folder / "__pycache__").exists()
