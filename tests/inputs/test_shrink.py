"""Shrinking: the result still fails, is simpler, and costs few calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.inputs.shrink import shrink

ROWS = st.fixed_dictionaries({name: st.floats(-1000, 1000) for name in "abcdef"})
ZERO = dict.fromkeys("abcdef", 0.0)


@given(ROWS, st.floats(-900, 900), st.sampled_from("abcdef"), st.sampled_from("abcdef"))
def test_the_shrunk_row_still_fails_and_is_nowhere_further_out(row, limit, first, second):
    calls = 0

    def fails(rows):
        nonlocal calls
        calls += 1
        return [r[first] + r[second] >= limit for r in rows]

    if not fails([row])[0]:
        return
    calls = 0
    least = shrink(row, ZERO, fails)
    assert fails([least])[0]
    assert calls <= 41
    assert all(abs(least[name]) <= abs(row[name]) for name in row)
    assert all(least[name] == 0 for name in row if name not in (first, second))


def test_what_has_to_stay_together_stays_together():
    row = {"a": 7.31, "b": 2.2, "c": 9.9}
    least = shrink(row, dict.fromkeys("abc", 0.0), lambda rows: [r["a"] > 5 and r["c"] > 1 for r in rows])
    assert least == {"a": 6.0, "b": 0.0, "c": 2.0}
