"""What holds for every kind of rule, whatever it is given: itself, the other way round, row by row, null and NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.rules import REGISTRY, make
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.rules.protocol import Joint, ask
from harness.errors import HarnessError
from harness.tables import Column

# those of how a version runs judge no answers: test_operations.py
KINDS = sorted(name for name in REGISTRY.places if REGISTRY[name] not in OPERATIONS)
LIMITS = {
    "null_rate": {"max_rate": 0.0},
    "error_rate": {"max_increase": 0.0},
    "close_probabilities": {"atol": 0.0},
    "close_vector": {"max_l2_distance": 0.0, "max_cosine_distance": 0.0},
}
LOOSE = {
    "close": {"atol": 0.5},
    "ulp": {"max_ulps": 4},
    "same_top_k": {"k": 1, "lists": "scores"},
    "same_ranking": {"min_tau": 0.3, "k": 1, "min_overlap": 0.5},
    "close_probabilities": {"max_total_variation": 0.5},
    "close_vector": {"max_cosine_distance": 0.1},
    "same_set": {"min_jaccard": 0.5},
    "same_text": {"ignore_case": True, "ignore_space": True, "max_edit_share": 0.4},
    "same_structure": {"atol": 0.1, "tolerances": {"**.a": {"atol": 1.0}}, "ignore": ["b"]},
}

numbers = st.floats() | st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1e308, 0.5, 0.25])
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)
texts = st.text("aAbßé\u0301 \n\udc80", max_size=6) | st.sampled_from(
    ["a", "A", "b", " a ", "é", "e\u0301", "\udc80"]
)
scalars = st.none() | st.booleans() | integers | numbers | texts | st.just(10**400)
nested = (
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=8,
    )
    | st.lists(numbers, max_size=4)
    | st.lists(st.sampled_from("pqrs"), max_size=4)
)


@st.composite
def columns(draw, count, rows):
    """`count` columns of one kind and `rows` rows each."""
    kind = draw(
        st.sampled_from(["float", "float32", "int", "uint", "bool", "str", "bytes", "datetime", "json"])
    )
    values = {
        "float": numbers,
        "float32": st.floats(width=32),
        "int": integers,
        "uint": st.integers(0, 2**64 - 1),
        "bool": st.booleans(),
        "str": texts,
        "bytes": st.binary(max_size=2),
        "datetime": st.integers(-(2**63) + 1, 2**63 - 1),
        "json": nested,
    }[kind]
    dtypes = {
        "float32": np.float32,
        "int": np.int64,
        "uint": np.uint64,
        "bool": np.bool_,
        "float": np.float64,
    }
    made = []
    for _ in range(count):
        drawn = draw(st.lists(values, min_size=rows, max_size=rows))
        null = np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))
        if kind in dtypes:
            array = np.array(drawn, dtypes[kind])
        elif kind == "datetime":
            array = np.array(drawn, np.int64).view("datetime64[ns]")
        else:
            array = np.empty(rows, object)
            array[:] = [copied(value) for value in drawn]
        name = {"float32": "float", "uint": "int"}.get(kind, kind)
        made.append(Column(name, array, null if draw(st.booleans()) else None))
    return made


def copied(value):
    """Another object of the same value: as after a journey between processes, NaN is not itself."""
    if isinstance(value, list):
        return [copied(item) for item in value]
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return float(repr(value)) if isinstance(value, float) else value


@st.composite
def sides(draw, same=False):
    """(baseline, candidate): three outputs of a few rows each, of whatever kind."""
    rows = draw(st.integers(1, 5))
    old = {f"o{place}": draw(columns(1, rows))[0] for place in range(3)}
    if same:
        return old, {
            name: Column(
                column.kind, np.array([copied(x) for x in column.values] + [None], object)[:-1], column.null
            )
            if column.kind == "json"
            else Column(column.kind, column.values.copy(), column.null)
            for name, column in old.items()
        }
    new = {}
    for name, column in old.items():
        other = draw(columns(1, rows))[0] if draw(st.booleans()) else column
        take = np.array(draw(st.permutations(range(rows))))
        new[name] = other.take(take) if draw(st.booleans()) else other
    return old, new


def rules(kind, **more):
    yield make(kind, {**LIMITS.get(kind, {}), **more}, name="r", equal_nan=True)
    if kind in LOOSE:
        yield make(kind, {**LOOSE[kind], **more}, name="r", equal_nan=True)


def seen(rule, old, new):
    """Each difference that the rule finds: one of all outputs together, or one of each output."""
    groups = [list(old)] if isinstance(rule, Joint) else [[name] for name in old]
    for names in groups:
        numbers = [name for name in names if {old[name].kind, new[name].kind} <= {"float", "int"}]
        if "rank" in rule.says() or "best" in rule.says():
            # one number, or as many as are wanted, have no order: that is refused, and tested with the rankings
            names = names if len(numbers) > 1 else [name for name in names if name not in numbers]
        if names:
            yield ask(rule, {n: old[n] for n in names}, {n: new[n] for n in names}, {})


@pytest.mark.parametrize("kind", KINDS)
@given(pair=sides(same=True))
def test_a_thing_compared_with_itself_never_violates(kind, pair):
    for rule in rules(kind):
        for difference in seen(rule, *pair):
            assert not difference.violates.any()
            assert not difference.magnitude.any()


@pytest.mark.parametrize("kind", KINDS)
@given(pair=sides())
def test_the_other_way_round_is_the_same_difference(kind, pair):
    old, new = pair
    for rule in rules(kind):
        for there, back in zip(seen(rule, old, new), seen(rule, new, old), strict=True):
            assert there.violates.tolist() == back.violates.tolist()
            assert there.magnitude.tolist() == back.magnitude.tolist()
            assert there.both_nan.tolist() == back.both_nan.tolist()


@pytest.mark.parametrize("kind", KINDS)
@given(pair=sides())
def test_one_row_alone_is_judged_as_in_its_batch(kind, pair):
    old, new = pair
    for rule in rules(kind):
        whole = list(seen(rule, old, new))
        for row in range(len(old["o0"])):
            one = [{name: column.take([row]) for name, column in side.items()} for side in pair]
            for alone, batch in zip(seen(rule, *one), whole, strict=True):
                assert alone.violates[0] == batch.violates[row]
                assert alone.magnitude[0] == batch.magnitude[row]
                assert alone.both_nan[0] == batch.both_nan[row]


@pytest.mark.parametrize("kind", KINDS)
@given(pair=sides())
def test_what_differs_violates_where_no_tolerance_is_given(kind, pair):
    """With its strictest limits no rule takes a number, a label or a null for another one."""
    strict = make(kind, {**LIMITS.get(kind, {})}, name="r", equal_nan=True)
    if kind in ("same_top_k", "same_ranking", "budget", "cost"):  # order alone counts; all cases together do
        return
    exact = make("exact", {}, name="r", equal_nan=True)
    old, new = pair
    for name in old:
        kinds = {old[name].kind, new[name].kind}
        if "json" in kinds or kinds == {"float", "int"} or (kind == "same_text" and kinds == {"str"}):
            continue  # stated apart: normalised texts, sets, numbers inside nested values
        if kind == "ulp" and old[name].values.dtype != new[name].values.dtype:
            continue  # two widths are both taken as the narrower
        expected = exact.judge(old[name], new[name]).violates
        got = strict.judge(old[name], new[name]).violates
        assert got.tolist() == expected.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_nan_and_null_on_one_side_violate_and_on_both_agree(kind):
    for rule in rules(kind):
        for gone in (math.nan, None):
            old = {
                "a": Column.of([gone, 1.0, gone, 1.0]),
                "b": Column.of([0.5] * 4),
                "c": Column.of([0.2] * 4),
            }
            new = {**old, "a": Column.of([1.0, gone, gone, 1.0])}
            first = next(seen(rule, old, new))
            assert first.violates.tolist() == [True, True, False, False]
            far = 1.0 if kind == "same_label" else math.inf
            assert first.magnitude.tolist() == [far, far, 0.0, 0.0]
            assert first.both_nan.tolist() == [False, False, True, False]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "same_error"])
def test_equal_nan_false_refuses_both(kind):
    for rule in rules(kind, equal_nan=False):
        for gone in (math.nan, None):
            old = {"a": Column.of([gone, 1.0]), "b": Column.of([0.5] * 2), "c": Column.of([0.2] * 2)}
            assert next(seen(rule, old, dict(old))).violates.tolist() == [True, False]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [["1"], [1], [True], [b"1"], [{"1": 1}]])
def test_another_kind_of_value_is_another_value(kind, values):
    for rule in rules(kind):
        for other in (["1"], [1], [True], [b"1"], [{"1": 1}]):
            if other is values or type(other[0]) is type(values[0]):
                continue
            more = {"x": Column.of([0.5]), "y": Column.of([0.2])}
            first = next(seen(rule, {"a": Column.of(values), **more}, {"a": Column.of(other), **more}))
            assert first.violates.tolist() == [True]
            assert first.magnitude.tolist() in ([math.inf], [1.0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_misspelt_key_gets_a_guess_and_a_code(kind):
    for key in (*LIMITS.get(kind, {}), *LOOSE.get(kind, {}), "equal_nan"):
        with pytest.raises(HarnessError, match=f'unknown key "{key}x"') as caught:
            make(kind, {f"{key}x": 1}, name="price", equal_nan=True)
        assert caught.value.code == "E27"
        assert f'did you mean "{key}"?' in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "key", "value", "words"),
    [
        ("ulp", "max_ulps", 1.5, "must be a whole number, got 1.5"),
        ("ulp", "max_ulps", True, "must be a whole number, got True"),
        ("ulp", "max_ulps", -1, "max_ulps is -1"),
        ("close", "rtol", math.nan, "must be a number, got nan"),
        ("close", "rtol", math.inf, "rtol is inf"),
        ("close", "equal_nan", "no", "must be true or false, got 'no'"),
        ("same_top_k", "k", 0, "k is 0"),
        ("same_top_k", "ordered", 1, "must be true or false, got 1"),
        ("same_top_k", "lists", "item", 'lists is "item"'),
        ("same_ranking", "min_tau", 1.5, "min_tau is 1.5"),
        ("same_ranking", "min_overlap", -0.5, "min_overlap is -0.5"),
        ("same_ranking", "k", -1, "k is -1"),
        ("close_probabilities", "atol", -0.1, "atol is -0.1"),
        ("close_vector", "max_l2_distance", "1", "must be a number, got '1'"),
        ("null_rate", "max_rate", 1, "max_rate is 1"),
        ("error_rate", "max_increase", -0.1, "max_increase is -0.1"),
        ("error_rate", "max_rate", "1%", "must be a number, got '1%'"),
        ("class_set", "allow_new", "d", "must be a list of texts, got 'd'"),
        ("class_set", "allow_gone", [1], "must be a list of texts"),
        ("same_set", "min_jaccard", 2, "min_jaccard is 2"),
        ("same_text", "unicode", "NFG", 'unicode is "NFG"'),
        ("same_text", "max_edits", -2, "max_edits is -2"),
        ("same_text", "max_edit_share", 1.0, "max_edit_share is 1.0"),
        ("same_structure", "ignore", "id", "must be a list of texts, got 'id'"),
        ("same_structure", "ignore", ["a..b"], "a path cannot be read at character 2"),
        ("same_structure", "ignore", [""], "a path is empty"),
        ("same_structure", "tolerances", [], "must be a table, got \\[\\]"),
        ("same_structure", "tolerances", {"a": 0.1}, "the tolerances of a must be a table"),
        ("same_structure", "tolerances", {"a": {"rtoll": 0.1}}, 'unknown key "rtoll"'),
        ("same_structure", "tolerances", {"a": {"rtol": "1%"}}, "rtol must be a number"),
        ("same_structure", "tolerances", {"a": {"rtol": -1}}, "rtol is -1"),
    ],
)
def test_a_wrong_value_is_refused_with_the_rule_named(kind, key, value, words):
    with pytest.raises(HarnessError, match=words) as caught:
        make(kind, {key: value}, name="price", equal_nan=True)
    assert caught.value.code == "E27"
    assert "rule price" in caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["close_probabilities", "close_vector", "null_rate", "error_rate"])
def test_a_rule_that_would_judge_nothing_is_refused(kind):
    with pytest.raises(HarnessError, match="it has no limit") as caught:
        make(kind, {}, name="price", equal_nan=True)
    assert caught.value.code == "E27"
