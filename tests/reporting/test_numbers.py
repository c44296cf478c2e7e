"""Numbers that a release manager reads: never rounded into a certainty that is not there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reporting.numbers import number, percent, signed
from harness.reporting.text import clean, columns, cut, shown, wrap


@given(st.integers(1, 10**18), st.data())
def test_percent_is_0_or_100_only_where_it_is_so(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total) | st.sampled_from([1, total - 1]))
    assert (percent(count, total) == "0%") == (count == 0)
    assert (percent(count, total) == "100%") == (count == total)


@given(st.floats(0, 2, exclude_min=True))
def test_a_share_is_100_only_exactly(share: float) -> None:
    assert (percent(share) == "100%") == (share == 1)
    assert percent(share) != "0%"
    assert not percent(share).startswith("0.0")


@pytest.mark.parametrize(
    ("count", "total", "words"),
    [
        (0, 9, "0%"),
        (1, 2, "50%"),
        (3, 67, "4.5%"),
        (9, 9, "100%"),
        (995, 1000, "99.5%"),
        (9996, 10000, ">99.9%"),
        (0, 0, "–"),
    ],
)
def test_percent_of_counts(count: int, total: int, words: str) -> None:
    assert percent(count, total) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (44.127, "44.13"),
        (999.96, "1,000"),
        (1234567, "1,234,567"),
        (1e-9, "1e-09"),
        (1e20, "1e+20"),
        (None, "–"),
        ("NaN", "NaN"),
        (float("nan"), "NaN"),
        ("-Infinity", "-infinity"),
        ("text", "–"),
    ],
)
def test_number(value: object, words: str) -> None:
    assert number(value) == words


def test_a_change_keeps_its_sign_and_never_vanishes() -> None:
    assert signed(1e-9, True) == "+1e-07%"
    assert signed(-0.02, False) == "-0.02"
    assert signed(0.0, True) == "0%"
    assert signed("Infinity", True) == "infinity"


@given(st.text())
def test_cleaned_text_is_one_line_without_controls(text: str) -> None:
    cleaned = clean(text)
    assert "\n" not in cleaned
    assert cleaned.isprintable()
    cleaned.encode()


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J",
        "\x1b]0;owned\x07",
        "\x9b31m",
        "\x07",
        "\x00",
        "\x85",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ud800",
        "\r",
    ],
)
def test_nothing_can_steer_a_terminal(hostile: str) -> None:
    assert clean(f"a{hostile}b").replace(" ", "") == "ab"


@given(st.text(max_size=300), st.integers(8, 100))
def test_wrapped_lines_keep_the_width_and_lose_nothing(text: str, width: int) -> None:
    text = clean(text)
    wrapped = wrap(text, width)
    assert all(columns(line) <= width for line in wrapped)
    assert "".join("".join(wrapped).split()) == "".join(text.split())
    assert columns(cut(text, width)) <= width


def test_floats_of_a_case_are_shown_in_full() -> None:
    assert shown(1.0000000001) != shown(1.0)
    assert shown(None) == "null"
    assert shown("") == '""'
