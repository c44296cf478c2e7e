"""`harness waive`: a waiver is written where it excuses something, and the rest of the file stays as it was."""

from __future__ import annotations

import json

import pytest

from .running import run_harness

ARGUMENTS = ("--owner", "pricing", "--reason", 'known: "x" = 13', "--until", "2999-01-01")


@pytest.fixture
def failed(zoo, tmp_path):
    """A project whose run failed by one row."""
    project = zoo.project(tmp_path, "good", "shifted_at_13")
    path = project / "harness.toml"
    path.write_text("# a remark of ours\n" + path.read_text() + "\n# the last line")
    assert run_harness(project, "compare", "--to", "baseline").code == 1
    return project


def test_a_waiver_is_tried_written_and_lets_the_run_pass_without_a_model(failed):
    path = failed / "harness.toml"
    before = path.read_text()
    dry = run_harness(failed, "waive", "values", *ARGUMENTS, "--max-magnitude", "0.5", "--dry-run")
    assert dry.code == 0, dry.out
    assert path.read_text() == before
    assert "FAIL -> PASS" in dry.out
    done = run_harness(failed, "waive", "values", *ARGUMENTS, "--max-magnitude", "0.5", "--where", "x > 12")
    assert done.code == 0, done.out
    after = path.read_text()
    assert after.startswith(before.rstrip("\n"))
    for line in ('reason = "known: \\"x\\" = 13"', "until = 2999-01-01", 'versions = "1.0.0 -> 1.1.0"'):
        assert line in after
    for name in ("baseline", "candidate"):
        for wheel in (failed / name).iterdir():
            wheel.unlink()
    assert run_harness(failed, "judge", "last").code == 0


def test_in_pyproject_the_table_stands_below_its_prefix(failed):
    text = (failed / "harness.toml").read_text()
    (failed / "harness.toml").unlink()
    path = failed / "pyproject.toml"
    text = text.replace("[[inputs]]", "[[tool.harness.inputs]]").replace(
        "[versions.", "[tool.harness.versions."
    )
    path.write_text(
        f'[project]\nname = "x"  # stays\nversion = "1"\n\n[tool.harness]\n{text}\n[tool.other]\nkey = 1\n'
    )
    done = run_harness(failed, "waive", "values", *ARGUMENTS)
    assert done.code == 0, done.out
    after = path.read_text()
    assert "[[tool.harness.waivers]]" in after
    assert 'name = "x"  # stays' in after
    assert "[tool.other]\nkey = 1\n" in after
    assert run_harness(failed, "judge", "last").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("values", "--max-magnitude", "-1"), 4, "max_magnitude is -1"),
        (("values", "--where", "x >"), 4, ""),
        (("values", "--inputs", "other"), 4, "E28"),
        (("values", "--until", "tomorrow"), 4, "is no day"),
        (("values", "--until", "2020-01-01"), 4, "past"),
        (("values", "--reason", ""), 4, "has no reason"),
        (("values", "--versions", "1.0.0"), 4, "name a pair"),
        (("values", "--versions", "8.0 -> 9.0"), 1, "E57"),
        (("same-errors",), 1, "E57"),
        (("structure",), 4, ""),
        (("none",), 4, 'unknown rule "none"'),
        (("values", "--run", "20"), 0, "written to"),
        (("values", "--run", "x"), 4, "no stored run"),
        (("values", "--direction", "down"), 0, "0 violations covered, 1 not; FAIL -> FAIL"),
    ],
)
def test_what_is_no_waiver_or_excuses_nothing_is_not_written(failed, arguments, code, words):
    path = failed / "harness.toml"
    before = path.read_bytes()
    done = run_harness(failed, "waive", *ARGUMENTS, *arguments)
    assert done.code == code, done.out
    assert words in done.out
    assert (path.read_bytes() == before) == (code != 0)
    assert not list(failed.glob(".harness.toml*"))


def test_an_inline_list_of_waivers_is_left_alone(failed):
    path = failed / "harness.toml"
    path.write_text("waivers = []\n" + path.read_text())
    done = run_harness(failed, "waive", "values", *ARGUMENTS)
    assert done.code == 4, done.out
    assert "no list of tables [[waivers]]" in done.out


# ---- where the team decides


@pytest.mark.parametrize(
    "address",
    [
        "http://team.example/",
        "javascript:alert(1)",
        "https://{model}.example/",
        "https://user@team.example/",
        "https://team.example/{nothing}",
        "https://team.example/ x",
        'https://team.example/"onclick="x',
        "https://team.example/<b>",
        "https://team.example/\\u0007",
        "https:///x",
    ],
)
def test_an_address_that_is_more_than_an_address_is_refused(zoo, tmp_path, address):
    project = zoo.project(tmp_path, "good", "rewritten")
    path = project / "harness.toml"
    path.write_text(
        f"decision_url = '{address}'\n".replace("'", '"' if "\\u" in address else "'") + path.read_text()
    )
    done = run_harness(project, "compare", "--to", "baseline")
    assert done.code == 4
    assert "E27 decision_url" in done.out


def test_the_link_names_this_run_and_result(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten", model='a&b "c"<d>')
    path = project / "harness.toml"
    text = path.read_text().replace('model = "animal"', "model = 'a&b \"c\"<d>'")
    path.write_text(
        "decision_url = 'https://team.example/d/{verdict}?r={result_digest}&m={model}#{run_id}'\n" + text
    )
    done = run_harness(project, "compare", "--to", "baseline")
    assert done.code == 0, done.out
    reports = project / "reports"
    record = json.loads((reports / "report.json").read_text())
    tail = f"r={record['result_digest']}&m=a%26b%20%22c%22%3Cd%3E#{record['run_id']}"
    address = f"https://team.example/d/PASS?{tail}"
    assert record["run"]["decision_url"] == address
    assert f"decide: {address}" in done.out
    assert f'href="{address.replace("&", "&amp;")}"' in (reports / "report.html").read_text()
    assert f"Decide: <{address}>" in (reports / "summary.md").read_text()
    # judged again, the same result is decided on the same page
    assert run_harness(project, "judge", "last").code == 0
    assert json.loads((reports / "report.json").read_text())["run"]["decision_url"] == address
