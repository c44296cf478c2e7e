"""The table of kinds of change, cell by cell: real versions, whose manifests say what they are, compared."""

from __future__ import annotations

import re

import pytest

from harness.compare.ruleset import ROUNDING
from harness.run.compare import compare_versions
from harness.run.plan import Request
from harness.settings import load

from ..test_docs import section, text_of

LOCK, DATA = {"lock": "# another lock\n"}, {"data": {"sha256": "e" * 64}}
SEARCH = '[[inputs]]\nname = "search"\ngenerate = { rows = 200, seed = 1 }\n'
BUDGET = '[retrain]\nmax_changed_rate = 0.9\nreason = "nobody has labels yet"\n'


def compared(zoo, folder, old, new, manifest=None, settings="", xs=range(40), labels=True, **request):
    """The run of two versions that answer these expressions of x."""
    project = zoo.project(folder, "good", "good", xs=xs, settings=settings)
    for role, number, source, more in (
        ("baseline", "1.0.0", old, {}),
        ("candidate", "1.1.0", new, manifest or {}),
    ):
        text = (
            f"def predict(records):\n    return [{source} for x in (one['x'] for one in records)]\n# {role}\n"
        )
        zoo.wheel(project / role, "good", number, source=text, **more)
    path = project / "harness.toml"
    if not labels:
        path.write_text(path.read_text().replace('target = "y"', ""))
    done = compare_versions(
        load(path), Request("baseline", **request), project / "reports", "test", lambda line: None
    )
    result = done.record["result"]
    names = {(one["inputs"], one["name"]) for one in result["rules"]}
    return done.verdict.name, result, names


@pytest.mark.parametrize(
    ("manifest", "factor", "kind", "verdict"),
    [
        ({}, 1 + 5e-10, "refactor", "PASS"),
        ({}, 1 + 5e-9, "refactor", "FAIL"),
        (LOCK, 1 + 5e-6, "upgrade", "PASS"),
        (LOCK, 1 + 5e-5, "upgrade", "FAIL"),
    ],
)
def test_values_are_equal_within_the_rounding_of_their_kind(zoo, tmp_path, manifest, factor, kind, verdict):
    found, result, names = compared(zoo, tmp_path, "x + 1", f"(x + 1) * {factor!r}", manifest, SEARCH)
    assert (found, result["change"]) == (verdict, kind)
    # generated cases are judged by the same rules
    for source in ("rows", "search"):
        assert {(source, "structure"), (source, "faults"), (source, "values")} <= names
    if verdict == "FAIL":
        failed = {(one["inputs"], one["name"]) for one in result["rules"] if one["status"] == "FAIL"}
        assert failed == {("rows", "values"), ("search", "values")}
    assert ("rows", "not-worse") not in names


@pytest.mark.parametrize(("noise", "warned"), [(0.01, True), (0.9, False), (None, False)])
def test_a_retrain_is_judged_by_its_loss_and_movement_is_reported(zoo, tmp_path, noise, warned):
    manifest = DATA | ({} if noise is None else {"training_noise": noise})
    found, result, names = compared(zoo, tmp_path, "2 * x + 2", "2 * x", manifest, SEARCH)
    assert (found, result["change"]) == ("PASS", "retrain")
    assert ("rows", "not-worse") in names
    # contracts alone of generated cases, and values nowhere
    assert {name for source, name in names if source == "search"} == {"structure", "faults", "same-errors"}
    assert ("rows", "values") not in names
    assert result["moved"][0]["count"] == 40
    assert any("more than twice what another seed alone moves" in one for one in result["warnings"]) == warned


def test_a_retrain_that_is_worse_fails_and_one_that_cannot_be_told_says_what_is_missing(zoo, tmp_path):
    worse, _, _ = compared(zoo, tmp_path / "worse", "2 * x + 2", "2 * x + 3", DATA)
    few, result, _ = compared(zoo, tmp_path / "few", "2 * x + 2", "2 * x", DATA, xs=range(20))
    assert (worse, few) == ("FAIL", "INCONCLUSIVE")
    assert "20" in result["reason"]
    assert "30" in result["reason"]


@pytest.mark.parametrize(("settings", "verdict"), [("", "INCONCLUSIVE"), (BUDGET, "PASS")])
def test_without_labels_a_retrain_needs_a_budget_with_a_reason(zoo, tmp_path, settings, verdict):
    found, result, names = compared(
        zoo, tmp_path, "x", "x if x < 20 else x + 7", DATA, settings, labels=False
    )
    assert found == verdict
    assert (("rows", "changed-rate") in names) == bool(settings)
    assert result["reason"].startswith("E56 no labels") or settings


def test_a_retrain_fails_where_more_has_changed_than_its_budget_allows(zoo, tmp_path):
    found, result, _ = compared(zoo, tmp_path, "x", "x + 7", DATA, BUDGET, labels=False)
    assert (found, result["reason"]) == (
        "FAIL",
        "40 of 40 rows changed; the limit is 36  [changed-rate, rows]",
    )


@pytest.mark.parametrize("declared", ["refactor", "upgrade"])
def test_what_the_manifests_contradict_fails_whatever_the_answers_say(zoo, tmp_path, declared):
    found, result, _ = compared(zoo, tmp_path, "x", "x + 0", DATA, change=declared)
    assert (found, result["change"]) == ("FAIL", declared)
    assert result["reason"].startswith(f"E55 declared {declared}, but the training data differ")


def test_the_documents_state_the_tolerances_that_are_used():
    page, readme = text_of("docs/configuration.md"), text_of("README.md")
    for text, row in (
        (section(page, "### Kinds of change"), "numbers"),
        (section(readme, "## Kinds of change"), "values"),
    ):
        (line,) = [one for one in text.splitlines() if one.startswith(f"| {row} |")]
        refactor, upgrade = (re.findall(r"\d+e-\d+", cell) for cell in line.split("|")[2:4])
        strict, wide = ROUNDING["refactor"], ROUNDING["upgrade"]
        assert [float(one) for one in refactor] == [strict.rtol, strict.atol]
        assert (strict.rtol32, strict.atol32) == (strict.rtol, strict.atol)
        assert [float(one) for one in upgrade] == [wide.rtol, wide.atol, wide.rtol32, wide.atol32]
    assert (strict.ties, wide.ties) == (False, True)
