"""Texts, against rapidfuzz."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from harness.compare.rules.text import SameText, edit_distance
from harness.tables import Column

words = st.text("abc", max_size=40) | st.text("ab é\u0301ß\U0001f600", max_size=120)


@given(words, words)
def test_edits_agree_with_rapidfuzz(b, c):
    assert edit_distance(b, c) == Levenshtein.distance(b, c)


@given(words, words, st.integers(0, 5), st.sampled_from([0.0, 0.1, 0.25, 0.5]))
def test_limits_agree_with_rapidfuzz(b, c, edits, share):
    rule = SameText(unicode="none", max_edits=edits)
    assert rule.judge(Column.of([b]), Column.of([c])).violates.tolist() == [
        Levenshtein.distance(b, c) > edits
    ]
    rule = SameText(unicode="none", max_edit_share=share)
    expected = Levenshtein.normalized_distance(b, c)
    if abs(expected - share) > 1e-9:
        assert rule.judge(Column.of([b]), Column.of([c])).violates.tolist() == [expected > share]


def test_both_limits_hold_where_both_are_set():
    rule = SameText(max_edits=1, max_edit_share=0.2)
    old, new = Column.of(["abc", "abcdefghij", "abcdefghij"]), Column.of(["abd", "abcdefghix", "abcdefghxx"])
    assert rule.judge(old, new).violates.tolist() == [True, False, True]


def test_the_share_is_one_of_the_longer_text():
    rule = SameText(max_edit_share=0.5)
    old, new = Column.of(["abcd", "abcdefgh", "abcd"]), Column.of(["abcdefgh", "abcd", "abcdefghi"])
    assert rule.judge(old, new).violates.tolist() == [False, False, True]


def test_a_share_is_the_one_that_is_written():
    old = Column.of(["a" * 100] * 2)
    new = Column.of(["a" * (100 - edits) + "b" * edits for edits in (29, 30)])
    assert SameText(max_edit_share=0.29).judge(old, new).violates.tolist() == [False, True]


def test_normal_forms_are_one_text_unless_told_otherwise():
    old, new = Column.of(["é", "ﬁ", "Å"]), Column.of(["e\u0301", "fi", "\u212b"])
    assert SameText().judge(old, new).violates.tolist() == [False, True, False]
    assert SameText(unicode="none").judge(old, new).violates.tolist() == [True, True, True]
    assert SameText(unicode="NFKC").judge(old, new).violates.tolist() == [False, False, False]


def test_case_and_space_count_unless_they_are_ignored():
    old, new = Column.of(["Straße 1", "a  b"]), Column.of(["STRASSE 1", " a\u00a0b\n"])
    assert SameText().judge(old, new).violates.tolist() == [True, True]
    assert SameText(ignore_case=True).judge(old, new).violates.tolist() == [False, True]
    assert SameText(ignore_space=True).judge(old, new).violates.tolist() == [True, False]


def test_marks_in_another_order_are_one_text_where_case_is_ignored():
    # the iota below is a letter once it is folded, and marks that stood behind it would be that letter's
    old, new = Column.of(["\u03b1\u0345\u0301"]), Column.of(["\u03b1\u0301\u0345"])
    assert not SameText(ignore_case=True).judge(old, new).violates.any()


@given(st.text(max_size=20))
def test_upper_and_lower_case_are_one_text_where_case_is_ignored(text):
    rule = SameText(ignore_case=True)
    lower = unicodedata.normalize("NFD", text).casefold()
    assert not rule.judge(Column.of([text]), Column.of([lower])).violates.any()


@pytest.mark.parametrize("value", [1, None, ["a"]])
def test_texts_among_other_values(value):
    old, new = Column.of(["a", value, {}]), Column.of(["A", value, {}])
    assert SameText(ignore_case=True).judge(old, new).violates.tolist() == [False, False, False]
    assert SameText().judge(old, Column.of(["a", "a", {}])).violates.tolist() == [False, True, False]
