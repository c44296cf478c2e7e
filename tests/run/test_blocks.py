"""What is kept of a block compares as the block itself did."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.align import compare
from harness.compare.rules import Exact, SameError
from harness.compare.ruleset import Bound, Faults, Structure
from harness.errors import HarnessError
from harness.reporting import jsonable
from harness.run import answers, blocks
from harness.run.blocks import Block
from harness.tables import Batch, Column, Fault, Outcome

BOUNDS = (
    Bound("structure", "structure", "s", Structure()),
    Bound("faults", "faults", "s", Faults(new_only=False)),
    Bound("errors", "same_error", "s", SameError()),
    Bound("all", "exact", "s", Exact()),
)
texts = st.text(max_size=5) | st.just("\ud800")
KINDS = {
    "float": st.floats(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "str": texts,
    "bytes": st.binary(max_size=4),
    "json": st.lists(st.none() | st.integers(0, 9) | texts, max_size=2) | st.just({"a": [1.5]}),
}
DTYPES = {"float": np.float64, "int": np.int64, "bool": np.bool_}


@st.composite
def columns(draw, n):
    kind = draw(st.sampled_from(sorted(KINDS)))
    values = draw(st.lists(KINDS[kind], min_size=n, max_size=n))
    array = np.empty(n, DTYPES.get(kind, object))
    for row, value in enumerate(values):
        array[row] = value
    null = draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n))
    return Column(kind, array, None if null is None else np.array(null, bool))


@st.composite
def outcomes(draw, n):
    fate = draw(st.lists(st.sampled_from(["answer", "fault", "drop"]), min_size=n, max_size=n))
    message = draw(texts)
    faults = tuple(Fault(row, "E", message, ("a.py:1",)) for row, one in enumerate(fate) if one == "fault")
    return Outcome(
        {
            name: draw(columns(n))
            for name in draw(st.sets(st.sampled_from(["x", "y", "answered"]), max_size=3))
        },
        np.array([one == "answer" for one in fate], bool),
        faults,
        tuple(row for row, one in enumerate(fate) if one == "drop"),
        draw(st.booleans()),
        draw(st.integers(0, 3)),
        0.25,
        ("a note",),
    )


@st.composite
def kept(draw):
    n = draw(st.integers(1, 6))
    keys = draw(
        st.sampled_from([np.arange(n), np.array([f"k{i}" for i in range(n)], object), np.arange(n) / 2])
    )
    batch = Batch(
        "s", draw(st.integers(0, 9)), draw(st.integers(0, 99)), keys,
        {"i": draw(columns(n)), "j": draw(columns(n))}, draw(st.none() | columns(n)),
        draw(st.just({}) | st.fixed_dictionaries({"segment": columns(n)})),
    )  # fmt: skip
    return Block(batch, draw(outcomes(n)), draw(outcomes(n)), draw(st.none() | outcomes(n)))


def bytes_of(tally) -> str:
    return json.dumps(jsonable(tally.to_json()))


@given(kept())
def test_what_is_read_compares_as_what_was_written(tmp_path_factory, block):
    folder = tmp_path_factory.mktemp("kept")
    blocks.keep(folder, block)
    (read,) = blocks.read(folder)
    for one, other in (
        (block, read),
        (replace(block, baseline=block.candidate), replace(read, baseline=read.candidate)),
    ):
        assert bytes_of(compare(one.batch, one.baseline, one.candidate, BOUNDS)) == bytes_of(
            compare(other.batch, other.baseline, other.candidate, BOUNDS)
        )
    assert (read.anchor is None) == (block.anchor is None)
    for side in ("baseline", "candidate"):
        one, other = getattr(block, side), getattr(read, side)
        assert (one.dropped, one.seconds, one.notes) == (other.dropped, other.seconds, other.notes)
    assert set(read.batch.beside) == set(block.batch.beside)
    assert blocks.same_cases(block.batch, read.batch)
    assert blocks.to_bytes(read) == blocks.to_bytes(block)


def test_columns_beside_the_inputs_are_part_of_the_cases_where_both_have_them():
    batch = Batch("s", 0, 0, np.arange(2), {"i": Column.of([1, 2])}, beside={"t": Column.of(["a", "b"])})
    other = replace(batch, beside={"t": Column.of(["a", "c"])})
    assert not blocks.same_cases(batch, other)
    # an answer is one to the inputs alone, so what is recorded of them stays
    assert blocks.fingerprint(batch) == blocks.fingerprint(other)
    assert blocks.same_cases(batch, replace(batch, beside={}))
    assert blocks.same_cases(batch, replace(batch, beside={"t": batch.beside["t"], "u": Column.of([1, 1])}))


@given(kept(), st.integers(0, 5), st.sampled_from(["key", "i", "j"]))
def test_another_case_has_another_fingerprint(block, row, part):
    batch = block.batch
    row %= len(batch)
    if part == "key":
        keys = batch.keys.astype(object)
        keys[row] = "another"
        other = replace(batch, keys=keys)
    else:
        column = batch.columns[part]
        null = np.zeros(len(batch), bool) if column.null is None else column.null.copy()
        null[row] = not null[row]
        other = replace(batch, columns={**batch.columns, part: replace(column, null=null)})
    assert blocks.fingerprint(other) != blocks.fingerprint(batch)
    assert not blocks.same_cases(other, batch)
    if part != "key":
        left = {"i", "j"} - {part}
        assert blocks.fingerprint(other, left) == blocks.fingerprint(batch, left)


def test_labels_are_part_of_the_cases_and_of_no_fingerprint():
    batch = Batch("s", 0, 0, np.arange(2), {"i": Column.of([1, 2])}, Column.of([0.5, float("nan")]))
    other = replace(batch, target=Column.of([0.5, 1.0]))
    assert blocks.same_cases(batch, replace(batch))
    assert not blocks.same_cases(batch, other)
    assert not blocks.same_cases(batch, replace(batch, target=None))
    assert blocks.fingerprint(batch) == blocks.fingerprint(other)


def test_values_of_no_known_kind_stay_what_a_report_shows(tmp_path):
    column = Column("json", np.array([Decimal("1.5"), {"a": float("nan")}], object))
    batch = Batch("s", 0, 0, np.arange(2), {"i": column})
    whole = Outcome({"x": Column.of([1.0, 2.0])}, np.ones(2, bool))
    blocks.keep(tmp_path, Block(batch, whole, whole))
    (read,) = blocks.read(tmp_path)
    assert jsonable(read.batch.columns["i"].tolist()) == jsonable(column.tolist())
    assert blocks.fingerprint(read.batch) == blocks.fingerprint(batch)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-9], lambda b: b[:7], lambda b: b"x" + b, lambda b: b + b"x"]
)
def test_damaged_answers_are_said_to_be(tmp_path, damage):
    whole = Outcome({"x": Column.of([1.0])}, np.ones(1, bool))
    blocks.keep(tmp_path, Block(Batch("s", 0, 0, np.arange(1), {}), whole, whole))
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(HarnessError, match="cannot be read"):
        list(blocks.read(tmp_path))


WHERE = {"python": "3.11.9", "processor": "x86_64 avx2"}


@given(st.lists(kept(), min_size=1, max_size=3))
def test_recorded_answers_are_given_for_exactly_the_recorded_cases(found):
    given = [(replace(one.batch, block=place), one.candidate) for place, one in enumerate(found)]
    content = answers.recorded(given, ("i",), WHERE)
    recorded = answers.Recorded.parse(content)
    assert recorded.environment == WHERE
    assert recorded.whole
    for batch, outcome in given:
        known = recorded.of(batch, ("i",))
        assert known is not None
        assert known.answered.tolist() == outcome.answered.tolist()
        assert (known.faults, known.dropped, known.extra, known.notes) == (
            outcome.faults, outcome.dropped, outcome.extra, outcome.notes,
        )  # fmt: skip
        assert {name: (one.kind, jsonable(one.tolist())) for name, one in known.columns.items()} == {
            name: (one.kind, jsonable(one.tolist())) for name, one in outcome.columns.items()
        }
        assert recorded.of(batch, ("i", "j")) is None
        assert recorded.of(replace(batch, block=len(given)), ("i",)) is None
        assert recorded.of(replace(batch, block=-1), ("i",)) is None


def test_the_same_answers_are_recorded_as_the_same_bytes():
    batch = Batch("s", 0, 0, np.arange(2), {"i": Column.of([1, 2])})
    once, again = (Outcome({"x": Column.of([1.0, 2.0])}, np.ones(2, bool), seconds=s) for s in (0.1, 0.2))
    assert answers.recorded([(batch, once)], None, WHERE) == answers.recorded([(batch, again)], None, WHERE)


def of_format_1(batch, outcome, prints):
    """As harness 0.1 recorded in its first months: whole columns, no faults, no surroundings."""
    columns = [("key", Column.of(batch.keys)), ("answered", Column("bool", outcome.answered))]
    return blocks.packed([*columns, *outcome.columns.items()], "recorded outcome", 1, {"blocks": prints})


def test_what_an_older_harness_recorded_is_read_and_says_what_it_lacks():
    batch = Batch("s", 0, 0, np.arange(2), {"i": Column.of([1, 2])})
    for answered in ([True, True], [True, False]):
        outcome = Outcome({"x": Column.of([1.0, 2.0])}, np.array(answered))
        content = of_format_1(batch, outcome, [blocks.fingerprint(batch)])
        recorded = answers.Recorded.parse(content)
        assert recorded.environment == {}
        assert recorded.whole == all(answered)
        assert recorded.of(batch, None).columns["x"].tolist() == [1.0, 2.0]
        # the first of them do not say what they are answers to
        assert answers.Recorded.parse(of_format_1(batch, outcome, [])).of(batch, None) is None


def test_what_is_no_recorded_outcome_is_refused():
    whole = Outcome({"x": Column.of([1.0])}, np.ones(1, bool))
    for content in (
        b"",
        b"nonsense of some length",
        blocks.to_bytes(Block(Batch("s", 0, 0, np.arange(1), {}), whole, whole)),
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # which words it says is nobody's business
            answers.Recorded.parse(content)
