"""`harness replay` and `harness show`: a past run is run again, and read."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from .running import run_harness, run_pytest

SEARCH = '[[inputs]]\nname = "search"\ngenerate = { rows = 600, seed = 3 }\n'
ROTS = '''"""Answers otherwise once a file says so."""
import pathlib

ROTTEN = pathlib.Path("/nowhere") / "rotten"

def predict(records):
    return [2 * row["x"] + 1 + (0.5 if ROTTEN.exists() and row["x"] == 13 else 0) for row in records]
'''
RULE = '''"""A rule in code."""
from harness.compare.rules.functions import rule

@rule("near")
def near(baseline, candidate, inputs):
    return abs(baseline - candidate) <= 0.1
'''


def run_file(project: Path) -> Path:
    (path,) = (project / "reports" / "runs").glob("*/run.json")
    return path


@pytest.fixture(scope="module")
def compared(zoo, tmp_path_factory):
    """A run of which nothing but the reports' folder and the configuration are left."""
    settings = SEARCH + '[[rules]]\nname = "near"\nrule = "near"\noutput = "prediction"\nmax_violations = 0\n'
    project = zoo.project(tmp_path_factory.mktemp("replay"), "good", "shifted_at_13", settings=settings)
    path = project / "harness.toml"
    path.write_text('extensions = ["rules/near.py"]\n' + path.read_text())
    (project / "rules").mkdir()
    (project / "rules" / "near.py").write_text(RULE)
    done = run_pytest(project, "--compare-to=baseline", "-q")
    assert done.code in (0, 1), done.out
    # what is configured today has nothing to do with it any more
    for name in ("baseline", "candidate", "rules"):
        shutil.rmtree(project / name)
    (project / "rows.csv").unlink()
    path.write_text('model = "animal"\n')
    return project


@pytest.fixture
def project(compared, tmp_path):
    """The same, to be spoilt."""
    return Path(shutil.copytree(compared, tmp_path / "copy"))


def test_a_run_is_reproduced_from_what_was_kept_of_it(project):
    verdict = (project / "reports" / "verdict.json").read_bytes()
    done = run_harness(project, "replay", "last")
    assert done.code == 0, done.out
    assert "reproduced: " in done.out
    assert "starting baseline" in done.out
    assert "starting candidate" in done.out
    assert "moved" not in done.out
    assert (project / "reports" / "verdict.json").read_bytes() == verdict
    assert len(list((project / "reports" / "runs").iterdir())) == 1


def test_on_another_day_the_rules_are_those_of_its_day(zoo, tmp_path):
    settings = '[[rules]]\nname = "near"\nrule = "close"\natol = 1.0\nuntil = 2999-01-01\n'
    project = zoo.project(tmp_path, "good", "shifted_at_13", settings=settings)
    assert run_harness(project, "compare", "--to", "baseline").code == 0
    path = run_file(project)
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "day": "2999-01-02"}))
    done = run_harness(project, "replay", "last")
    assert done.code != 0
    assert "near" in done.out
    path.write_text(json.dumps({**data, "day": "2998-12-31"}))
    assert run_harness(project, "replay", "last").code == 0


@pytest.mark.parametrize("both", [False, True])
def test_a_model_that_answers_otherwise_is_named_with_its_cases(zoo, tmp_path, both):
    marks = tmp_path / "marks"
    marks.mkdir()
    project = zoo.project(tmp_path / "project", "good", "rewritten")
    path = project / "harness.toml"
    text = path.read_text()
    for side in ("baseline", "candidate")[not both :]:
        shutil.rmtree(project / side)
        version = "1.0.0" if side == "baseline" else "1.1.0"
        name = f"rots_{side}"
        wheel = zoo.wheel(project / side, name, version=version, source=ROTS, place=marks)
        old = next(line for line in text.splitlines() if f"wheel:{side}/" in line)
        text = text.replace(old, f'spec = "wheel:{side}/{wheel.name}"')
    path.write_text(text)
    first = run_harness(project, "compare", "--to", "baseline")
    assert first.code == 0, first.out
    (marks / "rotten").write_text("")
    done = run_harness(project, "replay", "last")
    assert "moved: answers: the candidate answers 1 of 20 rows of rows otherwise, r13 among them" in done.out
    # where both moved together the result is what it was, and that they moved is said all the same
    assert ("moved: answers: the baseline" in done.out) == both
    assert done.code == (0 if both else 1), done.out
    assert ("E72 run " in done.out) != both


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("harness", "0.0.9", "moved: harness: the run is of 0.0.9"),
        ("code", "0" * 64, "moved: harness: its code has changed"),
    ],
)
def test_what_moved_is_said_though_the_result_is_the_same(project, key, value, words):
    path = run_file(project)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    done = run_harness(project, "replay", "last")
    assert done.code == 0, done.out
    assert words in done.out


def test_another_python_processor_or_library_is_named(project):
    (path,) = run_file(project).parent.glob("running-*.json")
    said = json.loads(path.read_text())
    said["processor"] = "abacus"
    said["candidate"] |= {"python": "3.8.1", "libraries": {"numpy": "1.17.0"}}
    path.write_text(json.dumps(said))
    done = run_harness(project, "replay", "last")
    assert "moved: environment: the processor was abacus" in done.out
    assert "moved: environment: candidate ran under Python 3.8.1" in done.out
    assert "moved: environment: numpy of the candidate was 1.17.0, is none" in done.out


@pytest.mark.parametrize("what", ["wheel", "rule", "configuration"])
@pytest.mark.parametrize(("how", "code"), [("gone", 10), ("changed", 11)])
def test_a_content_that_is_gone_or_another_is_said(project, what, how, code):
    data = json.loads(run_file(project).read_text())["bundle"]
    digest = {
        "wheel": data["wheels"]["candidate"],
        "rule": data["extensions"]["rules/near.py"],
        "configuration": data["configuration"][1],
    }[what]
    path = project / "reports" / "kept" / digest
    path.unlink() if how == "gone" else path.write_bytes(path.read_bytes() + b" ")
    done = run_harness(project, "replay", "last")
    assert done.code == code, done.out
    assert ("E72" if how == "gone" else "E46") in done.out


def test_kept_cases_that_changed_are_said(project):
    (block,) = (run_file(project).parent / "rows").glob("block-*")
    content = block.read_bytes()
    # the answer to x = 13, 27.5, becomes 28.5
    assert content.count(struct.pack("<d", 27.5)) == 1
    block.write_bytes(content.replace(struct.pack("<d", 27.5), struct.pack("<d", 28.5)))
    done = run_harness(project, "replay", "last")
    assert "moved: inputs: what was kept of rows has changed since the run" in done.out


def test_a_name_that_leads_outside_is_refused(project):
    path = run_file(project)
    data = json.loads(path.read_text())
    data["bundle"]["extensions"] = {"../../outside.py": data["bundle"]["extensions"]["rules/near.py"]}
    path.write_text(json.dumps(data))
    done = run_harness(project, "replay", "last")
    assert done.code == 12, done.out
    data["bundle"]["extensions"] = {"rules/near.py": "../../harness.toml"}
    path.write_text(json.dumps(data))
    assert run_harness(project, "replay", "last").code == 12


def test_a_run_of_an_older_harness_says_that_it_cannot_be_run_again(project):
    path = run_file(project)
    data = json.loads(path.read_text())
    del data["bundle"], data["code"], data["day"]
    path.write_text(json.dumps(data))
    done = run_harness(project, "replay", "last")
    assert done.code == 10
    assert "E72 the run did not keep its configuration" in done.out


def test_no_header_of_an_endpoint_is_kept(zoo, tmp_path):
    settings = (
        '[versions.live]\nspec = "http://127.0.0.1:9/x"\nheaders = { A = "secret-value", B = "env:TOKEN" }\n'
    )
    project = zoo.project(tmp_path, "good", "rewritten", settings=settings)
    assert run_harness(project, "compare", "--to", "baseline").code == 0
    kept = b"".join(path.read_bytes() for path in (project / "reports").rglob("*") if path.is_file())
    assert b"secret-value" not in kept
    assert b"env:TOKEN" in kept
    assert run_harness(project, "replay", "last").code == 0


# ---- show


def test_a_run_is_shown_with_the_names_of_its_cases_and_each_case_with_both_answers(project):
    done = run_harness(project, "show", "last")
    assert done.code == 0
    assert "again: harness replay 2" in done.out
    name = next(word for word in done.out.split() if word.startswith("case-"))
    assert name in (project / "reports" / "report.html").read_text()
    case = run_harness(project, "show", name)
    assert case.code == 0
    for words in ("x          ", "baseline   prediction ", "candidate  prediction ", "magnitude"):
        assert words in case.out


def test_any_case_of_a_table_is_found_by_its_key(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "raises_at_13")
    assert run_harness(project, "compare", "--to", "baseline").code == 1
    seven = run_harness(project, "show", "r7")
    assert seven.code == 0
    assert "in no finding" in seven.out
    assert "baseline   prediction 15.0" in seven.out
    unknown = run_harness(project, "show", "r99")
    assert unknown.code == 4
    assert 'has no case "r99"' in unknown.out


@pytest.mark.parametrize("private", ["x", "id", "y", "prediction"])
def test_private_columns_stay_hidden(zoo, tmp_path, private):
    project = zoo.project(tmp_path, "good", "shifted_at_13")
    path = project / "harness.toml"
    path.write_text(f'private = ["{private}"]\n' + path.read_text())
    assert run_harness(project, "compare", "--to", "baseline").code == 1
    shown = run_harness(project, "show", "last").out
    whole = run_harness(project, "show", "r7")
    finding = run_harness(
        project, "show", next(word for word in shown.split() if word.startswith("case-"))
    ).out
    if private == "id":
        assert whole.code == 4
        assert "r13" not in shown + finding
        return
    assert "(private)" in finding
    assert "(private)" in whole.out
    secret = {"x": ("x          13", "x          7"), "y": ("label      27", "label      15")}
    for words in secret.get(private, ("prediction 27", "prediction 15")):
        assert words not in shown + finding + whole.out
