"""What a person gets for a wrong input: three parts, an exit code that is not 0, and nothing lost."""

from __future__ import annotations

import pytest

from .running import run_harness, run_pytest


@pytest.fixture
def project(zoo, tmp_path):
    return zoo.project(tmp_path, "good", "rewritten")


def edit(project, old, new):
    path = project / "harness.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refused(done, code, *words):
    assert done.code == code, done.out
    for word in words:
        assert word in done.out
    assert done.lines[-1].startswith("next: ")
    assert done.verdict["verdict"] == "INCONCLUSIVE"
    assert done.verdict["exit"] == code


def test_unknown_version(project):
    done = run_pytest(project, "--compare-to=baselin")
    refused(done, 4, 'unknown version "baselin" for the baseline', 'did you mean "baseline"?')


def test_missing_baseline(project):
    done = run_pytest(project, "--compare-to=previous")
    refused(done, 4, "E48 no baseline; run harness release --first")


def test_unknown_key(project):
    edit(project, 'model = "animal"', 'model = "animal"\nextension = ["x.py"]')
    refused(
        run_pytest(project, "--compare-to=baseline"),
        4,
        'E27 unknown key "extension"',
        'did you mean "extensions"?',
    )


def test_unknown_key_of_a_rule(project):
    rule = '[[rules]]\nname = "near"\nrule = "close"\noutput = "prediction"\nrtoll = 0.1\n'
    with (project / "harness.toml").open("a") as file:
        file.write(rule)
    refused(run_pytest(project, "--compare-to=baseline"), 4, "E27", "rtoll", 'did you mean "rtol"?')


def test_rule_that_matches_no_output(project):
    with (project / "harness.toml").open("a") as file:
        file.write('[[rules]]\nname = "near"\nrule = "close"\noutput = "predicton"\nrtol = 0.1\n')
    refused(
        run_pytest(project, "--compare-to=baseline"),
        4,
        "E28 rule near checked nothing",
        'did you mean "prediction"?',
    )


def test_empty_inputs(project):
    (project / "rows.csv").write_text("id,x,y\n")
    refused(run_pytest(project, "--compare-to=baseline"), 10, "E10 0 of 0 comparisons")


def test_no_inputs_at_all(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten")
    text = (project / "harness.toml").read_text()
    start, end = text.index("[[inputs]]"), text.index("[versions.baseline]")
    (project / "harness.toml").write_text(text[:start] + text[end:])
    refused(run_pytest(project, "--compare-to=baseline"), 10, "E10 0 of 0 comparisons")


def test_missing_table(project):
    (project / "rows.csv").unlink()
    refused(run_pytest(project, "--compare-to=baseline"), 4, "no file matches rows.csv")


def test_table_without_the_columns_of_the_schema(project):
    (project / "rows.csv").write_text("id,X,y\nr1,1,3\n")
    refused(run_pytest(project, "--compare-to=baseline"), 4, "lacks 1 of the schema's columns: x")


def test_keys_that_stand_twice(project):
    (project / "rows.csv").write_text("id,x,y\nr1,1,3\nr1,2,5\n")
    refused(run_pytest(project, "--compare-to=baseline"), 4, "key id is not unique")


def test_text_where_numbers_should_be(project):
    (project / "rows.csv").write_text("id,x,y\nr1,one,3\n")
    refused(run_pytest(project, "--compare-to=baseline"), 4, "cannot read the table")


def test_altered_wheel(project):
    wheel = next((project / "candidate").glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes().replace(b"def predict", b"def Predict"))
    refused(run_pytest(project, "--compare-to=baseline"), 11, "E46")


def test_altered_blob_in_the_store(project, git):
    git(project)
    assert run_harness(project, "release", "--first", "--reason", "the first").code == 0
    blobs = [path for path in (project / "baselines" / "blobs").rglob("*") if path.is_file()]
    wheel = max(blobs, key=lambda path: path.stat().st_size)
    before = wheel.read_bytes()
    wheel.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    refused(run_pytest(project, "--compare-to=previous"), 11, "E46 digest mismatch: expected")
    wheel.unlink()
    refused(run_pytest(project, "--compare-to=previous"), 11, "E47")


def test_a_version_with_itself(project):
    done = run_pytest(project, "--compare-to=baseline", "--compare-candidate=baseline")
    refused(done, 4, "E41 comparing a version with itself", "--compare-allow-same")


def test_unknown_kind_of_change(project):
    refused(
        run_pytest(project, "--compare-to=baseline", "--compare-change=retrian"), 4, 'did you mean "retrain"?'
    )


def test_a_contradicted_declaration(project):
    done = run_pytest(project, "--compare-to=baseline", "--compare-change=retrain")
    assert done.code == 1
    assert "E55 declared retrain, but" in done.out
    assert done.verdict["verdict"] == "FAIL"


def test_no_configuration(tmp_path):
    done = run_pytest(tmp_path, "--compare-to=previous")
    assert done.code == 4
    assert "no configuration: neither harness.toml nor [tool.harness]" in done.out


def test_a_report_that_cannot_be_written(project):
    (project / "reports").write_text("a file where a folder should be")
    done = run_pytest(project, "--compare-to=baseline")
    assert done.code == 4
    assert "E53" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 4, "usage: harness"),
        (("compair",), 4, 'unknown choice "compair"; did you mean "compare"?'),
        (("compare", "--to", "nowhere"), 4, "unknown version"),
        (("verify",), 10, "E16 no verdict file"),
        (("release",), 10, "E16 no verdict file"),
        (("release", "--first"), 4, "needs a reason"),
        (("report",), 10, "E53 there is no report"),
        (("train",), 4, "no training configuration"),
        (("train", "nowhere.toml"), 4, "nowhere.toml"),
        (("check", "--to", "baseline"), 0, "rows: 20 cases"),
    ],
)
def test_the_command_says_what_is_wrong(project, arguments, code, words):
    done = run_harness(project, *arguments)
    assert done.code == code, done.out
    assert words in done.out
    assert "Traceback" not in done.out
