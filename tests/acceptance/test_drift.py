"""The drift budget through real releases: what each step hides, the anchor shows."""

from __future__ import annotations

import csv
import json

from .running import run_harness, run_pytest

RULE = '[[rules]]\nname = "near"\nrule = "close"\nrtol = 0.01\n'
DRIFT = 'anchor = "1.0.0"\n[drift]\nover = 0.09\nmax_share = 0.0\nmax_mean_shift = 0.09\n'
SOURCE = '''"""Answers 2x + 1, and a little more with each release."""


def predict(records):
    return [(2 * record["x"] + 1) * 1.009**{step} for record in records]
'''


def project(folder, settings=DRIFT):
    folder.mkdir(exist_ok=True)
    (folder / "harness.toml").write_text(
        'model = "animal"\ncandidate = "candidate"\n' + settings
        + '[[inputs]]\nname = "rows"\npath = "rows.csv"\nkey = "id"\n' + RULE
        + '[versions.candidate]\nspec = "wheel:candidate.whl"\n'
    )  # fmt: skip
    with (folder / "rows.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "x"])
        out.writerows((f"r{row}", float(row)) for row in range(20))
    return folder


def build(zoo, folder, step):
    """The candidate of one step; one package for all, so that only its answers move."""
    made = zoo.wheel(
        folder / "built",
        "step",
        version=f"1.{step}.0",
        source=SOURCE.replace("{step}", str(step)),
        package="steps",
    )
    made.rename(folder / "candidate.whl")


def test_ten_releases_that_each_move_a_little_do_not_add_up_unnoticed(zoo, tmp_path, git):
    folder = project(tmp_path / "p")
    build(zoo, folder, 0)
    git(folder)
    assert run_harness(folder, "release", "--first", "--reason", "the anchor").code == 0
    for step in range(1, 10):
        build(zoo, folder, step)
        git(folder)
        done = run_harness(folder, "compare")
        assert done.code == 0, done.out
        # the anchor's answers were recorded when it was released
        assert "starting anchor" not in done.out
        assert run_harness(folder, "release").code == 0
    build(zoo, folder, 10)
    git(folder)
    done = run_pytest(folder, "--compare-to=previous", "-q", "-rA")
    assert done.code == 1, done.out
    assert "FAILED harness.toml::rows::drift" in done.out
    assert "20 of 20 rows moved by over 9% from the anchor 1.0.0" in done.verdict["reason"]
    status = {rule["name"]: rule["status"] for rule in done.verdict["rules"]}
    assert (status["near"], status["drift"]) == ("PASS", "FAIL")
    before = (folder / "reports" / "report.json").read_text()
    assert run_harness(folder, "judge", "last").code == 1
    after = (folder / "reports" / "report.json").read_text()
    assert json.loads(before)["result"] == json.loads(after)["result"]
    # without the anchor the tenth step passes like the nine before it
    path = folder / "harness.toml"
    path.write_text(path.read_text().replace(DRIFT, ""))
    assert run_harness(folder, "judge", "last").code == 0


def test_cases_that_the_anchor_was_never_asked_are_asked_live(zoo, tmp_path, git):
    folder = project(tmp_path / "p")
    build(zoo, folder, 0)
    git(folder)
    assert run_harness(folder, "release", "--first", "--reason", "the anchor").code == 0
    build(zoo, folder, 1)
    git(folder)
    assert run_harness(folder, "compare").code == 0
    assert run_harness(folder, "release").code == 0
    build(zoo, folder, 12)
    rows = folder / "rows.csv"
    with rows.open("a") as file:
        file.write("more,3.5\n")
    done = run_harness(folder, "compare", "--to=1.1.0")
    assert done.code == 1
    assert "starting anchor animal 1.0.0" in done.out
    drift = next(rule for rule in done.verdict["rules"] if rule["name"] == "drift")
    assert (drift["status"], drift["violations"], drift["compared"]) == ("FAIL", 21, 21)
    record = json.loads((folder / "reports" / "report.json").read_text())
    assert record["result"]["anchor"]["version"] == "1.0.0"
    # judged again, the run's own answers of the anchor serve
    digest = record["result_digest"]
    assert run_harness(folder, "judge", "last").verdict["result_digest"] == digest


def test_an_anchor_that_nobody_asked_about_these_cases_says_nothing(zoo, tmp_path, git):
    folder = project(tmp_path / "p")
    build(zoo, folder, 0)
    git(folder)
    assert run_harness(folder, "release", "--first", "--reason", "the anchor").code == 0
    build(zoo, folder, 1)
    git(folder)
    assert run_harness(folder, "compare").code == 0
    path = folder / "harness.toml"
    anchored = path.read_text()
    path.write_text(anchored.replace(DRIFT, ""))
    assert run_harness(folder, "compare").code == 0
    path.write_text(anchored)
    # the baseline of that run is the anchor of today
    done = run_harness(folder, "judge", "last")
    assert done.code == 0, done.out
    path.write_text(path.read_text().replace('anchor = "1.0.0"', 'anchor = "wheel:other.whl"'))
    zoo.wheel(folder / "built", "step", source=SOURCE.replace("{step}", "3"), package="steps").rename(
        folder / "other.whl"
    )
    done = run_harness(folder, "judge", "last")
    assert done.code == 10, done.out
    status = {rule["name"]: rule["status"] for rule in done.verdict["rules"]}
    assert (status["near"], status["drift"]) == ("PASS", "INCONCLUSIVE")


def test_an_anchor_that_is_no_release_is_an_error(zoo, tmp_path):
    made = zoo.project(tmp_path, "good", "rewritten")
    path = made / "harness.toml"
    path.write_text('anchor = "9.9"\n' + path.read_text() + "\n[drift]\nmax_share = 0.1\n")
    done = run_pytest(made, "--compare-to=baseline", "-q")
    assert done.code == 4
    assert 'E48 no release "9.9"' in done.out


def test_the_anchor_can_be_any_version_and_its_death_is_no_pass(zoo, tmp_path):
    made = zoo.project(tmp_path, "good", "rewritten")
    zoo.wheel(made / "anchor", "dies_at_13", version="0.9.0", place=made)
    path = made / "harness.toml"
    path.write_text(
        'anchor = "wheel:anchor/zoo_dies_at_13-0.9.0-py3-none-any.whl"\n'
        + path.read_text()
        + "\n[drift]\nmax_share = 0.1\n"
    )
    done = run_pytest(made, "--compare-to=baseline", "-q")
    assert done.code == 10, done.out
    assert "E02 anchor killed by SIGSEGV" in done.out
