"""The table of docs/rules.md on what is no plain number: each cell is an experiment, made with the rule that it is of.

A rule is bound, compares one batch and is judged, as in a run. Tolerances are as wide as they may be where the table
says that something violates, and none where it says that something agrees.
"""

from __future__ import annotations

import datetime
import math
import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from harness import settings as configuration
from harness.compare.align import compare
from harness.compare.budget import distances
from harness.compare.cost import cost
from harness.compare.rules import REGISTRY
from harness.compare.rules.operations import KINDS as OPERATIONS
from harness.compare.ruleset import SourceFacts, bind
from harness.compare.verdict import SourceState, judge_rule
from harness.run.answers import Kept
from harness.run.budgets import judge_kept
from harness.settings import MaxCost, MaxQuantile, RuleSettings, Settings
from harness.tables import Batch, Column, Fault, Outcome

from ..test_docs import rows, section, text_of

TABLE = rows(section(text_of("docs/rules.md"), "## What is no plain number"), "| `rule` |")
COLUMNS = ("both", "one", "infinite", "integers", "kind", "list")
STRICT = {
    "close_probabilities": {"atol": 0.0, "max_total_variation": 0.0},
    "close_vector": {"max_l2_distance": 0.0, "max_cosine_distance": 0.0},
    "null_rate": {"max_rate": 0.0},
    "error_rate": {"max_rate": 0.0},
}
WIDE = STRICT | {
    "close": {"atol": 1e308, "rtol": 1e308},
    "ulp": {"max_ulps": 2**63},
    "close_probabilities": {"atol": 1e308},
    "close_vector": {"max_l2_distance": 1e308},
    "same_top_k": {"k": 1, "lists": "scores"},
    "same_ranking": {"min_tau": -1.0, "lists": "scores"},
    "same_set": {"min_jaccard": 0.0},
    "same_text": {"ignore_case": True, "ignore_space": True, "unicode": "NFKC", "max_edits": 2**40},
    "same_structure": {"atol": 1e308, "rtol": 1e308},
}
NAN, INF = math.nan, math.inf
LARGE = 2**53  # and the next integer are one float


def together(kind):
    return TABLE[kind][1].startswith("together")


def column(values):
    """The column of these values: a nested one, where a value is nested."""
    if isinstance(values, Column):
        return values
    if any(isinstance(value, list | dict) for value in values):
        array = np.empty(len(values), object)
        array[:] = values
        return Column("json", array)
    return Column.of(values)


def judged(kind, old, new, parameters, equal_nan=True, **beside):
    """(the rule's result, its tally, structure's result) of two answers of a few rows: of one output, or, for rules
    that judge several together, of that and of two more that stay as they are."""
    sides = []
    for values in (old, new):
        outputs = values if isinstance(values, dict) else {"o": values}
        outputs = {name: column(one) for name, one in outputs.items()}
        n = len(next(iter(outputs.values())))
        if together(kind) and len(outputs) == 1:
            outputs |= {"p": Column.of([0.5] * n), "q": Column.of([0.25] * n)}
        sides.append(Outcome(outputs, np.ones(n, bool)))
    more = {"max_quantile": MaxQuantile(0.5, 1e308)} if kind == "budget" else {}
    more |= {"max_cost": MaxCost(1e308, error=1.0)} if kind == "cost" else {}
    rule = RuleSettings("r", kind, parameters={**parameters, "equal_nan": equal_nan}, **more, **beside)
    settings = Settings(path=Path("harness.toml"), root=Path(), model="m", rules=(rule,))
    facts = [SourceFacts("s", search=False, labelled=False)]
    bounds = bind(settings, "refactor", facts, None, datetime.date(2026, 1, 1))
    n = len(sides[0].answered)
    tally = compare(Batch("s", 0, 0, np.arange(n), {"i": Column("int", np.arange(n))}), *sides, bounds)
    results = {one.name: judge_rule(one, SourceState("s", n, tally)) for one in bounds}
    return results["r"], tally.rules["r"], results["structure"]


def violates(kind, old, new, parameters=None, **more):
    """Whether the one row is a violation."""
    _, tally, _ = judged(kind, old, new, WIDE.get(kind, {}) if parameters is None else parameters, **more)
    assert tally.compared == 1
    return tally.violations == 1


def agrees(kind, old, new, **more):
    return not violates(kind, old, new, STRICT.get(kind, {}), **more)


# ---- NaN or null on both sides


def both_agree(kind):
    for value in ([NAN], Column("float", np.array([7.0]), np.array([True])), Column.of([None])):
        result, tally, _ = judged(kind, value, value, STRICT.get(kind, {}))
        assert (tally.violations, tally.both_nan) == (0, 1)
        assert result.both_nan == 1
        assert violates(kind, value, value, STRICT.get(kind, {}), equal_nan=False)


def both_cost_nothing(kind):
    both_agree(kind)
    b, c = Column.of([1.0, NAN]), Column.of([3.0, NAN])
    assert cost(b, c, MaxCost(0.0, error=1.0, per_case=True)) == 2.0


def one_item(kind):
    both_agree(kind)
    assert agrees(kind, [[NAN, "a"]], [[NAN, NAN, "a"]])
    assert not agrees(kind, [[NAN, "a"]], [["a"]])


def inside_too(kind):
    both_agree(kind)
    _, tally, _ = judged(kind, [{"x": [NAN]}], [{"x": [NAN]}], {})
    assert (tally.violations, tally.both_nan) == (0, 1)
    assert not agrees(kind, [{"x": [NAN]}], [{"x": [NAN]}], equal_nan=False)


def left_out(kind):
    both_agree(kind)
    old = {"o": [NAN], "p": [0.5], "q": [0.25]}
    assert agrees(kind, old, dict(old))
    # what else there is in the row is judged all the same
    _, tally, _ = judged(kind, old, old | {"p": [0.25], "q": [0.5]}, STRICT.get(kind, {}))
    assert (tally.violations, tally.both_nan) == (1, 1)


def counted_on_each_side(kind):
    for keys, status in (({"max_rate": 0.0}, "FAIL"), ({"max_increase": 0.0}, "PASS")):
        assert judged(kind, [NAN, 1.0], [NAN, 1.0], keys)[0].status == status


def no_class(kind):
    for old, new in ((["a", None], ["a", None]), (["a", None], ["a", "a"]), (["a", "a"], [None, "a"])):
        assert judged(kind, old, new, {})[0].status == "PASS"


def nothing_of_values(kind):
    """What is answered is nothing to it."""
    assert REGISTRY[kind] in OPERATIONS or kind in ("same_error", "error_rate")
    if kind in ("same_error", "error_rate"):
        for old, new in (([NAN], [1.0]), ([INF], [1.0]), ([1], [2]), (["1"], [1]), ([[1]], [[1, 2]])):
            result, tally, _ = judged(kind, old, new, STRICT.get(kind, {}))
            assert (result.status, tally.violations) == ("PASS", 0)


# ---- on one side


def one_violates(kind):
    for gone in ([NAN], Column("float", np.array([1.0]), np.array([True])), Column.of([None])):
        assert violates(kind, gone, [1.0])
        assert violates(kind, [1.0], gone)


def counted_on_its_side(kind):
    assert judged(kind, [1.0, 1.0], [NAN, 1.0], {"max_rate": 0.0})[0].status == "FAIL"
    assert judged(kind, [NAN, 1.0], [1.0, 1.0], {"max_rate": 0.0})[0].status == "PASS"
    assert judged(kind, [NAN, 1.0], [1.0, NAN], {"max_increase": 0.0})[0].status == "PASS"


# ---- infinite values


def equal_to_themselves(kind):
    wrap = {"same_structure": lambda x: [{"x": x}]}.get(kind, lambda x: [x])
    assert agrees(kind, wrap(INF), wrap(INF))
    assert agrees(kind, wrap(-INF), wrap(-INF))
    for old, new in permutations((INF, -INF, 1.7e308, 0.0), 2):
        assert violates(kind, wrap(old), wrap(new)) or not (math.isinf(old) or math.isinf(new))


def infinite_have_no_cost(kind):
    assert cost(Column.of([INF]), Column.of([INF]), MaxCost(0.0, error=1.0)) == 0.0
    for old, new in permutations((INF, -INF, 0.0), 2):
        assert math.isnan(cost(Column.of([old]), Column.of([new]), MaxCost(0.0, error=1.0)))


def infinite_are_values(kind):
    assert judged(kind, [1.0], [INF], {"max_rate": 0.0})[0].status == "PASS"


def infinite_are_classes(kind):
    assert judged(kind, [1.0, INF], [INF, 1.0], {})[0].status == "PASS"
    assert judged(kind, [1.0], [INF], {})[0].status == "FAIL"
    assert judged(kind, [INF, -INF], [INF, INF], {})[0].status == "FAIL"


def infinite_are_ordered(kind):
    assert agrees(kind, [9.0], [INF])
    assert agrees(kind, [-9.0], [-INF])
    assert not agrees(kind, [9.0], [-INF])


def infinite_are_items(kind):
    assert agrees(kind, [[INF, 1.0]], [[1.0, INF]])
    assert not agrees(kind, [[INF]], [[-INF]])


# ---- integers


def exactly(kind):
    assert agrees(kind, [LARGE + 1], [LARGE + 1])
    assert violates(kind, [LARGE], [LARGE + 1], {})


def beside_floats(kind):
    exactly(kind)
    narrow = Column("int", np.array([-128], np.int8)), Column("int", np.array([127], np.int8))
    assert violates(kind, *narrow, {"atol": 254.0})
    assert not violates(kind, *narrow, {"atol": 255.0})
    assert agrees(kind, [LARGE + 1], [float(LARGE)])


def never_wrap_round(kind):
    narrow = Column("int", np.array([-128], np.int8)), Column("int", np.array([127], np.int8))
    assert distances(*narrow).tolist() == [255.0]
    assert distances(Column.of([LARGE]), Column.of([LARGE + 1])).tolist() == [1.0]


def subtracted_exactly(kind):
    assert cost(Column.of([LARGE]), Column.of([LARGE + 1]), MaxCost(0.0, error=1.0)) == 1.0


def ordered_as_integers(kind):
    old, new = {"o": [LARGE], "p": [LARGE + 1]}, {"o": [LARGE + 1], "p": [LARGE]}
    assert agrees(kind, old, dict(old))
    assert not agrees(kind, old, new)


def subtracted_as_integers(kind):
    limit = {"close_probabilities": {"atol": 0.5}, "close_vector": {"max_l2_distance": 0.5}}[kind]
    assert violates(kind, [LARGE], [LARGE + 1], limit)


def but_for_the_cosine(kind):
    subtracted_as_integers(kind)
    assert not violates(kind, [LARGE], [LARGE + 1], {"max_cosine_distance": 0.0})


def four_items(kind):
    for old, new in permutations((1, 1.0, True, "1"), 2):
        assert not agrees(kind, [[old]], [[new]])


def inside_beside_floats(kind):
    assert not agrees(kind, [{"x": LARGE}], [{"x": LARGE + 1}])
    assert agrees(kind, [{"x": LARGE + 1}], [{"x": float(LARGE)}])


def two_classes(kind):
    assert judged(kind, [1, 2], [2, 1], {})[0].status == "PASS"
    assert judged(kind, [1], ["1"], {"allow_new": ["2"]})[0].status == "FAIL"
    mixed = [[1, "b"], ["1", "b"]]
    assert judged(kind, *(column([*side, []]).take([0, 1]) for side in mixed), {})[0].status == "FAIL"


# ---- another kind of value

VALUES = (["1"], [1.0], [True], [b"1"], [{"1": 1}], Column("datetime", np.array([1], "datetime64[ns]")))


def kind_violates(kind):
    for old, new in permutations(VALUES, 2):
        assert violates(kind, old, new)
        result, _, structure = judged(kind, old, new, WIDE.get(kind, {}))
        assert structure.status == "FAIL"
        assert result.status != "PASS"


def same_kind(*wide):
    """And whatever is of the kinds that the rule does not know is equal or not."""

    def check(kind):
        kind_violates(kind)
        for old, new in wide:
            assert agrees(kind, old, old)
            assert violates(kind, old, new)

    return check


TEXTS, NUMBERS, TRUTHS = (["a"], ["b"]), ([1.0], [2.0]), ([True], [False])
BYTES, TABLES = ([b"a"], [b"b"]), ([{"a": "b"}], [{"a": "c"}])


def structure_fails(kind):
    for old, new in permutations(VALUES, 2):
        assert judged(kind, old, new, STRICT.get(kind, {}))[2].status == "FAIL"


def a_truth_is_no_number(kind):
    kind_violates(kind)
    assert violates(kind, [{"x": True}], [{"x": 1}])
    assert violates(kind, [{"x": 0.0}], [{"x": False}])


# ---- a list of another length

SHORT, LONG = [[0.5, 0.25]], [[0.5, 0.25, 0.125]]


def length_violates(kind):
    if together(kind):
        parameters = {key: value for key, value in WIDE.get(kind, {}).items() if key != "lists"}
        for lists in ({}, {"lists": "scores"}) if kind == "same_ranking" else ({},):
            for old, new in ((SHORT, LONG), (LONG, SHORT)):
                assert violates(kind, {"o": old}, {"o": new}, parameters | lists)
        return
    for old, new in ((SHORT, LONG), (LONG, SHORT)):
        assert violates(kind, old, new)


def length_is_a_flip(kind):
    assert not violates(kind, SHORT, LONG)
    assert cost(column(SHORT), column(LONG), MaxCost(0.0, flips={"* -> *": 3.0})) == 3.0
    assert math.isnan(cost(column(SHORT), column(LONG), MaxCost(0.0, error=1.0)))


def length_is_a_value(kind):
    assert judged(kind, SHORT, LONG, {"max_rate": 0.0})[0].status == "PASS"


def length_is_a_class(kind):
    assert judged(kind, SHORT, SHORT, {})[0].status == "PASS"
    assert judged(kind, SHORT, LONG, {})[0].status == "FAIL"


def length_of_scores(kind):
    assert violates(kind, SHORT, LONG, {"lists": "scores"})
    assert agrees(kind, [["a", "b"]], [["a", "c", "d"]])
    assert not agrees(kind, [["a", "b"]], [["c", "a", "b"]])


def length_is_other_items(kind):
    assert violates(kind, SHORT, LONG, {"min_jaccard": 0.67})
    assert not violates(kind, SHORT, LONG, {"min_jaccard": 0.66})


EXPERIMENTS = {
    ("both", "agrees, counted apart"): both_agree,
    ("both", "costs nothing, counted apart"): both_cost_nothing,
    ("both", "agrees, counted apart; NaN is one item"): one_item,
    ("both", "agrees, counted apart; NaN inside too"): inside_too,
    ("both", "left out of the row, counted apart"): left_out,
    ("both", "counted on each side"): counted_on_each_side,
    ("both", "is no class"): no_class,
    ("one", "violates"): one_violates,
    ("one", "counted on its side"): counted_on_its_side,
    ("one", "is no class"): no_class,
    ("infinite", "equal to themselves only"): equal_to_themselves,
    ("infinite", "violate, unless equal"): equal_to_themselves,
    ("infinite", "have no cost, unless equal"): infinite_have_no_cost,
    ("infinite", "are values"): infinite_are_values,
    ("infinite", "classes as others"): infinite_are_classes,
    ("infinite", "ordered as the largest and the smallest"): infinite_are_ordered,
    ("infinite", "items as others"): infinite_are_items,
    ("integers", "exactly"): exactly,
    ("integers", "as integers, which never wrap round; beside floats as float64"): beside_floats,
    ("integers", "as integers, which never wrap round"): never_wrap_round,
    ("integers", "subtracted exactly"): subtracted_exactly,
    ("integers", "ordered as integers"): ordered_as_integers,
    ("integers", "subtracted as integers"): subtracted_as_integers,
    ("integers", "subtracted as integers; as float64 for the cosine"): but_for_the_cosine,
    ("integers", 'items as others: `1`, `1.0`, `true` and `"1"` are four'): four_items,
    ("integers", "as integers; beside floats as floats"): inside_beside_floats,
    ("integers", '`1` and `"1"` are two classes'): two_classes,
    ("integers", "are values"): infinite_are_values,
    ("kind", "violates"): kind_violates,
    ("kind", "violates; same kind but no numbers: equal"): same_kind(TEXTS, TRUTHS, BYTES, TABLES),
    ("kind", "violates; same kind but no floats: equal"): same_kind(TEXTS, TRUTHS, BYTES, TABLES, ([1], [2])),
    ("kind", "violates; no numbers: equal"): same_kind(TEXTS, TRUTHS, BYTES, TABLES),
    ("kind", "violates; no lists: equal"): same_kind(TEXTS, NUMBERS, TRUTHS, BYTES, TABLES),
    ("kind", "violates; no texts: equal"): same_kind(NUMBERS, TRUTHS, BYTES, TABLES),
    ("kind", "violates; a truth value is no number"): a_truth_is_no_number,
    ("kind", "structure fails"): structure_fails,
    ("list", "violates"): length_violates,
    ("list", "is a flip; of errors undefined"): length_is_a_flip,
    ("list", "is a value"): length_is_a_value,
    ("list", "is another class"): length_is_a_class,
    ("list", "violates as `scores`; of `items` the `k` best count"): length_of_scores,
    ("list", "other items"): length_is_other_items,
    **dict.fromkeys([(name, "–") for name in COLUMNS], nothing_of_values),
}


@pytest.mark.parametrize("about", COLUMNS)
@pytest.mark.parametrize("kind", sorted(TABLE))
def test_a_rule_does_what_its_line_of_the_table_says(kind, about):
    EXPERIMENTS[about, TABLE[kind][2 + COLUMNS.index(about)]](kind)


INVOICE = [
    {"lines": [{"amount": x}], "confidence": y, "took_ms": z}
    for x, y, z in ((1, 0.9, 1), (1.004, 0.86, 2), (1.006, 0.9, 1))
]
EXAMPLES = {
    "exact": {"decision": (["yes"], ["yes"], ["no"])},
    "close": {"prediction": ([1000.0], [1110.0], [1111.0])},
    "ulp": {"prediction": ([1.0], [1.0 + 4 * 2**-52], [1.0 + 5 * 2**-52])},
    "budget": {"prediction": ([1000.0], [1010.0], [1010.1])},
    "cost": {"prediction": (["bad"] * 9, ["good"] * 8 + ["bad"], ["good"] * 9)},
    "same_label": {"prediction": (["a"] * 200, ["a"] * 199 + ["b"], ["a"] * 198 + ["b"] * 2)},
    "null_rate": {"prediction": ([1.0] * 100, [1.0] * 99 + [NAN], [1.0] * 98 + [NAN] * 2)},
    "class_set": {"prediction": (["icu"] * 2, ["short-stay", "icu"], ["icu", "ward"])},
    "same_top_k": {
        "probability_a": ([0.4], [0.3], [0.4]),
        "probability_b": ([0.3], [0.4], [0.3]),
        "probability_c": ([0.2], [0.2], [0.1]),
        "probability_d": ([0.1], [0.1], [0.2]),
    },
    "same_ranking": {"recommended": tuple([list(one)] for one in ("abcdef", "bacdef", "fedcba"))},
    "close_probabilities": {"probability_a": ([0.5], [0.51], [0.53]), "probability_b": ([0.5], [0.49], [0.47])},
    "close_vector": {"embedding[0]": ([1.0], [3.0], [1.0]), "embedding[1]": ([0.0], [0.1], [0.1])},
    "same_set": {"tags": tuple([list(one)] for one in ("abcde", "dabc", "abcf"))},
    "same_text": {"summary": (["Ten  words here."], ["ten words here"], ["two words there"])},
    "same_structure": {"invoice": tuple([one] for one in INVOICE)},
}  # fmt: skip
"""For each example of docs/rules.md, by output: the baseline's answers, answers that pass, and answers that do not."""


@pytest.mark.parametrize("kind", sorted(kind for kind in TABLE if REGISTRY[kind] not in OPERATIONS))
def test_the_example_of_a_rule_judges_as_it_says(kind, tmp_path):
    text = section(text_of("docs/rules.md"), f"## `{kind}`")
    (example,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    path = tmp_path / "pyproject.toml"
    path.write_text(example, encoding="utf-8")
    if kind == "same_error":
        sides = [failing([error] * 4) for error in ("ValueError", "ValueError", "KeyError")]
    elif kind == "error_rate":
        sides = [failing(["ValueError"] * some + [None] * (2000 - some)) for some in (0, 2, 3)]
    else:
        columns = [{name: column(one[side]) for name, one in EXAMPLES[kind].items()} for side in range(3)]
        sides = [Outcome(one, np.ones(len(next(iter(one.values()))), bool)) for one in columns]
    n = len(sides[0].answered)
    facts = [SourceFacts("s", search=False, labelled=False)]
    bounds = bind(configuration.load(path), "refactor", facts, None, datetime.date(2026, 1, 1))
    (bound,) = (one for one in bounds if one.chosen == "configured")
    batch = Batch("s", 0, 0, np.arange(n), {"district": Column.of(["north"] * n)})
    found = []
    for side in sides[1:]:
        kept = Kept(
            batch.keys,
            Column.of(batch.keys),
            None,
            sides[0].columns,
            side.columns,
            side.answered,
            side.answered,
        )
        state = SourceState("s", n, compare(batch, sides[0], side, [bound]))
        found.append(judge_kept(bound, state, kept, tmp_path).status)
    assert found == ["PASS", "FAIL"]


def failing(errors):
    """Rows that fail with an error of this class; None: rows that are answered."""
    faults = tuple(Fault(row, error, "no") for row, error in enumerate(errors) if error)
    answered = np.array([error is None for error in errors])
    return Outcome({"x": Column.of([1.0] * len(errors))}, answered, faults)


def test_nothing_is_tried_that_the_table_does_not_say():
    said = {(about, cells[2 + place]) for cells in TABLE.values() for place, about in enumerate(COLUMNS)}
    assert said == set(EXPERIMENTS)


@pytest.mark.parametrize("kind", sorted(kind for kind in TABLE if REGISTRY[kind] not in OPERATIONS))
def test_zeros_of_both_signs_are_one_value_and_another_axis_is_another_shape(kind):
    if kind not in ("same_error", "error_rate", "null_rate"):
        result, tally, _ = judged(kind, [0.0, 1.0], [-0.0, 1.0], STRICT.get(kind, {}))
        assert (result.status, tally.violations) == ("PASS", 0)
    axis = judged(
        kind,
        {"o": [1.0], "p": [0.5], "q": [0.2]},
        {"o[0]": [1.0], "p": [0.5], "q": [0.2]},
        WIDE.get(kind, {}),
    )
    assert axis[2].status == "FAIL"
    assert "shape changed: o became o[0]" in axis[2].reason
