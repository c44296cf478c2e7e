"""Rules through a real run: what is no plain number, several outputs together, functions (rows 20 to 26)."""

from __future__ import annotations

import json

import pytest

from .running import run_harness, run_pytest

RUN = ("--compare-to=baseline", "-q")
GOOD = "2 * record['x'] + 1"
NUMPY = "import numpy as np\n\n\ndef predict(records):\n    return {}\n"


def answering(expression):
    """A model that answers every record by this expression."""
    return f"def predict(records):\n    return [{expression} for record in records]\n"


@pytest.fixture
def project(zoo, tmp_path):
    """A project of two models given by their source: `project(old, new, settings, top)`."""

    def make(old, new, settings="", top="", outputs=({"name": "prediction", "kind": "float"},)):
        made = zoo.project(tmp_path, "good", "rewritten", settings=settings, outputs=outputs)
        for role, name, source in (("baseline", "good", old), ("candidate", "rewritten", new)):
            if source is not None:
                version = "1.0.0" if role == "baseline" else "1.1.0"
                zoo.wheel(made / role, name, version, source=source, outputs=outputs)
        path = made / "harness.toml"
        path.write_text(f"{top}\n{path.read_text()}")
        return made

    return make


def nan_at_13(answer):
    return answering(f"float('nan') if record['x'] == 13 else {answer}")


CLOSE = '[[rules]]\nname = "near"\nrule = "close"\noutput = "prediction"\natol = 100.0\nrtol = 1.0\n'


@pytest.mark.parametrize(
    "rule", ["", CLOSE, CLOSE.replace("close", "ulp").partition("atol")[0] + "max_ulps = 9999"]
)
def test_nan_against_a_number_is_never_within_a_tolerance(project, rule):
    done = run_pytest(project(None, nan_at_13(GOOD), rule), *RUN)
    assert done.code == 1, done.out
    assert "answers became NaN or null: prediction" in done.out


def test_nan_on_both_sides_agrees_and_is_counted_apart(project):
    made = project(nan_at_13(GOOD), nan_at_13("1 + 2 * record['x']"))
    done = run_pytest(made, *RUN)
    assert done.code == 0, done.out
    record = json.loads((made / "reports" / "report.json").read_text())
    (values,) = [rule for rule in record["result"]["rules"] if rule["name"] == "values"]
    assert (values["violations"], values["both_nan"]) == (0, 1)


def test_nan_on_both_sides_is_refused_where_configuration_says_so(project):
    made = project(nan_at_13(GOOD), nan_at_13("1 + 2 * record['x']"), top="equal_nan = false")
    done = run_pytest(made, *RUN)
    assert done.code == 1, done.out
    assert "NaN or null in both: prediction (equal_nan = false)" in done.out


def test_infinity_is_within_no_tolerance(project):
    done = run_pytest(project(None, answering(f"float('inf') if record['x'] == 13 else {GOOD}"), CLOSE), *RUN)
    assert done.code == 1, done.out
    assert "answers became infinite: prediction" in done.out
    done = run_pytest(project(answering(f"float('inf') if record['x'] == 13 else {GOOD}"), None, CLOSE), *RUN)
    assert done.code == 1, done.out
    assert "1 of 20 rows violate near" in done.out


@pytest.mark.parametrize(
    ("old", "new"),
    [("np.full(len(records), -128, np.int8)", "np.full(len(records), 127, np.int8)"),
     ("np.full(len(records), 0, np.uint8)", "np.full(len(records), 255, np.uint8)"),
     ("np.full(len(records), -1, np.int64)", "np.full(len(records), 2**64 - 1, np.uint64)")],
)  # fmt: skip
def test_integers_do_not_wrap_round(project, old, new):
    rule = CLOSE.replace("rtol = 1.0", "")
    kinds = ({"name": "prediction", "kind": "int"},)
    done = run_pytest(project(NUMPY.format(old), NUMPY.format(new), rule, outputs=kinds), *RUN)
    assert done.code == 1, done.out
    assert "20 of 20 rows violate near" in done.out


def test_a_second_axis_is_another_shape(project):
    done = run_pytest(project(None, answering(f"[{GOOD}]"), CLOSE), *RUN)
    assert done.code == 1, done.out
    assert "shape changed: prediction became prediction[0]" in done.out


@pytest.mark.parametrize(("new", "words"), [
    ("records[1:]", "the candidate gives no answer"),
    ("[*records, records[0]]", "answer"),
])  # fmt: skip
def test_fewer_or_more_answers(project, new, words):
    source = f"def predict(records):\n    return [2 * record['x'] + 1 for record in {new}]\n"
    done = run_pytest(project(None, source, CLOSE), *RUN)
    assert done.code == 1, done.out
    assert words in done.out


@pytest.mark.parametrize(("old", "new", "words"), [
    ("str(int(record['x'] > 3))", "int(record['x'] > 3)", "prediction was str and is int"),
    ("int(record['x'] > 3)", "record['x'] > 3", "prediction was int and is bool"),
    ("record['x'] > 3", "str(int(record['x'] > 3))", "prediction was bool and is str"),
])  # fmt: skip
def test_labels_of_another_type_are_other_labels(project, old, new, words):
    rule = '[[rules]]\nname = "flips"\nrule = "same_label"\nmax_violation_rate = 0.9\n'
    kinds = ({"name": "prediction", "kind": "str"},)
    done = run_pytest(project(answering(old), answering(new), rule, outputs=kinds), *RUN)
    assert done.code == 1, done.out
    assert f"output type changed: {words}" in done.out


CLASSES = ({"name": "probability_a", "kind": "float"}, {"name": "probability_b", "kind": "float"})
SURE = "{'probability_a': 0.3, 'probability_b': 0.7}"
MOVED = "{'probability_a': 0.3 + 0.3 * (record['x'] == 13), 'probability_b': 0.7 - 0.3 * (record['x'] == 13)}"


@pytest.mark.parametrize(("keys", "words"), [
    ('rule = "close_probabilities"\natol = 0.05', "1 of 20 rows violate together, every probability within 0.05"),
    ('rule = "close_probabilities"\nmax_total_variation = 0.25', "total variation <= 0.25"),
    ('rule = "same_top_k"', "1 of 20 rows violate together, the same 1 best"),
    ('rule = "same_ranking"\nmin_tau = 0.5', "1 of 20 rows violate together, ranked alike"),
    ('rule = "close_vector"\nmax_cosine_distance = 0.01', "1 of 20 rows violate together, cosine distance <= 0.01"),
])  # fmt: skip
def test_outputs_of_one_row_are_judged_together(project, keys, words):
    rule = f'[[rules]]\nname = "together"\noutput = "probability_*"\n{keys}\n'
    made = project(answering(SURE), answering(MOVED), rule, outputs=CLASSES)
    done = run_pytest(made, *RUN)
    assert done.code == 1, done.out
    assert words in done.out
    record = json.loads((made / "reports" / "report.json").read_text())
    found = [one for one in record["result"]["findings"] if one["rule"] == "together"]
    assert [one["key"] for one in found] == ["r13"]


def test_a_nested_answer_is_judged_by_its_paths(project):
    rule = '[[rules]]\nname = "nested"\noutput = "prediction"\nrule = "same_structure"\nignore = ["because.took"]\n'
    old = answering("{'prediction': {'value': record['x'], 'because': {'took': 1, 'x': [1.0, None]}}}")
    new = answering("{'prediction': {'value': record['x'] + 0.01, 'because': {'took': 2, 'x': [1.0, None]}}}")
    done = run_pytest(project(old, new, rule + "tolerances = { value = { atol = 0.1 } }\n"), *RUN)
    assert done.code == 0, done.out
    done = run_pytest(project(old, new, rule), *RUN)
    assert done.code == 1, done.out


FUNCTION = '''
from harness.compare.rules import rule


@rule("not_lower")
def not_lower(baseline, candidate, inputs, *, by: float = 0.0, above: float = 0.0):
    """No answer falls."""
    return BODY
'''
USED = '[[rules]]\nname = "no-fall"\nrule = "not_lower"\noutput = "prediction"\nby = 0.5\n'
LOWER = answering(f"{GOOD} - (record['x'] == 13)")


def with_function(project, new, body, settings=USED):
    made = project(None, new, settings, top='extensions = ["rules.py"]')
    (made / "rules.py").write_text(FUNCTION.replace("BODY", body))
    return made


def test_a_function_judges_with_the_inputs_beside_it(project):
    body = "(baseline - candidate > by) & (inputs['x'] > above)"
    made = with_function(project, LOWER, body)
    done = run_pytest(made, *RUN)
    assert done.code == 1, done.out
    assert "1 of 20 rows violate no-fall, No answer falls (by = 0.5, above = 0.0)" in done.out
    (made / "harness.toml").write_text((made / "harness.toml").read_text().replace("by = 0.5", "above = 13"))
    assert run_harness(made, "compare", "--to=baseline").code == 0


@pytest.mark.parametrize(("body", "words"), [
    ("baseline[inputs['z'] > 0]", "E26 rule no-fall errored: KeyError: 'z'"),
    ("(baseline > candidate)[1:]", "E26 rule no-fall errored: it was given 20 rows and judged 19"),
    ("baseline - candidate", "E26 rule no-fall errored: it returned float64, not booleans"),
    ("baseline.sort()", "E26 rule no-fall errored: ValueError"),
])  # fmt: skip
def test_a_function_that_fails_judges_nothing(project, body, words):
    done = run_pytest(with_function(project, LOWER, body), *RUN)
    assert done.code == 10, done.out
    assert f"CANNOT SAY: {words}" in done.out
    assert any("rules.py:" in fault["source"] for fault in done.verdict["faults"]), done.verdict["faults"]


def test_a_misspelt_key_of_a_function_gets_a_guess(project):
    done = run_pytest(
        with_function(project, LOWER, "baseline > candidate", USED.replace("by =", "abve =")), *RUN
    )
    assert done.code == 4, done.out
    assert 'E27 unknown key "abve"' in done.out
    assert 'did you mean "above"?' in done.out


def test_a_module_that_offers_nothing_is_refused(project):
    made = with_function(project, LOWER, "baseline > candidate")
    (made / "rules.py").write_text("from fractions import Fraction\n")
    done = run_pytest(made, *RUN)
    assert done.code == 4, done.out
    assert (
        "extension module rules.py has neither a function register(registry) nor a rule of its own"
        in done.out
    )
