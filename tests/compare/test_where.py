"""Conditions, against pandas' own evaluation of the same text."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.where import column_alone, parse, written
from harness.errors import HarnessError
from harness.tables import Column

SIGNS = ("==", "!=", "<", "<=", ">", ">=")
TEXTS = st.sampled_from(["", "north", "O'Brien", 'a "b"', "ä", "n"])
NUMBERS = st.sampled_from([-1.5, 0.0, 1.0, 2.5, 1e300, 0.1]) | st.integers(-5, 5)
DATES = st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 1, 5))
ODD = "odd name"


@st.composite
def frames(draw):
    """Columns with nulls: floats, whole numbers, texts, truths, dates, and one with an odd name."""
    n = draw(st.integers(1, 8))

    def some(values):
        return draw(st.lists(st.none() | values, min_size=n, max_size=n))

    return {
        "x": some(st.floats(-5, 5) | st.just(float("nan")) | NUMBERS.map(float)),
        ODD: some(st.floats(-2, 2)),
        "k": draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n)),
        "t": some(TEXTS),
        "b": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        "d": some(DATES),
    }


def ours(data):
    columns = {name: Column.of(values) for name, values in data.items() if name != "d"}
    stamps = np.array(["NaT" if v is None else str(v) for v in data["d"]], "datetime64[ns]")
    columns["d"] = Column("datetime", stamps, np.isnat(stamps))
    if columns["t"].kind != "str":  # all null
        columns["t"] = Column("str", np.array([""] * len(data["t"]), object), np.ones(len(data["t"]), bool))
    return columns


def theirs(data):
    frame = pd.DataFrame({name: data[name] for name in ("k", "b")})
    frame["x"] = pd.Series(data["x"], dtype=float)
    frame[ODD] = pd.Series(data[ODD], dtype=float)
    frame["t"] = pd.Series(data["t"], dtype="str")
    # as days: pandas' eval compares dates with texts by rules of its own
    frame["d"] = pd.Series([None if v is None else v.toordinal() for v in data["d"]], dtype=float)
    return frame


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


@st.composite
def single(draw):
    """One test in our grammar and in pandas', which calls `nan != 1` true."""
    column = draw(st.sampled_from(["x", ODD, "k", "t", "b", "d"]))
    kind = draw(st.sampled_from(["sign", "sign", "flip", "pair", "in", "not in", "null"]))
    literal = {"t": TEXTS, "b": st.booleans(), "d": DATES}.get(column, NUMBERS)
    name = f"`{column}`" if column == ODD else column

    def both(value):
        if column == "t":
            return quoted(value), repr(value)
        if column == "d":
            return str(value), str(value.toordinal())
        return (str(value).lower(), repr(value)) if column == "b" else (repr(value), repr(value))

    if kind == "null":
        no = draw(st.booleans())
        return f"{name} is {'not ' * no}null", f"{name}.{'not' * no}{'' if no else 'is'}null()"
    if kind in ("in", "not in"):
        values = [both(v) for v in draw(st.lists(literal, min_size=1, max_size=3))]
        inside = " or ".join(f"{name} == {v}" for _, v in values)
        test = f"{name} {kind} ({', '.join(v for v, _ in values)})"
        return test, f"({inside})" if kind == "in" else f"(not ({inside}) and {name}.notnull())"
    sign = draw(st.sampled_from(SIGNS[:2] if column == "b" else SIGNS))
    if kind == "pair" and column in ("x", ODD, "k"):
        test = f"x {sign} {name}"
        return test, f"({test} and x.notnull() and {name}.notnull())"
    mine, other = both(draw(literal))
    if kind == "flip":
        return f"{mine} {sign} {name}", f"({other} {sign} {name} and {name}.notnull())"
    return f"{name} {sign} {mine}", f"({name} {sign} {other} and {name}.notnull())"


def conditions():
    def joined(inner):
        pair = st.tuples(inner, st.sampled_from(["and", "or"]), inner)
        return (
            pair.map(lambda p: tuple(f"({a}) {p[1]} ({b})" for a, b in zip(p[0], p[2], strict=True)))
            # without parentheses: and binds before or, as in pandas
            | pair.map(lambda p: tuple(f"{a} {p[1]} {b}" for a, b in zip(p[0], p[2], strict=True)))
            | inner.map(lambda p: tuple(f"not ({a})" for a in p))
        )

    return st.recursive(single(), joined, max_leaves=5)


@given(frames(), conditions())
def test_a_condition_chooses_the_cases_that_pandas_chooses(data, condition):
    text, query = condition
    expected = theirs(data).eval(query, engine="python")
    assert parse(text).mask(ours(data)).tolist() == np.asarray(expected, bool).tolist(), text


@given(conditions())
def test_spaces_do_not_matter_and_what_is_read_is_a_value(condition):
    text, _ = condition
    spaced = f"  {text}\n"
    assert parse(text) == parse(spaced)
    assert hash(parse(text)) == hash(parse(spaced))


@given(st.text(max_size=30) | st.text("abx'\"`()=<>!&|, 019.-einorstu\n", max_size=30))
def test_any_text_is_read_or_refused_with_its_place(text):
    error = None
    try:
        found = parse(text, "rule r")
    except HarnessError as refused:
        error = refused
    if error is None:
        assert found.columns
        return
    assert error.code == "E27"
    assert error.hint
    assert error.where.startswith("rule r\n")
    assert error.where.splitlines()[-1].strip() == "^"


@given(st.text(min_size=1, max_size=10))
def test_every_name_can_be_written(name):
    assert column_alone(written(name)) == name
    assert parse(f"{written(name)} == 1").columns == (name,)


def test_integers_are_compared_as_integers():
    big = Column("int", np.array([2**53, 2**53 + 1], np.int64))
    assert parse(f"x == {2**53 + 1}").mask({"x": big}).tolist() == [False, True]
    assert parse("x > 9007199254740992.0").mask({"x": big}).tolist() == [False, True]
    small = {"x": Column("int", np.array([-128, 127], np.int8))}
    assert parse("x < 300").mask(small).tolist() == [True, True]
    assert parse("x >= -0.5").mask(small).tolist() == [False, True]
    assert parse("x != 126.5").mask(small).tolist() == [True, True]
    assert (
        parse("x < 126.5").mask(small).tolist() == parse("x <= 126.5").mask(small).tolist() == [True, False]
    )
    assert parse("x < 127.5 and x > 126.5").mask(small).tolist() == [False, True]
    unsigned = {"x": Column("int", np.array([0, 2**64 - 1], np.uint64))}
    assert parse("x > -1 and x > 18446744073709551614").mask(unsigned).tolist() == [False, True]


def test_narrow_floats_are_compared_as_wide_ones():
    column = {"x": Column("float", np.array([0.1, 0.5], np.float32))}
    assert parse("x == 0.1").mask(column).tolist() == [False, False]
    assert parse("x == 0.5").mask(column).tolist() == [False, True]


def test_a_date_far_away_does_not_wrap_round():
    stamps = Column("datetime", np.array(["2024-01-31", "2024-02-01T00:00:01"], "datetime64[ns]"))
    assert parse("d < 9999-12-31").mask({"d": stamps}).tolist() == [True, True]
    assert parse("d > 0001-01-01").mask({"d": stamps}).tolist() == [True, True]
    assert parse("d == 2024-02-01T00:00:01.0").mask({"d": stamps}).tolist() == [False, True]


def test_a_column_without_values_has_no_kind():
    empty = {"x": Column.of([None, None])}
    assert parse("x == 'a' or x > 2024-01-01 or x == true").mask(empty).tolist() == [False, False]


@pytest.mark.parametrize(
    ("text", "words", "caret", "hint"),
    [
        ("distrct == 'north'", "no column is named distrct", 0, 'did you mean "district"?'),
        ("year < 1950 and yaer > 1", "no column is named yaer", 16, 'did you mean "year"?'),
        ("district < 1950", "column district holds text, and this is a number", 11, "in quotes"),
        ("year in (1, '2')", "column year holds numbers, and this is a text", 12, "without quotes"),
        ("year == district", "column year holds numbers, column district text", 8, "mend"),
        ("sold == '2024-01-31'", "column sold holds dates, and this is a text", 8, "2024-01-31"),
        ("new > true", "which have no order", 0, "mend"),
        ("tags == 'a'", "column tags holds json", 0, "null"),
    ],
)
def test_a_condition_that_does_not_fit_is_marked(text, words, caret, hint):
    kinds = {"district": "str", "year": "int", "sold": "datetime", "new": "bool", "tags": "json", "odd": ""}
    with pytest.raises(HarnessError, match=words) as caught:
        parse(text, "rule r").check(kinds)
    assert caught.value.code == "E27"
    assert hint in caught.value.hint
    # printed, the caret stands below the place
    line, mark = str(caught.value).splitlines()[2:4]
    assert line.strip() == text
    assert mark.index("^") - line.index(text) == caret


@pytest.mark.parametrize(
    ("text", "caret", "hint"),
    [
        ("year = 1950", 5, "=="),
        ("year < 1950 & new == true", 12, "write and"),
        ("district == 'north", 12, "no closing quote"),
        ("1900 < year < 1950", 12, "1 < x and x < 5"),
        ("year == null", 8, "is null"),
        ("new", 3, "new == true"),
        ("year in (north)", 9, "'north'"),
        ("year < 1950 annd new == true", 12, 'did you mean "and"?'),
        ("(year < 1950", 12, ""),
        ("1 == 2", 0, "names a column"),
        ("", 0, ""),
        ("year < __import__('os')", 17, ""),
    ],
)
def test_a_condition_that_cannot_be_read_is_marked(text, caret, hint):
    with pytest.raises(HarnessError) as caught:
        parse(text)
    assert hint in caught.value.hint
    assert caught.value.where.splitlines()[-1].index("^") - len("  where: ") == caret
