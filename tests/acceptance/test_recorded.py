"""Recorded outcomes: a release that has answered these cases before is not asked, and what it means that it was not."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from harness.run import answers, blocks, surroundings

from .running import run_harness, run_pytest

SEARCH = '[[inputs]]\nname = "search"\ngenerate = { rows = 600, seed = 3 }\n'
RECORDED = '[recorded]\nversion = "1.0.0"\nowner = "pricing"\nreason = "its wheels are gone"\n'
BREAKS_LATER = '''"""Answers until a file says that the environment has rotted."""
import pathlib

MARK = pathlib.Path("/nowhere")

def predict(records):
    rotten = (MARK / "rotten").exists()
    if rotten and (MARK / "rotten").read_text() == "gone":
        raise RuntimeError("a library is gone")
    return [2 * row["x"] + 1 + (1 if rotten and row["x"] == 13 else 0) for row in records]
'''
IMPORT = BREAKS_LATER.replace(
    "def predict", 'if (MARK / "dead").exists():\n    raise ImportError("gone")\n\ndef predict'
)


@pytest.fixture
def released(zoo, tmp_path, git):
    """A project whose baseline, an animal that can be made to rot, is released and named `previous`."""

    def make(settings: str = "", candidate: str = "rewritten") -> Path:
        made = zoo.project(tmp_path / "project", "good", candidate, settings=settings)
        shutil.rmtree(made / "baseline")
        wheel = zoo.wheel(made / "baseline", "rots", source=IMPORT, place=made / "marks")
        (made / "marks").mkdir()
        (made / "marks" / "kept").write_text("")
        path = made / "harness.toml"
        text = path.read_text()
        line = next(line for line in text.splitlines() if "wheel:baseline/" in line)
        text = text.replace(line, f'spec = "wheel:baseline/{wheel.name}"')
        path.write_text(text.replace('candidate = "candidate"', 'candidate = "baseline"'))
        git(made)
        done = run_harness(made, "release", "--first", "--reason", "nothing to compare with")
        assert done.code == 0, done.out
        path.write_text(text)
        git(made)
        return made

    return make


def record(project: Path) -> dict:
    return json.loads((project / "reports" / "report.json").read_text())


@pytest.mark.parametrize("face", [run_pytest, run_harness])
def test_what_was_answered_is_not_asked_again_and_the_report_says_so(released, face):
    project = released()
    # were it asked, it would answer otherwise
    (project / "marks" / "rotten").write_text("yes")
    arguments = ("--compare-to=previous",) if face is run_pytest else ("compare",)
    done = face(project, *arguments)
    assert done.code == 0, done.out
    assert "starting baseline" not in done.out
    assert "20 of the baseline's answers recorded before and not asked again (rows 20)" in done.out
    run = record(project)["run"]
    assert run["recorded"] == {"rows": 20}
    assert run["baseline"]["isolation"] == "recorded"
    assert (
        "20 of the baseline&#39;s answers recorded before"
        in (project / "reports" / "report.html").read_text()
    )


def test_asked_live_the_result_is_the_same_and_nothing_is_recorded(released):
    project = released()
    assert run_harness(project, "compare").code == 0
    first = record(project)
    live = run_harness(project, "compare", "--live")
    assert live.code == 0, live.out
    assert "starting baseline" in live.out
    again = record(project)
    assert again["result_digest"] == first["result_digest"]
    assert again["run"]["recorded"] == {}


@pytest.mark.parametrize(
    ("how", "words"), [("yes", "1 of 20 rows of rows differ"), ("gone", "20 of 20 rows of rows")]
)
def test_a_release_that_no_longer_gives_its_recorded_answers_is_a_finding(released, how, words):
    project = released()
    (project / "marks" / "rotten").write_text(how)
    done = run_pytest(project, "--compare-to=previous", "--compare-live")
    (found,) = [one for one in record(project)["result"]["faults"] if one["code"] == "E70"]
    assert words in found["message"]
    assert "Python and processor are those of the record" in found["hint"]
    assert ", case r13 among them" in found["message"] or how == "gone"
    assert record(project)["verdict"] != "PASS"
    assert done.code in (1, 10)


def test_rot_alone_says_nothing_about_the_candidate(released):
    project = released('[[rules]]\nname = "wide"\nrule = "close"\natol = 5.0\n', candidate="rewritten")
    (project / "marks" / "rotten").write_text("yes")
    done = run_harness(project, "compare", "--live")
    assert done.code == 10, done.out
    assert "E70 baseline 1.0.0 no longer gives its recorded answers" in done.out


def test_a_private_key_is_not_told_by_the_finding(released):
    project = released()
    path = project / "harness.toml"
    path.write_text('private = ["id"]\n' + path.read_text())
    (project / "marks" / "rotten").write_text("yes")
    done = run_harness(project, "compare", "--live")
    assert "E70" in done.out
    assert "r13" not in done.out


@pytest.mark.parametrize("changed", ["rows.csv", "python", "processor", "nothing known"])
def test_other_cases_or_other_surroundings_are_asked(released, changed):
    project = released()
    if changed == "rows.csv":
        text = (project / "rows.csv").read_text()
        (project / "rows.csv").write_text(text.replace("r3,3.0,7.0", "r3,3.5,8.0"))
    else:
        rewrite(project, {} if changed == "nothing known" else {changed: "another"})
    done = run_harness(project, "compare")
    assert done.code == 0, done.out
    assert "starting baseline" in done.out
    assert record(project)["run"]["recorded"] == {}


def rewrite(project: Path, where: dict[str, str]) -> None:
    """Have the store say that the answers were given elsewhere."""
    store = project / "baselines"
    path = store / "catalogue.json"
    catalogue = json.loads(path.read_text())
    (release,) = catalogue["releases"]
    digest = release["outcomes"]["rows"]
    (blob,) = store.rglob(digest)
    known = answers.Recorded.parse(blob.read_bytes())
    said = {**known.environment, **where} if where else {}
    header, columns, _ = blocks.unpacked(memoryview(blob.read_bytes()))
    more = {name: header[name] for name in ("cases", "beside")}
    content = blocks.packed(columns, header["what"], header["format"], {**more, "environment": said})
    sha256 = hashlib.sha256(content).hexdigest()
    blob.unlink()
    place = store / "blobs" / sha256[:2] / sha256
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    release["outcomes"]["rows"] = sha256
    path.write_text(json.dumps(catalogue))


def test_tables_are_judged_and_a_search_is_inconclusive_where_the_baseline_no_longer_starts(released):
    project = released(SEARCH)
    (project / "marks" / "dead").write_text("")
    done = run_harness(project, "compare")
    assert done.code == 10, done.out
    sources = {one["name"]: one["accounting"] for one in record(project)["result"]["sources"]}
    assert sources["rows"]["compared"] == 20
    assert sources["search"]["not_reached"] == 600
    (trouble,) = [
        one for one in record(project)["result"]["faults"] if one["side"] == "run" and one["code"] == "E08"
    ]
    assert "[tool.harness.recorded]" in trouble["hint"]


def test_configuration_can_have_it_judged_on_its_records_with_a_reason(released, git):
    project = released(SEARCH + RECORDED)
    (project / "marks" / "dead").write_text("")
    done = run_pytest(project, "--compare-to=previous", "-q")
    assert done.code == 0, done.out
    result = record(project)["result"]
    assert [one["name"] for one in result["sources"]] == ["rows"]
    assert any(
        "judged on its recorded answers (pricing: its wheels are gone)" in line for line in result["chosen"]
    )
    git(project)
    again = run_harness(project, "judge", "last")
    assert again.code == 0, again.out
    assert again.verdict["result_digest"] == done.verdict["result_digest"]
    live = run_harness(project, "compare", "--live")
    assert live.code == 4, live.out


def test_records_of_another_table_or_another_place_are_no_way_round(released):
    project = released(RECORDED)
    rewrite(project, {"processor": "another"})
    # there is nothing else to be had: the record of another processor is still what the baseline answered
    assert run_harness(project, "compare").code == 0
    text = (project / "rows.csv").read_text()
    (project / "rows.csv").write_text(text.replace("r3,3.0,7.0", "r3,3.5,8.0"))
    done = run_harness(project, "compare")
    assert done.code == 10, done.out
    assert "E71" in done.out


def test_a_baseline_that_was_never_released_has_no_records_to_be_judged_on(zoo, tmp_path):
    project = zoo.project(tmp_path, "good", "rewritten", settings=SEARCH + RECORDED)
    done = run_harness(project, "compare", "--to", "baseline")
    assert done.code == 10, done.out
    assert "E71" in done.out
    assert "starting baseline" not in done.out


def test_a_release_that_another_profile_asks_otherwise_is_asked(released):
    project = released()
    path = project / "harness.toml"
    path.write_text(
        path.read_text().replace('spec = "wheel:baseline/', 'keyword = "records"\nspec = "wheel:baseline/')
    )
    done = run_harness(project, "compare", "--to", "baseline")
    assert "starting baseline" in done.out, done.out


def test_every_process_of_xdist_counts_once(released):
    project = released(SEARCH)
    alone = run_pytest(project, "--compare-to=previous", "-q")
    first = record(project)
    spread = run_pytest(project, "--compare-to=previous", "-q", "-n", "2")
    assert (alone.code, spread.code) == (0, 0), spread.out
    again = record(project)
    assert again["result_digest"] == first["result_digest"]
    assert again["run"]["recorded"] == first["run"]["recorded"] == {"rows": 20}
    # the search asked it, in whichever process
    assert again["run"]["baseline"]["isolation"] == first["run"]["baseline"]["isolation"] == "process"


def test_a_processor_that_cannot_be_read_is_like_no_other(tmp_path, monkeypatch):
    surroundings.processor.cache_clear()
    monkeypatch.setattr(surroundings, "CPUINFO", tmp_path / "none")
    assert surroundings.processor() == ""
    assert not surroundings.known(surroundings.surroundings("3.11.9", surroundings.processor()))
    (tmp_path / "info").write_text(
        "vendor_id\t: Maker\nflags\t\t: fpu avx2 fma\n\nvendor_id\t: Other\nflags\t: avx\n"
    )
    monkeypatch.setattr(surroundings, "CPUINFO", tmp_path / "info")
    surroundings.processor.cache_clear()
    assert surroundings.processor().split()[1:] == ["Maker", "avx2", "fma"]
    surroundings.processor.cache_clear()
