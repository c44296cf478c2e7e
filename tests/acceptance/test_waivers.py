"""Waivers through pytest and the command: each kind of end that one can come to has its own message."""

from __future__ import annotations

import json

import pytest

from .running import run_harness, run_pytest

COMPARE = ("--compare-to=baseline", "-q")


def waiver(rule="values", **keys):
    given = {
        "name": "thirteen",
        "rule": rule,
        "owner": "pricing",
        "reason": "thirteen is rounded up now",
        "until": "2999-01-01",
        **keys,
    }
    lines = [f"{k} = {v if k in ('until', 'max_magnitude') else json.dumps(v)}" for k, v in given.items()]
    return "\n".join(["[[waivers]]", *lines])


def test_a_waived_difference_may_be_released_and_the_headline_names_the_waiver(zoo, tmp_path, git):
    settings = waiver(direction="up", max_magnitude=0.5, versions="1.0.0 -> 1.1.0")
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=settings)
    git(project)
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    assert "with 1 waiver: thirteen (until 2999-01-01)." in " ".join(done.out.split())
    assert "days left); pricing: thirteen is rounded up now" in " ".join(done.out.split())
    result = json.loads((project / "reports" / "report.json").read_text())["result"]
    assert [(one["name"], one["status"], one["inside"], one["outside"]) for one in result["waivers"]] == [
        ("thirteen", "used", 1, 0)
    ]
    rule = next(one for one in result["rules"] if one["name"] == "values")
    assert (rule["status"], rule["violations"], rule["waived"], rule["waivers"]) == (
        "PASS",
        1,
        1,
        ["thirteen"],
    )
    for page in ("report.html", "summary.md"):
        assert "days left" in (project / "reports" / page).read_text()
    assert run_harness(project, "verify").code == 0
    # the rules that a verdict is bound to include its waivers
    path = project / "harness.toml"
    path.write_text(path.read_text().replace("2999-01-01", "2998-01-01"))
    git(project)
    assert "E17" in run_harness(project, "verify").out


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        (
            {"max_magnitude": 0.4},
            1,
            "waiver thirteen exceeded: 1 of 1 violations lie outside of it (1 larger than 0.4, up to 0.5)",
        ),
        (
            {"direction": "down"},
            1,
            "waiver thirteen exceeded: 1 of 1 violations lie outside of it (1 not down)",
        ),
        ({"rule": "faults"}, 1, "E57 waiver thirteen is no longer needed: faults passes without it"),
        ({"until": "2020-01-01"}, 4, "E27 waiver thirteen expired on 2020-01-01"),
        ({"rule": "valeus"}, 4, 'E28 waiver thirteen names unknown rule "valeus"'),
        ({"inputs": ["row"]}, 4, 'E28 waiver thirteen is bound to unknown input source "row"'),
        ({"versions": "1.1.0 -> 1.2.0"}, 1, "this run compares 1.0.0 -> 1.1.0"),
        ({"rule": "changed-rate"}, 1, "no rule of that name judges its inputs in a refactor"),
        ({"where": "x = 13"}, 4, "E27 cannot read the condition: '=' is not understood"),
        ({"where": "z == 13"}, 4, "E27 no column is named z"),
        (
            {"where": "x != 13"},
            1,
            "waiver thirteen exceeded: 1 of 1 violations lie outside of it (1 not in the cases of its where)",
        ),
    ],
)
def test_each_misuse_fails_with_its_own_message(zoo, tmp_path, keys, code, words):
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=waiver(**keys))
    done = run_pytest(project, *COMPARE)
    assert done.code == code, done.out
    assert words in " ".join(done.out.split())
    assert done.verdict["verdict"] != "PASS"


def test_a_waiver_that_nothing_needs_forbids_a_pass(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten", settings=waiver())
    done = run_pytest(project, *COMPARE)
    assert done.code == 1
    assert done.verdict["reason"] == "E57 waiver thirteen is no longer needed: values passes without it"
    assert "remove" in done.verdict["next"]


def test_a_waiver_with_a_condition_covers_its_cases_and_no_other(zoo, tmp_path, git):
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=waiver(where="x == 13"))
    git(project)
    done = run_pytest(project, *COMPARE)
    assert done.code == 0, done.out
    assert run_harness(project, "judge", "last").code == 0
    path = project / "harness.toml"
    path.write_text(path.read_text().replace("x == 13", "x == 12"))
    again = run_harness(project, "judge", "last")
    assert again.code == 1
    assert "1 not in the cases of its where" in " ".join(again.out.split())


def test_the_condition_of_a_waiver_on_a_private_column_is_not_shown(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=waiver(where="x != 13"))
    path = project / "harness.toml"
    path.write_text('private = ["x"]\n' + path.read_text())
    done = run_pytest(project, *COMPARE)
    assert done.code == 1, done.out
    result = json.loads((project / "reports" / "report.json").read_text())["result"]
    assert result["waivers"][0]["where"] == "(private)"
    assert "x != 13" not in (project / "reports" / "report.html").read_text()


def test_a_waiver_of_one_case_does_not_hide_another(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "shifted", settings=waiver(max_magnitude=0.1))
    assert run_pytest(project, *COMPARE).code == 1


def test_a_fault_can_be_waived_and_two_workers_count_alike(zoo, tmp_path):
    settings = waiver("faults") + '\n[[inputs]]\nname = "search"\ngenerate = { rows = 600, seed = 3 }'
    project = zoo.project(tmp_path, "good", "raises_at_13", settings=settings)
    alone, spread = run_pytest(project, *COMPARE), run_pytest(project, *COMPARE, "-n", "2")
    assert alone.code == spread.code == 0, alone.out
    assert alone.verdict["result_digest"] == spread.verdict["result_digest"]


def test_check_shows_waivers_and_the_days_that_are_left(zoo, tmp_path):
    project = zoo.project(
        tmp_path, "good", "shifted_at_13", settings=waiver() + "\n" + waiver(name="old", versions="0 -> 1")
    )
    done = run_harness(project, "check", "--to=baseline")
    assert done.code == 0, done.out
    lines = [line for line in done.lines if line.startswith("waiver ")]
    assert len(lines) == 2
    assert all("days left), pricing: thirteen is rounded up now" in line for line in lines)
    assert ["not applied here" in line for line in lines] == [False, True]
