"""Rules of how a version runs: what is within, what is beyond, what cannot be told; and what makes no rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.results import FAIL, INCONCLUSIVE, PASS
from harness.compare.rules import make
from harness.compare.rules.operations import LOWER, ArtifactSize, Latency, PeakMemory, StartTime, Throughput
from harness.errors import HarnessError

ENDS = st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)).map(sorted).map(tuple)
LIMIT = st.floats(1e-3, 1e3)
BY_RATIO = (
    lambda x: Latency(max_ratio=x),
    lambda x: Throughput(min_ratio=x),
    lambda x: StartTime(max_ratio=x),
    lambda x: PeakMemory(max_ratio=x),
    lambda x: ArtifactSize(max_ratio=x),
)
ORDER = {PASS: 0, INCONCLUSIVE: 1, FAIL: 2}


@pytest.mark.parametrize("of", BY_RATIO)
@given(ends=ENDS, limit=LIMIT)
def test_only_a_whole_interval_decides(of, ends, limit):
    rule = of(limit)
    status = rule.judge(ends, (1.0, 1.0))[0]
    points = [x <= limit if rule.better == LOWER else x >= limit for x in ends]
    assert status == (PASS if all(points) else INCONCLUSIVE if any(points) else FAIL)


@pytest.mark.parametrize("of", BY_RATIO)
@given(ends=ENDS, limit=LIMIT, more=st.floats(1, 10))
def test_a_wider_limit_is_never_harder(of, ends, limit, more):
    strict = of(limit)
    wide = of(limit * more if strict.better == LOWER else limit / more)
    assert ORDER[wide.judge(ends, ends)[0]] <= ORDER[strict.judge(ends, ends)[0]]


@given(ratio=ENDS, own=ENDS, limits=st.tuples(LIMIT, LIMIT))
def test_both_limits_hold(ratio, own, limits):
    both = Latency(max_ratio=limits[0], max_seconds=limits[1]).judge(ratio, own)
    alone = [
        Latency(max_ratio=limits[0]).judge(ratio, own),
        Latency(max_seconds=limits[1]).judge(ratio, own),
    ]
    assert both[0] == max((one[0] for one in alone), key=ORDER.__getitem__)
    assert both in alone


def test_no_interval_is_no_pass():
    nan = float("nan")
    assert StartTime(max_ratio=2).judge((nan, nan), (nan, nan)) == (
        INCONCLUSIVE, "start time: too little was measured", "E29",
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "keys", "words"), [
    ("latency", {}, "it has no limit"),
    ("latency", {"max_ratoi": 1.2}, 'unknown key "max_ratoi"'),
    ("latency", {"max_ratio": 1.2, "quantile": 95}, "quantile is 95"),
    ("latency", {"max_ratio": 1.2, "calls": 3}, "calls is 3"),
    ("latency", {"max_ratio": 1.2, "rows": 0}, "rows is 0"),
    ("throughput", {"min_ratio": 0}, "min_ratio is 0"),
    ("throughput", {"max_ratio": 1.2}, 'unknown key "max_ratio"'),
    ("start_time", {"max_seconds": 1, "starts": 4}, "starts is 4"),
    ("peak_memory", {"max_bytes": float("inf")}, "max_bytes is inf"),
    ("artifact_size", {"max_ratio": "small"}, "max_ratio must be a number"),
])  # fmt: skip
def test_what_makes_no_rule_is_refused(kind, keys, words):
    with pytest.raises(HarnessError, match="mine") as refused:
        make(kind, keys, name="mine", equal_nan=True)
    assert words in refused.value.message
    assert (refused.value.code, bool(refused.value.hint)) == ("E27", True)
