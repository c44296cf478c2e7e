"""Rules for some of the cases, through pytest and the command: good configurations, and wrong ones."""

from __future__ import annotations

import html
import json
import re

import pytest

from .running import run_harness, run_pytest

COMPARE = ("--compare-to=baseline", "-q")


def near(name="near", **keys):
    """One rule in TOML, on the output `prediction`."""
    keys = {"rule": "close", "output": "prediction"} | keys
    lines = [f"{key} = {value if key in RAW else json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(["[[rules]]", f'name = "{name}"', *lines, ""])


RAW = ("until", "max_quantile", "max_mean_shift", "max_cost")


def record(project, name="near"):
    result = json.loads((project / "reports" / "report.json").read_text())["result"]
    return next(one for one in result["rules"] if one["name"] == name)


def test_a_tolerance_for_one_segment_is_justified_and_dated(zoo, tmp_path):
    settings = "require_reason = true\n"
    rule = near(
        where="x == 13",
        atol=1.0,
        reason="x 13 is noisy",
        evidence="tickets/812",
        until="2099-06-30",
        owner="us",
    )
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=rule)
    text = (project / "harness.toml").read_text()
    (project / "harness.toml").write_text(settings + text)
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    found = record(project)
    assert (found["where"], found["cases"], found["compared"]) == ("x == 13", 1, 1)
    assert (found["evidence"], found["until"]) == ("tickets/812", "2099-06-30")
    assert record(project, "values")["compared"] == 19
    page = (project / "reports" / "report.html").read_text()
    assert "cases with x == 13" in page
    assert "tickets/812" in page
    check = run_harness(project, "check", "--to=baseline")
    assert check.code == 0
    for words in (
        "judges 1 of 20 cases, where x == 13",
        "judges 19 of 20 cases, without those of near",
        "“x 13 is noisy”, owner us, evidence tickets/812, until 2099-06-30 (",
        " days left)",
    ):
        assert words in check.out


def test_the_same_shift_outside_the_segment_fails(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=near(where="x == 12", atol=1.0))
    done = run_pytest(project, *COMPARE)
    assert done.code == 1, done.out
    assert "DO NOT RELEASE: 1 of 19 rows violate values" in done.out


def test_a_rule_takes_its_cases_from_the_one_that_it_replaces(zoo, tmp_path):
    rules = near("tight", atol=0.1) + near("wide", atol=1.0, where="x > 10", replaces="tight")
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=rules)
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    assert (record(project, "wide")["compared"], record(project, "tight")["compared"]) == (9, 11)
    check = run_harness(project, "check", "--to=baseline").out
    assert "judges 9 of 20 cases, where x > 10, in place of tight" in check
    assert "judges 11 of 20 cases, without those of wide" in check


def test_a_budget_that_holds_over_all_and_not_within_a_slice_fails(zoo, tmp_path):
    rule = near(atol=0.1, max_violation_rate=0.05)
    project = zoo.project(tmp_path / "whole", "good", "shifted_at_13", settings=rule)
    assert run_pytest(project, *COMPARE).code == 0
    rule = near(atol=0.1, max_violation_rate=0.05, slices=["x >= 13", "x < 13"])
    project = zoo.project(tmp_path / "sliced", "good", "shifted_at_13", settings=rule)
    done = run_pytest(project, *COMPARE)
    assert done.code == 1, done.out
    assert "1 of 7 rows with x >= 13 violate near" in done.out
    assert [(one["name"], one["status"]) for one in record(project)["slices"]] == [
        ("x < 13", "PASS"),
        ("x >= 13", "FAIL"),
    ]
    assert "x &gt;= 13" in (project / "reports" / "report.html").read_text()


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ({"max_quantile": "{ q = 0.99, limit = 0.6 }"}, 0, "MAY BE RELEASED"),
        (
            {"max_quantile": "{ q = 0.5, limit = 0.4 }"},
            1,
            "p50 of |c - b| of prediction is 0.5; the limit of near",
        ),
        ({"max_mean_shift": "{ limit = 0.5 }"}, 0, "MAY BE RELEASED"),
        (
            {"max_mean_shift": "{ limit = 0.01, relative = true }"},
            1,
            "mean shift as a share of prediction is 0.025",
        ),
        # within x == 0 the baseline's mean is 1, and a half is half of it
        (
            {"max_mean_shift": "{ limit = 0.03, relative = true }", "slices": ["x == 0"]},
            1,
            "of prediction with x == 0 is 0.5",
        ),
        ({"max_quantile": "{ q = 1.0, limit = 0.4 }", "where": "x < 5"}, 1, "p100 of |c - b|"),
        ({"max_cost": '{ limit = 3.0, error = 2.0, unit = "EUR", per_case = true }'}, 0, "MAY BE RELEASED"),
        (
            {"max_cost": '{ limit = 0.9, error = 2.0, unit = "EUR", per_case = true }'},
            1,
            "cost per case in EUR of prediction is 1; the limit of near is 0.9",
        ),
        (
            {"max_cost": '{ limit = 1e9, flips = { "1.0 -> 2.0" = 5.0 } }'},
            10,
            "E29 cost of prediction is undefined",
        ),
    ],
)
def test_budgets_over_all_cases(zoo, tmp_path, keys, code, words):
    rest = near("rest", atol=1.0, where="x >= 5") if "where" in keys else ""
    project = zoo.project(
        tmp_path,
        "good",
        "shifted",
        settings=near(rule="cost" if "max_cost" in keys else "budget", **keys) + rest,
    )
    done = run_pytest(project, *COMPARE)
    assert done.code == code, done.out
    assert words in done.out
    assert record(project)["statistics"]


def test_the_result_does_not_depend_on_the_workers(zoo, tmp_path):
    """Every sort of state that a rule leaves: counts, slices, statistics, classes, costs, waivers, drift."""
    rules = (
        near("tight", atol=0.1, max_violation_rate=0.2, slices=["x"], max_mean_shift="{ limit = 0.1 }")
        + near("wide", atol=1.0, where="x > 10", replaces="tight", slices=["x == 13"])
        + near("known", rule="null_rate", max_rate=0.01, where="x < 7")
        + near("classes", rule="class_set", where="x < 20", allow_new=["*"])
        + near("price", rule="cost", max_cost="{ limit = 1e6, error = 0.1 }")
        + near("spread", rule="budget", max_quantile="{ q = 0.99, limit = 9.0 }", where="x > 30")
        + '[[waivers]]\nname = "w"\nrule = "wide"\nowner = "us"\nreason = "known"\nuntil = 2999-01-01\n'
        + '[[inputs]]\nname = "search"\ngenerate = { rows = 600, seed = 3 }\n'
        + "[drift]\nmax_share = 0.5\nmax_mean_shift = 0.5\n"
    )
    project = zoo.project(tmp_path, "good", "shifted_at_13", xs=[n % 50 for n in range(5000)], settings=rules)
    path = project / "harness.toml"
    path.write_text('anchor = "baseline"\n' + path.read_text())
    results = []
    for number in ("0", "2", "3"):
        done = run_pytest(project, *COMPARE, "-n", number)
        results.append(json.loads((project / "reports" / "report.json").read_text())["result"])
        assert results[-1] == results[0], done.out
    command = run_harness(project, "compare", "--to=baseline")
    assert command.verdict["result_digest"] == done.verdict["result_digest"]
    assert len(record(project, "tight")["slices"]) == 11
    seen = {(one["name"], one["inputs"]) for one in results[0]["rules"] if one["compared"]}
    assert {"tight", "wide", "known", "classes", "price", "spread", "drift"} <= {name for name, _ in seen}


def test_a_condition_without_cases_is_inconclusive(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten", settings=near(where="x > 1000", atol=1.0))
    done = run_pytest(project, *COMPARE)
    assert done.code == 10, done.out
    assert "CANNOT SAY: E28 rule near checked nothing: no case of rows has x > 1000" in done.out
    check = run_harness(project, "check", "--to=baseline")
    assert check.code == 10
    assert "judges 0 of 20 cases, where x > 1000, the run will be INCONCLUSIVE (E28)" in check.out


def test_more_slices_than_can_be_judged(zoo, tmp_path):
    settings = near(atol=1.0, slices=["x"])
    project = zoo.project(tmp_path, "good", "rewritten", xs=[n / 7 for n in range(201)], settings=settings)
    done = run_pytest(project, *COMPARE)
    assert done.code == 10, done.out
    assert "E27 rule near has more than 200 slices" in done.out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (near(rtoll=0.1), ['E27 unknown key "rtoll"', 'did you mean "rtol"?']),
        (near(wheer="x > 1", atol=1.0), ['E27 unknown key "wheer"']),
        (near(output="predicton"), ["E28 rule near checked nothing", 'did you mean "prediction"?']),
        (
            near(where="x >< 1"),
            ['expected a column or a value, at character 4 of "x >< 1"'],
        ),
        (near(where="x > 1 adn x < 5"), ["E27 cannot read the condition", 'did you mean "and"?']),
        (near(where="xx > 1"), ["E27 no column is named xx", 'did you mean "x"?']),
        (near(where="x == 'a'"), ["E27 column x holds numbers, and this is a text"]),
        (near(slices=["z"]), ["E27 no column is named z"]),
        (near(replaces="nera"), ['E27 rule near replaces an unknown rule "nera"']),
        (near("a", atol=1.0) + near("b", atol=2.0), ["E27 rules a and b contradict each other on rows"]),
        (near(until="2020-01-01"), ["E27 rule near expired on 2020-01-01"]),
        (near(max_quantile="{ q = 99, limit = 1 }"), ["E27 q is 99"]),
        (near(max_quantile="{ q = 0.0, limit = 1 }"), ["E27 q is 0.0"]),
        (near(max_quantile="{ q = 0.9, limit = nan }"), ["E27 limit is nan"]),
        (near(rule="budget"), ['E27 rule near is rule = "budget" and has none']),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(zoo, tmp_path, settings, words):
    project = zoo.project(tmp_path, "good", "rewritten", settings=settings)
    for done in (run_pytest(project, *COMPARE), run_harness(project, "check", "--to=baseline")):
        assert done.code == 4, done.out
        for word in words:
            assert word in done.out
        assert "Traceback" not in done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"


def refused(done, *words):
    """Through pytest itself: exit 4, no traceback, no verdict that releases, and these words."""
    assert done.code == 4, done.out
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    assert "Traceback" not in done.out
    for word in words:
        assert word in done.out


@pytest.mark.parametrize(("condition", "at"), [("x > 1 and xx < 5", "xx"), ("x > 1 and < 5", "< 5")])
def test_the_place_in_a_condition_is_marked(zoo, tmp_path, condition, at):
    project = zoo.project(tmp_path, "good", "rewritten", settings=near(where=condition))
    done = run_pytest(project, *COMPARE)
    refused(done, "E27")
    assert f'at character {condition.index(at) + 1} of "{condition}"' in " ".join(done.out.split())
    checked = run_harness(project, "check", "--to=baseline")
    assert checked.code == 4
    for lines in (done.lines, checked.lines):
        place = next(number for number, line in enumerate(lines) if line.strip() == condition)
        assert lines[place + 1].index("^") == lines[place].index(at)
        above = " ".join(line.strip() for line in lines[:place])
        assert "harness.toml, rule near, where" in above[-80:]
    page = (project / "reports" / "report.html").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<pre tabindex=.0.>(.*?)</pre>", page, re.DOTALL)
    line, caret, _ = html.unescape(shown).split("\n")
    assert (line, caret.index("^")) == (condition, condition.index(at))


def test_the_place_in_a_long_condition_is_marked_too(zoo, tmp_path):
    """A terminal shows the part around it; nothing is wrapped, so the caret stands below what it means."""
    condition = " or ".join(f"x > {number}" for number in range(100)) + " or x >< 7 or x < 3"
    done = run_pytest(zoo.project(tmp_path, "good", "rewritten", settings=near(where=condition)), *COMPARE)
    refused(done, "E27")
    (place,) = (number for number, line in enumerate(done.lines) if line.strip() == "^")
    assert done.lines[place - 1][done.lines[place].index("^") :].startswith("< 7 or x < 3")
    assert max(map(len, done.lines[place - 1 : place + 1])) <= 100


def test_rules_that_contradict_each_other_are_both_named(zoo, tmp_path):
    rules = near("narrow", atol=1.0) + near("wide", atol=2.0)
    done = run_pytest(zoo.project(tmp_path, "good", "rewritten", settings=rules), *COMPARE)
    refused(done, "E27 rules narrow and wide contradict each other on rows", "rule narrow", "rule wide")


def test_what_has_run_out_is_refused_by_name(zoo, tmp_path):
    rule = near(atol=1.0, until="2020-01-01")
    waiver = (
        '[[waivers]]\nname = "old"\nrule = "values"\nowner = "us"\nreason = "known"\nuntil = 2020-01-01\n'
    )
    for name, text, words in (
        ("rule", rule, "E27 rule near expired on 2020-01-01"),
        ("waiver", waiver, "E27 waiver old expired on 2020-01-01"),
    ):
        project = zoo.project(tmp_path / name, "good", "rewritten", settings=text)
        refused(run_pytest(project, *COMPARE), words)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (near(atol=1.0), "has a tolerance (atol)"),
        (near(rule="exact", max_violations=3), "has a budget (max_violations)"),
        (near(rule="exact", severity="warn"), "only warns"),
        (near(rule="exact", where="x < 3", replaces="other") + near("other", rule="exact"), "replaces other"),
    ],
)
def test_where_reasons_are_required_what_loosens_has_one(zoo, tmp_path, rule, words):
    project = zoo.project(tmp_path, "good", "rewritten", settings=rule)
    path = project / "harness.toml"
    path.write_text("require_reason = true\n" + path.read_text())
    done = run_pytest(project, *COMPARE)
    assert done.code == 4, done.out
    assert f"E27 rule near {words} and has no reason" in done.out


def test_a_rule_that_allows_nothing_needs_no_reason(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "good", settings=near(rule="exact", where="x < 3"))
    path = project / "harness.toml"
    path.write_text("require_reason = true\n" + path.read_text())
    assert run_pytest(project, *COMPARE, "--compare-allow-same").code == 0


def test_a_condition_on_a_private_column_leaves_no_value_in_the_report(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten", settings=near(where="x == 13", atol=1.0))
    path = project / "harness.toml"
    path.write_text('private = ["x"]\n' + path.read_text())
    assert run_pytest(project, *COMPARE).code == 0
    assert record(project)["where"] == "(private)"


def test_values_of_private_columns_leave_no_trace(zoo, tmp_path):
    """Not in the terminal, nor in anything that is written but the kept answers, by which a run is judged again."""
    project = zoo.project(tmp_path, "good", "shifted", xs=[k + 0.730731 for k in range(20)])
    path = project / "harness.toml"
    path.write_text('private = ["x", "id"]\n' + path.read_text())
    done = run_pytest(project, *COMPARE)
    assert done.code == 1, done.out
    found = json.loads((project / "reports" / "report.json").read_text())["result"]["findings"]
    assert found
    assert {one["inputs"]["x"] for one in found} == {"(private)"}
    assert {one["key"] for one in found if one["source"] == "rows"} == {"(private)"}
    written = [
        item
        for item in (project / "reports").rglob("*")
        if item.is_file() and item.relative_to(project / "reports").parts[0] != "runs"
    ]
    assert len(written) >= 5
    assert [str(item) for item in written if b"730731" in item.read_bytes()] == []
    assert "730731" not in done.out


def test_conditions_that_meet_are_noted_since_both_rules_judge_there(zoo, tmp_path):
    rules = near("tight", atol=0.1) + near("wide", atol=1.0, max_violations=2, where="x > 10")
    project = zoo.project(tmp_path, "good", "rewritten", settings=rules)
    lines = run_harness(project, "check", "--to=baseline").lines
    (note,) = [line.strip() for line in lines if "both judge" in line]
    assert note.startswith(
        "note: tight and wide both judge 9 cases of prediction, which have to satisfy both"
    )
    assert note.endswith('replaces = "tight" or replaces = "wide" lets one stand alone')
    path = project / "harness.toml"
    path.write_text(path.read_text().replace('name = "wide"', 'name = "wide"\nreplaces = "tight"'))
    assert "both judge" not in run_harness(project, "check", "--to=baseline").out
