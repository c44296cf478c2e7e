"""What a table holds crosses to a version as it was, and what a version answers crosses back as it was.

Asked of real workers: under pandas with pyarrow and with pyarrow hidden, and with neither numpy nor pandas. The oracle
is pandas itself: the frame that the model sees has the types, categories and values of the frame that was written.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness import worker
from harness.compare.align import compare
from harness.compare.ruleset import Bound, Structure
from harness.inputs.fixed import TableSource
from harness.predictors import outbox
from harness.predictors.isolated import read_outcome
from harness.predictors.process import Process
from harness.reporting import jsonable
from harness.run import blocks
from harness.settings import Input
from harness.tables import Batch, Column, Outcome

MODEL = """
import json

def echo(given):
    return given

def about(given):
    # a type of categories shows its words, whether they have an order, and those that no row has
    shown = []
    for name in given:
        dtype = given[name].dtype
        words = [list(dtype.categories), dtype.ordered] if hasattr(dtype, "categories") else []
        shown.append([name, str(dtype), repr(words)])
    return [json.dumps(shown)] * len(given)

def types(rows):
    return [{name: type(value).__name__ + " " + repr(value) for name, value in row.items()} for row in rows]

def made(given):
    import pandas as pd
    size = len(given)
    words = ["low", "mid", "high"]
    when = pd.Series(pd.to_datetime(["2024-10-27 00:30", "2024-10-27 01:30", None] * size)[:size])
    return pd.DataFrame({
        "zoned": when.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
        "graded": pd.Categorical((["low", "high", None] * size)[:size], categories=words, ordered=True),
        "numbered": pd.Categorical(([3, 1, None] * size)[:size], categories=[3, 2, 1]),
        "whole": pd.array(([2**62 + 1, None, -1] * size)[:size], dtype="Int64"),
        "small": pd.array(([1, None, 255] * size)[:size], dtype="UInt8"),
        "truth": pd.array(([True, None, False] * size)[:size], dtype="boolean"),
        "mixed": pd.Series(([None, float("nan"), 1.0] * size)[:size], dtype=object),
    })
"""
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Worker:
    """One worker with one entry of MODEL; the path says what it cannot import."""

    def __init__(
        self,
        folder: Path,
        entry: str,
        pass_as: str = "frame",
        hidden: tuple[str, ...] = (),
        python: Path = Path(sys.executable),
    ) -> None:
        Path(folder, "crossing.py").write_text(MODEL)
        for name in hidden:
            Path(folder, f"{name}.py").write_text(f"raise ImportError('no {name} here')\n")
        self.process = Process(python, 2**32)
        header = {"op": "open", "path": [str(folder)], "entry": f"crossing:{entry}", "pass_as": pass_as}
        opened, _ = self.process.ask({**header, "keyword": "", "outputs": ""}, (), 120)
        assert "trouble" not in opened, opened

    def __call__(self, batch: Batch) -> Outcome:
        with outbox.packed(batch) as parcel:
            reply, payload = self.process.ask({"op": "predict", **parcel.header}, parcel.chunks, 120)
        assert "trouble" not in reply, reply
        outcome = read_outcome(reply, payload, len(batch), ValueError)  # type: ignore[arg-type]
        assert outcome.faults == ()
        return outcome


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, bool], Worker]]:
    """By entry, and whether pyarrow is there."""
    made = {}
    for entry in ("echo", "about", "made"):
        for arrow in (True, False):
            hidden = () if arrow else ("pyarrow",)
            made[entry, arrow] = Worker(tmp_path_factory.mktemp(entry), entry, hidden=hidden)
    yield made
    for one in made.values():
        one.process.stop()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Worker]]:
    """Workers that have neither numpy nor pandas."""
    hidden = ("numpy", "pandas", "pyarrow")
    made = {
        entry: Worker(tmp_path_factory.mktemp(entry), entry, "records", hidden) for entry in ("echo", "types")
    }
    yield made
    for one in made.values():
        one.process.stop()


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@st.composite
def series(draw: st.DrawFn, rows: int) -> Any:
    """A column of any of the types that pandas has and that a plain array of numpy would lose."""

    def some(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(st.none() | values, min_size=rows, max_size=rows))

    def categories(values: st.SearchStrategy[Any]) -> Any:
        words = draw(st.lists(values, min_size=1, max_size=5, unique=True))
        return pd.Categorical(some(st.sampled_from(words)), categories=words, ordered=draw(st.booleans()))

    match draw(
        st.sampled_from(["zoned", "words", "numbers", "nullable", "truth", "float", "decimal", "nested"])
    ):
        case "zoned":
            stamps = st.integers(-(2**62), 2**62).map(lambda count: np.datetime64(count, "ns"))
            found = pd.Series(pd.DatetimeIndex(some(stamps)).as_unit("ns"))
            return found.dt.tz_localize("UTC").dt.tz_convert(draw(st.sampled_from(ZONES)))
        case "words":
            return categories(WORDS)
        case "numbers":
            return categories(draw(st.sampled_from([st.integers(-(2**40), 2**40), st.floats(-1e9, 1e9)])))
        case "nullable":
            width = draw(st.sampled_from([8, 16, 32, 64]))
            low, high, name = draw(
                st.sampled_from(
                    [
                        (-(2 ** (width - 1)), 2 ** (width - 1) - 1, f"Int{width}"),
                        (0, 2**width - 1, f"UInt{width}"),
                    ]
                )
            )
            return pd.array(some(st.integers(low, high)), dtype=name)
        case "truth":
            return pd.array(some(st.booleans()), dtype="boolean")
        case "float":
            return pd.array(some(st.floats(-1e300, 1e300)), dtype="Float64")
        case "decimal":
            places = draw(st.integers(0, 6))
            numbers = st.decimals(-(10**8), 10**8, places=places, allow_nan=False)
            return pd.Series([*some(numbers)], dtype=object)
        case _:
            inner = st.fixed_dictionaries({"a": st.lists(st.integers(-9, 9), max_size=3), "b": WORDS})
            return pd.Series([*some(inner)], dtype=object)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """One to five rows of one to four columns."""
    rows = draw(st.integers(1, 5))
    return pd.DataFrame({f"c{place}": draw(series(rows)) for place in range(draw(st.integers(1, 4)))})


def batch_of(frame: pd.DataFrame, folder: Path) -> Batch:
    """Through a file, as a run reads it: no schema says otherwise."""
    frame.to_parquet(folder / "table.parquet")
    source = TableSource(Input(name="rows", path="table.parquet"), folder, None)
    (batch,) = source.batches()
    return batch


def described(frame: pd.DataFrame) -> list[list[str]]:
    """What `about` says of a frame."""
    shown = []
    for name in frame:
        dtype = frame[name].dtype
        words = [list(dtype.categories), dtype.ordered] if hasattr(dtype, "categories") else []
        shown.append([str(name), str(dtype), repr(words)])
    return shown


def same(before: Any, after: Any) -> bool:
    """Equal and of one type; an absent value is absent."""
    if before is None or after is None:
        return before is after
    if isinstance(before, float) and math.isnan(before):
        return isinstance(after, float) and math.isnan(after)
    return type(before) is type(after) and bool(before == after)


@SLOW
@given(frame=frames())
def test_the_model_sees_the_types_and_categories_of_the_table(workers, tmp_path_factory, frame):
    folder = tmp_path_factory.mktemp("table")
    batch = batch_of(frame, folder)
    # what pandas makes of the file is the oracle: it has already lost, say, the type of a column of nothing
    told = described(pd.read_parquet(folder / "table.parquet"))
    for arrow in (True, False):
        seen = workers["about", arrow](batch).columns["prediction"].tolist()[0]
        seen = json.loads(seen)
        for (name, dtype, words), (its_name, its_dtype, its_words), column in zip(
            told, seen, batch.columns.values(), strict=True
        ):
            nothing = column.null is not None and column.null.all() and column.kind in ("float", "json")
            assert (its_name, its_words) == (name, words)
            assert its_dtype == dtype or nothing


@SLOW
@given(frame=frames())
def test_a_frame_comes_back_as_it_was_sent(workers, tmp_path_factory, frame):
    batch = batch_of(frame, tmp_path_factory.mktemp("table"))
    for arrow in (True, False):
        came_back(batch, workers["echo", arrow](batch))


def came_back(batch: Batch, outcome: Outcome, plain: tuple[str, ...] = ()) -> None:
    """Every column of a frame is what was sent; of the types in `plain`, which that pandas has not, its numbers are."""
    for name, sent in batch.columns.items():
        there = outcome.columns[name]
        if sent.said in plain:
            expected = [math.nan if value is None else value for value in sent.tolist()]
            assert there.said == "float"
            assert all(map(same, expected, there.tolist()))
            continue
        if sent.null is not None and sent.null.all() and not sent.form:
            assert all(value is None or value != value for value in there.tolist())
            continue
        if sent.form.startswith("decimal "):
            digits = int(sent.form.partition(" ")[2])
            expected = [None if v is None else decimal.Decimal(f"{v:.{digits}f}") for v in sent.tolist()]
            assert all(map(same, expected, there.tolist()))
            continue
        if sent.kind in ("float", "int", "bool") and sent.null is not None and not sent.form:
            # where the table does not say that they may be absent, pandas makes room for NaN
            assert [value for value in there.tolist() if value is not None and value == value] == [
                value for value in sent.tolist() if value is not None
            ]
            continue
        assert there.said == sent.said
        assert all(map(same, sent.tolist(), there.tolist()))


@SLOW
@given(frame=frames())
def test_records_are_plain_values_of_their_type_and_come_back(bare, tmp_path_factory, frame):
    batch = batch_of(frame, tmp_path_factory.mktemp("table"))
    outcome = bare["echo"](batch)
    for name, sent in batch.columns.items():
        there = outcome.columns[name]
        # a record holds microseconds, and of all zones Python's own
        for before, after in zip(sent.tolist(), there.tolist(), strict=True):
            if sent.form.startswith("decimal ") and before is not None:
                assert after == decimal.Decimal(f"{before:.{int(sent.form.partition(' ')[2])}f}")
            elif sent.kind == "datetime" and before is not None:
                micros = np.datetime64(sent.held[sent.tolist().index(before)], "us")
                assert np.datetime64(there.held[there.tolist().index(after)], "us") == micros
                assert there.form == sent.form
            else:
                assert same(before, after)


def test_a_record_has_moments_in_their_zone_and_decimals(bare):
    stamps = np.array(["2024-10-27T00:30", "2024-10-27T01:30"], "datetime64[ns]")
    columns = {
        "at": Column("datetime", stamps, None, "Europe/Berlin"),
        "price": Column("float", np.array([1.5, 2.0]), np.array([False, True]), "decimal 2"),
        "count": Column("int", np.array([1, 2]), np.array([False, True]), "nullable"),
    }
    first, second = bare["types"](Batch("rows", 0, 0, np.arange(2), columns)).columns["at"].tolist()
    # the same hour twice, in the night in which summer ends
    assert first.startswith("datetime datetime.datetime(2024, 10, 27, 2, 30, tzinfo=")
    assert second.startswith("datetime datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=")
    told = bare["types"](Batch("rows", 0, 0, np.arange(2), columns)).columns
    assert told["price"].tolist() == ["Decimal Decimal('1.50')", "NoneType None"]
    assert told["count"].tolist() == ["int 1", "NoneType None"]


@pytest.mark.parametrize("arrow", [True, False])
def test_what_a_model_makes_of_pandas_own_types_arrives(workers, arrow):
    made_of_pandas_own_types(workers["made", arrow])


def made_of_pandas_own_types(made: Worker) -> None:
    """What the entry `made` answers arrives as pandas has it."""
    batch = Batch("rows", 0, 0, np.arange(3), {"x": Column.of([1.0, 2.0, 3.0])})
    found = made(batch).columns
    assert {name: column.said for name, column in found.items()} == {
        "zoned": "datetime Europe/Berlin",
        "graded": "str ordered",
        "numbered": "int category [3, 2, 1]",
        "whole": "int nullable",
        "small": "int nullable",
        "truth": "bool nullable",
        "mixed": "float",
    }
    assert found["zoned"].tolist() == ["2024-10-27T02:30+02:00", "2024-10-27T02:30+01:00", None]
    assert found["graded"].tolist() == ["low", "high", None]
    assert found["graded"].held.words.tolist() == ["low", "mid", "high"]
    assert found["numbered"].tolist() == [3, 1, None]
    assert found["whole"].tolist() == [2**62 + 1, None, -1]
    assert found["small"].held.dtype == np.uint8
    assert found["truth"].tolist() == [True, None, False]
    assert found["mixed"].null.tolist() == [True, False, False]
    assert math.isnan(found["mixed"].held[1])


NESTED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.uuids()
    | st.dates()
    | st.times().map(lambda time: time.replace(fold=0))
    | st.timedeltas()
    | st.datetimes().map(lambda moment: moment.replace(fold=0))
    | st.datetimes(
        timezones=st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=9))])
    ).map(lambda moment: moment.replace(fold=0)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


def exactly(value: Any) -> Any:
    """A nested value with the type of every part."""
    if isinstance(value, list):
        return [exactly(one) for one in value]
    if isinstance(value, dict):
        return {(type(name), name): exactly(one) for name, one in value.items()}
    return type(value), repr(value)


@given(NESTED)
@example({worker.MARK: ["Decimal", "1"]})
@example({"bytes": "00"})
@example([decimal.Decimal("1"), "1", 1, 1.0, True])
def test_nested_values_come_back_with_their_types(value):
    specs, chunks = worker.pack([("x", "json", [value], None)])
    ((_, kind, (there,), _),) = worker.unpack(specs, b"".join(chunks))
    assert kind == "json"
    assert exactly(there) == exactly(value)


@given(st.lists(NESTED, min_size=2, max_size=2))
@example([decimal.Decimal("1"), "1"])
@example([{"bytes": "00"}, b"\0"])
@example([{1: "a"}, {"1": "a"}])
def test_what_differs_is_written_differently(values):
    texts = [b"".join(map(bytes, worker.pack([("x", "json", [value], None)])[1])) for value in values]
    assert (texts[0] == texts[1]) == (exactly(values[0]) == exactly(values[1]))


@pytest.mark.parametrize(
    "text",
    [
        '{"\\u0000is": 1}', '{"\\u0000is": ["Decimal", "x"]}', '{"\\u0000is": ["bytes", 5]}',
        '{"\\u0000is": ["datetime", [1]]}', '{"\\u0000is": ["datetime", ["1", ""]]}', '{"\\u0000is": [1, 2]}',
        '{"\\u0000is": ["dict", [[{"a": 1}, 2]]]}', '{"\\u0000is": ["UUID", "no"], "more": 1}',
    ],
)  # fmt: skip
def test_marks_that_say_nothing_are_refused(text):
    blob = text.encode()
    spec = {"name": "x", "kind": "json tagged", "rows": 1, "sizes": [16, len(blob)]}
    payload = np.array([0, len(blob)], "<i8").tobytes() + blob.ljust(-(-len(blob) // 8) * 8, b"\0")
    with pytest.raises(ValueError, match=r"\w"):
        worker.unpack([spec], payload)


@pytest.mark.parametrize(
    "said",
    ["float Europe/Berlin", "datetime Europe Berlin", "datetime ", "str nullable", "int category", "int category {}",
     "float decimal", "int decimal 2", "float decimal -1", "json category", "bytes nullable", "bool ordered x"],
)  # fmt: skip
def test_forms_that_no_column_has_are_refused(said):
    kind = said.partition(" ")[0]
    specs, chunks = worker.pack(
        [("x", kind, {"json": [None], "bytes": [b""], "str": [""]}.get(kind, [0]), None)]
    )
    assert worker.unpack(specs, b"".join(chunks))
    if said == "datetime ":
        return
    with pytest.raises(ValueError, match=r"\w"):
        worker.unpack([specs[0] | {"kind": said}], b"".join(chunks))


@SLOW
@given(frame=frames())
def test_what_is_kept_of_a_run_is_what_was_sent(tmp_path_factory, frame):
    batch = batch_of(frame, tmp_path_factory.mktemp("table"))
    outcome = Outcome(batch.columns, np.ones(len(batch), bool))
    folder = tmp_path_factory.mktemp("kept")
    blocks.keep(folder, blocks.Block(batch, outcome, outcome))
    (block,) = blocks.read(folder)
    assert blocks.fingerprint(block.batch) == blocks.fingerprint(batch)
    for name, sent in batch.columns.items():
        for there in (block.batch.columns[name], block.candidate.columns[name]):
            assert there.said == sent.said
            assert all(map(same, sent.tolist(), there.tolist()))


def test_forms_and_nested_values_of_an_older_harness_are_read_as_they_were():
    content = memoryview((Path(__file__).parents[1] / "frozen" / "forms-0.1.answers").read_bytes())
    _, columns, length = blocks.unpacked(content)
    assert length == len(content)
    found = {name.removeprefix("candidate:"): c for name, c in columns if name.startswith("candidate:")}
    assert {name: column.said for name, column in found.items()} == {
        "at": "datetime Europe/Berlin",
        "grade": "str ordered",
        "size": "int category [3, 2, 1]",
        "count": "int nullable",
        "price": "float decimal 2",
        "nested": "json",
        "plain": "json",
    }
    assert found["at"].tolist() == ["2024-10-27T02:30:00.000000001+01:00", "2024-10-27T02:30+02:00"]
    assert found["grade"].tolist() == ["hög", None]
    assert found["grade"].held.words.tolist() == ["low", "mid", "hög"]
    assert found["size"].tolist() == [3, 1]
    assert (found["count"].tolist(), found["count"].held.dtype) == ([255, None], np.uint8)
    assert found["price"].tolist() == [1.5, None]
    # before there were marks, bytes were written as an object with one entry: such an object stays what it was
    assert found["plain"].tolist() == [{"bytes": "00"}, None]
    first, (moment, day, number, nan, nothing) = found["nested"].tolist()
    assert exactly(first) == exactly({"d": [decimal.Decimal("1.50"), "1.50"], 7: b"\0\xff"})
    assert exactly([moment, day, nothing]) == exactly(
        [datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.date(2020, 1, 2), None]
    )
    assert (number, math.isnan(nan)) == (uuid.UUID(int=5), True)


def test_the_same_moments_in_another_zone_are_no_longer_the_same_type():
    stamps = np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]")
    sides = [Column("datetime", stamps, None, form) for form in ("Europe/Berlin", "")]
    batch = Batch("rows", 0, 0, np.arange(2), {"x": Column.of([1.0, 2.0])})
    every = np.ones(2, bool)
    bound = Bound("structure", "structure", "rows", rule=Structure())
    for one, other, words in (
        (0, 1, ["output type changed: at was datetime in Europe/Berlin and is in no zone"]),
        (0, 0, []),
    ):
        tally = compare(
            batch, Outcome({"at": sides[one]}, every), Outcome({"at": sides[other]}, every), [bound]
        )
        assert list(tally.rules["structure"].problems) == words


def test_a_report_shows_the_value_of_a_decimal():
    assert jsonable({"a": [decimal.Decimal("1.50"), datetime.timedelta(1)]}) == {
        "a": ["1.50", "1 day, 0:00:00"]
    }
