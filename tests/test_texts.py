"""Texts as buffers and codes, against the plain Python values that they stand for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import texts, worker
from harness.compare.rules import Exact
from harness.errors import HarnessError
from harness.inputs.fixed import TableSource, _column
from harness.run import blocks
from harness.settings import Input
from harness.tables import Batch, Column
from harness.texts import CHUNK, Codes, Texts

WORDS = ["", "a", "b", "ab", "é", "\ud800", "\U0001f600", "a\0", "a" * 8, "a" * 8 + "b", "a" * 9, "x" * 100]
values = st.lists(st.sampled_from(WORDS) | st.text(max_size=12), max_size=40)


def plain(held) -> list:
    return list(texts.objects(held))


def coded(column: list[str]) -> Codes:
    words = sorted(set(column), reverse=True)
    return Codes(np.array([words.index(word) for word in column], np.int8), texts.texts(words))


@st.composite
def pairs(draw, most=40):
    """Two columns that agree in most rows."""
    old = draw(st.lists(st.sampled_from(WORDS), max_size=most))
    new = [draw(st.sampled_from(WORDS)) if draw(st.integers(0, 3)) == 0 else word for word in old]
    return old, new


@given(values, st.data())
def test_what_is_taken_and_joined_is_what_lists_give(column, data):
    held = texts.texts(column)
    assert plain(held) == held.tolist() == list(held) == [held[row] for row in range(len(held))] == column
    n = len(column)
    first, last = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    part = texts.take(held, slice(first, last))
    assert plain(part) == column[first:last]
    index = data.draw(st.lists(st.integers(0, last - first - 1), max_size=20)) if last > first else []
    assert plain(texts.take(part, np.array(index, int))) == [column[first:last][row] for row in index]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    kept = [word for word, use in zip(column, mask, strict=True) if use]
    assert plain(texts.take(held, mask)) == kept
    if column:
        assert plain(texts.take(coded(column), mask)) == kept
    assert plain(texts.concat([part, held, part])) == column[first:last] + column + column[first:last]


@pytest.mark.parametrize("pieces", [0, 1, 3, 40, 1000])
def test_what_is_taken_in_pieces_is_what_lists_give(pieces):
    rng = np.random.default_rng(pieces)
    column = ["w" * int(size) + str(number) for number, size in enumerate(rng.integers(0, 9, 2000))]
    column[5] = column[77] = ""
    held = texts.take(texts.texts(["odd", *column, "é"]), slice(1, -1))
    # pieces that lie together, in any order and more than once
    starts, sizes = rng.integers(0, 1900, pieces), rng.integers(1, 100, pieces)
    index = [row for first, size in zip(starts, sizes, strict=True) for row in range(first, first + size)]
    assert plain(texts.take(held, np.array(index, int))) == [column[row] for row in index]
    mask = np.ones(2000, bool)
    mask[rng.integers(0, 2000, pieces)] = False
    kept = [word for word, use in zip(column, mask, strict=True) if use]
    assert plain(texts.take(held, mask)) == kept


@given(pairs(), st.integers(0, 3))
def test_equal_is_what_python_says_whatever_they_are_held_in(sides, skip):
    forms = [
        # a slice: offsets that do not begin at 0
        lambda column: texts.take(texts.texts(["y" * skip, *column]), slice(1, None)),
        coded,
        lambda column: np.array([*column, None], object)[:-1],
    ]
    expected = [x == y for x, y in zip(*sides, strict=True)]
    for old in forms:
        for new in forms:
            assert texts.equal(old(sides[0]), new(sides[1])).tolist() == expected


@pytest.mark.parametrize("longest", [1, 12, 90, 900])
@pytest.mark.parametrize("changed", [0.0, 0.001, 0.3, 1.0])
def test_equal_holds_over_many_chunks_however_texts_are_laid_out(longest, changed):
    rng = np.random.default_rng([longest, int(changed * 1000)])
    n = 2 * CHUNK + 77 if longest < 100 else 3000
    words = [("w" * int(size)) + str(number) for number, size in enumerate(rng.integers(0, longest, 300))]
    old = rng.integers(0, 300, n)
    new = np.where(rng.random(n) < changed, rng.integers(0, 300, n), old)
    # of equal length and different in the last byte alone
    words += [word[:-1] + "x" for word in words]
    new = np.where(rng.random(n) < changed / 4, new + 300, new)
    found = texts.equal(*(texts.texts([words[code] for code in side]) for side in (old, new)))
    assert found.tolist() == (old == new).tolist()


@given(values, st.data())
def test_buffers_travel_as_the_same_bytes_as_plain_values(column, data):
    null = data.draw(st.none() | st.lists(st.booleans(), min_size=len(column), max_size=len(column)))
    array = None if null is None else np.array(null, bool)
    packed = worker.pack([("x", "str", column, null)])
    assert worker.pack([Column("str", texts.texts(column), array).named("x")]) == packed
    part = texts.take(texts.texts(["odd", *column, "é"]), slice(1, -1))
    assert worker.pack([Column("str", part, array).named("x")]) == packed
    if column:
        blank = [
            word if not gone else "" for word, gone in zip(column, null or [False] * len(column), strict=True)
        ]
        assert worker.pack([Column("str", coded(column), array).named("x")]) == worker.pack(
            [("x", "str", blank, null)]
        )


@pytest.mark.parametrize("marks", [[0, 1, 2], [0, 2, 3], [0, 1, 4]])
def test_a_text_that_begins_inside_a_character_is_refused(marks):
    blob = "é€"[:2].encode()[: marks[-1]]
    spec = {"name": "s", "kind": "str", "rows": 2, "sizes": [24, len(blob)]}
    payload = np.array(marks, "<i8").tobytes() + blob.ljust(8, b"\0")
    with pytest.raises(ValueError, match=r"\w"):
        worker.unpack([spec], payload)
    assert worker.unpack([spec | {"kind": "bytes"}], payload)[0][2].tolist() == [
        blob[: marks[1]],
        blob[marks[1] :],
    ]


@given(st.lists(st.none() | st.text(max_size=4), min_size=1, max_size=20), st.data())
def test_columns_of_arrow_hold_the_values_that_arrow_does(column, data):
    first = data.draw(st.integers(0, len(column)))
    array = pa.array(column, data.draw(st.sampled_from([pa.string(), pa.large_string()])))
    for form in (array, array.dictionary_encode()):
        found = _column(pa.chunked_array([form]).slice(first))
        assert found.tolist() == column[first:]
        if len(found):
            # what is null is the same case wherever it comes from
            spelled = [word or "" for word in column[first:]]
            assert [*worker.unpack(*_packed(found))[0][2]] == spelled


def _packed(column: Column):
    specs, chunks = worker.pack([column.named("x")])
    return specs, b"".join(chunks)


def test_text_behind_a_null_of_arrow_is_not_part_of_the_case():
    loud = pa.Array.from_buffers(
        pa.string(),
        2,
        [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([0, 1, 4], np.int32)), pa.py_buffer(b"aXYZ")],
    )
    quiet = pa.array(["a", None])
    assert loud.to_pylist() == quiet.to_pylist()
    sides = [
        blocks.fingerprint(Batch("s", 0, 0, np.arange(2), {"x": _column(pa.chunked_array([one]))}))
        for one in (loud, quiet)
    ]
    assert sides[0] == sides[1]


def test_a_category_is_held_by_its_code_and_not_where_words_are_many_or_twice():
    few = pa.array(["a", "b", "a", None]).dictionary_encode()
    assert isinstance(_column(pa.chunked_array([few])).held, Codes)
    many = pa.DictionaryArray.from_arrays(pa.array([0]), pa.array(["a", "b"]))
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", "a"]))
    for one in (many, twice):
        assert isinstance(_column(pa.chunked_array([one])).held, Texts)
    assert _column(pa.chunked_array([twice])).tolist() == ["a", "a"]
    numbers = _column(pa.chunked_array([pa.array([5, 6, 5]).dictionary_encode()]))
    assert (numbers.kind, numbers.tolist()) == ("int", [5, 6, 5])


def test_a_file_whose_text_is_no_utf8_is_said_to_be(tmp_path):
    raw = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff")]
    )
    pa.parquet.write_table(pa.table({"x": raw}), tmp_path / "t.parquet")
    source = TableSource(Input("t", "t.parquet"), tmp_path, None)
    with pytest.raises(HarnessError, match="cannot read the table"):
        list(source.batches())


@given(pairs(), st.data())
def test_exact_sees_the_same_in_buffers_codes_and_objects(sides, data):
    n = len(sides[0])
    null = [np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool) for _ in range(2)]
    plainly = [np.array([*side, None], object)[:-1] for side in sides]
    expected = Exact().judge(*(Column("str", side, gone) for side, gone in zip(plainly, null, strict=True)))
    for form in (texts.texts, coded):
        seen = Exact().judge(
            *(Column("str", form(side), gone) for side, gone in zip(sides, null, strict=True))
        )
        for part in ("violates", "magnitude", "both_nan"):
            assert getattr(seen, part).tolist() == getattr(expected, part).tolist()


@given(values, values)
def test_columns_join_as_lists_do(old, new):
    parts = [Column("str", texts.texts(old)), Column("str", texts.texts(new), np.ones(len(new), bool))]
    joined = Column.concat(parts)
    assert joined.tolist() == [*old, *[None] * len(new)]
    assert Column.concat([*parts, Column.absent(parts[0], 2)]).tolist() == [*old, *[None] * (len(new) + 2)]
    assert isinstance(joined.held, Texts)
    mixed = Column.concat([parts[0], Column("str", coded(new))] if new else [parts[0], parts[0]])
    assert mixed.tolist() == old + (new or old)


def test_an_absent_column_of_text_travels():
    absent = Column.absent(Column.of(["a"]), 3)
    assert worker.unpack(*_packed(absent))[0][2].tolist() == ["", "", ""]


@pytest.mark.parametrize(("words", "size"), [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_codes_are_as_narrow_as_their_words_allow_and_the_same(words, size):
    held = Codes(np.arange(words, dtype=np.int64), texts.texts([f"w{n}" for n in range(words)]))
    found = texts.narrow(held)
    assert found.codes.dtype.itemsize == size
    assert found.codes.tolist() == list(range(words))
    assert found.words is held.words
    assert texts.narrow(found) is found
    assert texts.narrow(held.codes) is held.codes
