"""What a review once got past the gate. Every pair here differs, or was not compared, and used to pass."""

from __future__ import annotations

import pytest

from .running import run_harness, run_pytest

GOOD = "[2 * one['x'] + 1 for one in records]"


def pair(zoo, folder, baseline, candidate, settings="", xs=range(20), **wheel):
    """A project of two versions that answer with these expressions."""
    project = zoo.project(folder, "good", "good", settings=settings, xs=xs)
    text = (project / "harness.toml").read_text()
    for role, expression, number in (("baseline", baseline, "1.0.0"), ("candidate", candidate, "1.1.0")):
        source = f'"""x"""\n\n\ndef predict(records):\n    return {expression}\n'
        path = zoo.wheel(
            project / role, role, version=number, source=source, lock="", pass_as="records", **wheel
        )
        start = text.index(f'spec = "wheel:{role}/')
        text = text[:start] + f'spec = "wheel:{role}/{path.name}"' + text[text.index("\n", start) :]
    (project / "harness.toml").write_text(text)
    return project


@pytest.mark.parametrize(
    ("baseline", "candidate", "code", "words"),
    [
        ("[{0: one['x'], 1: 1.0} for one in records]", "[{0: 0.9, 1: 0.1} for one in records]", 1, "20 of 20"),
        ("[v for one in records for v in (1.0, 2.0)]", "[v for one in records for v in (1.0, 9.0)]", 10, "E10"),
        ("[float('nan') for one in records]", "[float('nan') + 0 for one in records]", 10, "no value to judge"),
        ("[None for one in records]", "[float('nan') for one in records]", 10, "no value to judge"),
        ("[1 if one['x'] > 3 else 'no' for one in records]", "[True if one['x'] > 3 else 'no' for one in records]",
         1, "16 of 20"),
        ("[2**53 if one['x'] > 3 else 0.5 for one in records]",
         "[2**53 + 1 if one['x'] > 3 else 0.5 for one in records]", 1, "output type changed"),
        ("{0: [1.0 for _ in records], '0': [1.0 for _ in records]}",
         "{0: [7.0 for _ in records], '0': [1.0 for _ in records]}", 10, "E10"),
    ],
)  # fmt: skip
def test_two_versions_that_differ_do_not_pass(zoo, tmp_path, baseline, candidate, code, words):
    done = run_pytest(pair(zoo, tmp_path, baseline, candidate), "--compare-to=baseline", "-q")
    assert done.code == code, done.out
    assert words in done.out


def test_a_rule_that_only_warns_does_not_displace_the_one_that_decides(zoo, tmp_path):
    warn = '[[rules]]\nname = "w"\nrule = "close"\nrtol = 0.01\nseverity = "warn"\n'
    done = run_pytest(pair(zoo, tmp_path, GOOD, "[-5.0 for _ in records]", warn), "--compare-to=baseline")
    assert done.code == 1, done.out


def test_an_output_that_no_manifest_names_is_judged(zoo, tmp_path):
    rule = '[[rules]]\nname = "r"\nrule = "close"\noutput = "prediction"\nrtol = 0.01\n'
    answers = "[{'prediction': one['x'], 'risk': %s * one['x']} for one in records]"
    project = pair(zoo, tmp_path, answers % 1, answers % -1, rule)
    done = run_pytest(project, "--compare-to=baseline")
    assert done.code == 1, done.out
    assert done.verdict["reason"].endswith("[values, rows]")


def test_a_search_on_which_both_fail_mostly_says_nothing(zoo, tmp_path):
    search = '[[inputs]]\nname = "search"\ngenerate = { rows = 1000, seed = 1 }\n'
    source = "[1.0 if one['x'] == 1.0 else 1 / 0 for one in records]"
    # the table is answered whole, so that the search alone can hold the pass back
    project = pair(zoo, tmp_path, source, source.replace("1.0", "1.0 + 0"), search, xs=[1.0])
    done = run_pytest(project, "--compare-to=baseline")
    assert done.code == 10, done.out
    assert "too little was compared" in done.out


def test_whole_numbers_that_change_by_less_than_one_percent_have_changed(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "good")
    retrain = "[retrain]\nmax_changed_rate = 0.1\nreason = 'the desk accepts a tenth'\n"
    project = pair(zoo, tmp_path, "[1000 for _ in records]", "[1001 for _ in records]", retrain)
    done = run_pytest(project, "--compare-to=baseline", "--compare-change=retrain")
    assert "changed-rate on rows" in done.out
    assert "20 of 20 rows changed" in done.out, done.out


def test_rounding_inside_nested_answers_is_rounding(zoo, tmp_path):
    answers = "[{'prediction': {'p': [%s, one['x']]}} for one in records]"
    project = pair(zoo, tmp_path / "near", answers % "0.1 + 0.2", answers % "0.3")
    assert run_pytest(project, "--compare-to=baseline").code == 0
    project = pair(zoo, tmp_path / "far", answers % "0.30001", answers % "0.3")
    assert run_pytest(project, "--compare-to=baseline").code == 1


SOME_FAIL = "[1 / 0 if one['x'] > 90.0 else 2.0 * one['x'] for one in records]"


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ("", 10, "CANNOT SAY: E10 both versions fail on"),
        ("max_both_faulted = 1", 10, "CANNOT SAY: E10 both versions fail on"),
        ("max_both_faulted = 999", 0, "within the budget"),
        ("max_both_faulted = -1", 4, "max_both_faulted is negative"),
    ],
)
def test_where_both_fail_nothing_is_compared_and_a_budget_says_how_often(zoo, tmp_path, keys, code, words):
    search = f'[[inputs]]\nname = "search"\ngenerate = {{ rows = 1000, seed = 1 }}\n{keys}\n'
    project = pair(zoo, tmp_path, SOME_FAIL, SOME_FAIL.replace("2.0", "(1.0 + 1.0)"), search, xs=[1.0])
    done = run_pytest(project, "--compare-to=baseline")
    assert done.code == code, done.out
    assert words in done.out
    if code == 0:
        both = done.verdict["accounting"]["both_faulted"]
        assert both > 1
        assert f"; both versions fail on {both} cases, within the budget." in done.verdict["headline"]
        assert run_harness(project, "verify").code == 0
    if code == 10:
        assert "max_both_faulted = " in done.out
