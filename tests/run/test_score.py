"""Every point of the ML Test Score has evidence, and is gone when the evidence is."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.reporting import html
from harness.reporting import score as words
from harness.run import score as scoring
from harness.run.score import rubric
from harness.run.score.facts import Facts
from harness.run.score.found import Link, full, half, none
from harness.schema import Schema
from harness.settings import Input, Settings
from harness.store.catalogue import Release
from harness.training.config import read_config
from harness.versions.manifest import Manifest

OLD, NEW, DIGEST = "a" * 64, "b" * 64, "c" * 64

TRAINING = """\
model = "houses"
package = "houses"
version = "1.1.0"
task = "regression"
seed = 1
lock = "model.lock"

[data]
path = "houses.csv"
key = "id"
target = "price"
features = ["area", "district"]

[split]
share = 0.3
salt = "houses"

[validation]
ranges = { area = { low = 0, high = 500 } }
categories = { district = ["north", "south"] }
max_drift = 0.3

[selection]

[search]
parameters = { "Ridge.alpha" = [1, 10] }

[[steps]]
step = "sklearn.feature_selection.SequentialFeatureSelector"

[[steps]]
step = "sklearn.linear_model.Ridge"
"""


def manifest(version: str, data: str) -> Manifest:
    return Manifest(
        name="houses",
        version=version,
        task="regression",
        entry="houses.predict:predict",
        inputs=Schema.parse(
            [
                {"name": "area", "kind": "float", "minimum": 10, "maximum": 400},
                {"name": "district", "kind": "str", "categories": ["north", "south"]},
            ]
        ),
        outputs=Schema.parse([{"name": "prediction", "kind": "float"}]),
        python="3.11.9",
        lock={"file": "houses/requirements.lock", "sha256": "d" * 64},
        files={},
        data={"sha256": data},
        configuration={"sha256": "e" * 64},
        code={"commit": "f" * 40, "dirty": False},
        metrics={"mae": 10.0},
        evaluation={
            "references": {"dummy": {"mae": 30.0}, "linear": {"mae": 12.0}},
            "selection": {"kept": ["area", "district"], "dropped": ["colour"], "request_bytes": [60, 40]},
            "search": {"candidates": 2, "folds": 5, "best": {"Ridge.alpha": 1}},
        },
        libraries={"scikit-learn": "1.7.2"},
    )


def rule(name: str, inputs: str = "sold", kind: str = "", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "rule": kind or name,
        "inputs": inputs,
        "status": "PASS",
        "severity": "fail",
        "compared": 100,
        "both_nan": 0,
        "slices": [],
        **more,
    }


RESULT = {
    "verdict": "PASS",
    "change": "retrain",
    "planned": 200,
    "compared": 200,
    "accounting": {"not_reached": 0},
    "baseline": {"kind": "package", "sha256": OLD, "digest": OLD, "version": "1.0.0"},
    "candidate": {"kind": "package", "sha256": NEW, "digest": NEW, "version": "1.1.0"},
    "sources": [
        {"name": "sold", "kind": "table", "planned": 100},
        {"name": "search", "kind": "search", "planned": 100},
    ],
    "rules": [
        rule("structure"),
        rule("structure", "search"),
        rule("not-worse"),
        rule("errors", kind="same_error", slices=[{"name": "north"}, {"name": "south"}]),
        rule("quick", kind="latency"),
        rule("small", kind="peak_memory"),
    ],
    "quality": [{"source": "sold"}],
    "private": ["id"],
    "rules_digest": DIGEST,
}


def release(version: str, act: str) -> Release:
    return Release(
        "houses", "production", version, OLD, "f", OLD, "2026-11-25T08:00", "r", "anna", "c", "e", act=act
    )


def act(kind: str, wheel: str, **more: Any) -> dict[str, Any]:
    return {
        "act": kind,
        "at": "2026-11-25T08:00:00+00:00",
        "automated": True,
        "passed": True,
        "wheels": [wheel],
        "rules_digest": DIGEST,
        "file": f"acts/{kind}.json",
        **more,
    }


def fault(*features: str, caught: bool = True, gross: bool = True) -> dict[str, Any]:
    return {
        "features": list(features),
        "caught": caught,
        "gross": gross,
        "title": "unit-error of " + ", ".join(features),
        "words": "caught from × 2 on" if caught else "missed",
        "tried": [{}],
    }


@pytest.fixture
def facts(tmp_path) -> Facts:
    """A project that evidences whatever can be evidenced, as far as it can."""
    path = tmp_path / "training.toml"
    path.write_text(TRAINING)
    settings = Settings(
        path=Path("harness.toml"),
        root=Path(),
        model="houses",
        private=("id",),
        require_approval=1,
        inputs=(Input("sold", path="sold.csv", key="id", target="price"),),
    )
    approval = {"kind": "approval", "by": "bert", "model": "houses", "channel": "production"}
    return Facts(
        settings=settings,
        run_id="20261125T080000-aaaaaa",
        why_not="",
        result=copy.deepcopy(RESULT),
        baseline=manifest("1.0.0", "1" * 64),
        candidate=manifest("1.1.0", "2" * 64),
        training=read_config(path),
        releases=(release("1.0.0", "rollback"), release("1.0.0", "promotion")),
        events=({**approval, "body": {"candidate": NEW}},),
        acts=(
            act("reproduce", NEW, how="to the byte"),
            act("parity", NEW, specs=["p", "u"], kinds=["package", "endpoint"], compared=100),
            act(
                "sensitivity",
                OLD,
                version="1.0.0",
                change="retrain",
                faults=[fault("area"), fault("area", "district"), fault("area", caught=False, gross=False)],
            ),
        ),
    )


Change = Callable[[Facts], Facts]


def put(**more: Any) -> Change:
    return lambda facts: dataclasses.replace(facts, **more)


def settings(**more: Any) -> Change:
    return lambda facts: dataclasses.replace(facts, settings=dataclasses.replace(facts.settings, **more))


def result(**more: Any) -> Change:
    return lambda facts: dataclasses.replace(facts, result={**facts.result, **more})


def rules(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Change:
    def changed(facts: Facts) -> Facts:
        found = [change(dict(one)) for one in facts.result["rules"]]
        return result(rules=[one for one in found if one is not None])(facts)

    return changed


def without(*names: str) -> Change:
    return rules(lambda one: None if one["name"] in names else one)


def candidate(**more: Any) -> Change:
    return lambda facts: dataclasses.replace(facts, candidate=dataclasses.replace(facts.candidate, **more))


def evaluation(**more: Any) -> Change:
    return lambda facts: candidate(evaluation={**facts.candidate.evaluation, **more})(facts)


def acts(kind: str, **more: Any) -> Change:
    return lambda facts: dataclasses.replace(
        facts, acts=[{**one, **more} if one["act"] == kind else one for one in facts.acts]
    )


def trained(old: str, new: str) -> Change:
    def changed(facts: Facts) -> Facts:
        path = facts.training.path
        assert old in TRAINING
        path.write_text(TRAINING.replace(old, new))
        return dataclasses.replace(facts, training=read_config(path))

    return changed


BARE = Schema.parse([{"name": "area", "kind": "float"}, {"name": "district", "kind": "str"}])
SERVED = {**RESULT["baseline"], "kind": "recorded"}
SAME = {"kind": "package", "sha256": NEW, "digest": OLD, "version": "1.1.0"}
VALIDATION = TRAINING[TRAINING.index("[validation]") : TRAINING.index("[selection]")]
SEQUENTIAL = '[[steps]]\nstep = "sklearn.feature_selection.SequentialFeatureSelector"\n\n'
UNSEARCHED = [rule("structure"), rule("not-worse"), rule("errors", kind="same_error")]
CLOSE = rule("values", kind="close", slices=[{"name": "north"}])

CASES: list[tuple[str, Change, float]] = [
    ("data-1", candidate(inputs=BARE), 0),
    ("data-1", put(candidate=None), 0),
    ("data-1", trained(VALIDATION, ""), 0.5),
    ("data-1", trained('categories = { district = ["north", "south"] }\n', ""), 0.5),
    ("data-1", put(training=None), 0.5),
    ("data-2", evaluation(selection=None), 0),
    ("data-2", candidate(inputs=Schema.parse([{"name": "colour", "kind": "str"}])), 0),
    ("data-2", trained(SEQUENTIAL, ""), 0.5),
    ("data-3", evaluation(selection=None), 0),
    ("data-4", trained('features = ["area", "district"]\n', ""), 0),
    ("data-4", trained('features = ["area", "district"]', 'features = ["area"]'), 0),
    ("data-4", settings(private=("district",)), 0),
    ("data-4", put(training=None), 0),
    ("data-5", settings(private=()), 0),
    ("data-5", settings(private=("email",)), 0),
    ("data-5", result(private=[]), 0),
    ("data-7", put(acts=()), 0),
    ("data-7", acts("sensitivity", wheels=["0" * 64]), 0),
    ("data-7", acts("sensitivity", rules_digest="other"), 0),
    ("data-7", acts("sensitivity", faults=[fault("area")]), 0),
    ("data-7", acts("sensitivity", faults=[fault("area"), fault("district", gross=False)]), 0),
    ("data-7", acts("sensitivity", faults=[fault("area", "district"), fault("area", caught=False)]), 0),
    ("data-7", acts("sensitivity", automated=False), 0.5),
    ("model-1", candidate(code={"dirty": False}), 0),
    ("model-1", candidate(code={"commit": "f" * 40, "dirty": True}), 0),
    ("model-1", candidate(code={"commit": "f" * 40}), 0),
    ("model-1", put(events=()), 0),
    ("model-1", put(events=({"kind": "approval", "by": "b", "body": {"candidate": OLD}},)), 0),
    ("model-1", settings(require_approval=0), 0.5),
    ("model-3", evaluation(search=None), 0),
    ("model-3", trained('[search]\nparameters = { "Ridge.alpha" = [1, 10] }\n', ""), 0),
    ("model-3", trained('linear_model.Ridge"\n', 'linear_model.Ridge"\ntol = 0.1\n'), 0.5),
    ("model-4", candidate(data={"sha256": "1" * 64}), 0),
    ("model-4", candidate(data={}), 0),
    ("model-4", without("not-worse"), 0),
    ("model-4", result(quality=[]), 0),
    ("model-4", put(baseline=None), 0),
    ("model-5", evaluation(references={"linear": {"mae": 9.0}}), 0),
    ("model-5", evaluation(references={"linear": {"mae": 10.0}}), 0),
    ("model-5", evaluation(references={}), 0),
    ("model-5", candidate(metrics={}), 0),
    ("model-6", without("errors"), 0),
    ("model-6", rules(lambda one: {**one, "status": "INCONCLUSIVE"}), 0),
    ("model-6", rules(lambda one: {**one, "severity": "warn"}), 0),
    ("model-6", result(rules=[CLOSE]), 0.5),
    ("infrastructure-1", acts("reproduce", wheels=[OLD]), 0),
    ("infrastructure-1", acts("reproduce", passed=False), 0),
    ("infrastructure-1", acts("reproduce", automated=False), 0.5),
    ("infrastructure-3", result(verdict="FAIL"), 0),
    ("infrastructure-3", result(compared=199), 0),
    ("infrastructure-3", result(planned=0, compared=0), 0),
    ("infrastructure-3", result(accounting={"not_reached": 1}), 0),
    ("infrastructure-3", put(training=None), 0),
    ("infrastructure-3", candidate(data={}), 0),
    ("infrastructure-3", put(candidate=None), 0),
    ("infrastructure-3", result(candidate={**RESULT["candidate"], "kind": "python"}), 0),
    ("infrastructure-3", result(candidate=SAME), 0),
    ("infrastructure-4", without("not-worse"), 0),
    ("infrastructure-4", rules(lambda one: {**one, "severity": "warn"}), 0),
    ("infrastructure-4", result(change="upgrade", rules=[rule("structure"), rule("faults")]), 0),
    (
        "infrastructure-4",
        result(change="upgrade", rules=[rule("same-errors"), rule("quick", kind="latency")]),
        0,
    ),
    ("infrastructure-4", result(change="upgrade", rules=[rule("gaps", kind="null_rate")]), 0),
    ("infrastructure-4", result(change="upgrade", rules=[rule("values", "search")]), 0),
    ("infrastructure-4", result(verdict="INCONCLUSIVE"), 0),
    ("infrastructure-6", put(releases=(release("1.0.0", "promotion"), release("1.1.0", "release"))), 0),
    ("infrastructure-6", put(releases=()), 0),
    ("infrastructure-7", put(releases=(release("1.0.0", "promotion"),)), 0),
    ("monitoring-1", candidate(lock={}), 0),
    ("monitoring-1", candidate(libraries={}), 0),
    ("monitoring-1", put(baseline=None), 0),
    ("monitoring-2", trained(VALIDATION, ""), 0),
    ("monitoring-2", trained(VALIDATION, "[validation]\nmax_correlation = 0.9\n\n"), 0),
    ("monitoring-3", put(acts=()), 0),
    ("monitoring-3", acts("parity", kinds=["package", "package"]), 0),
    ("monitoring-3", acts("parity", passed=False), 0),
    ("monitoring-3", acts("parity", rules_digest="other"), 0),
    ("monitoring-3", acts("parity", wheels=["0" * 64]), 0),
    ("monitoring-3", acts("parity", automated=False), 0.5),
    ("monitoring-5", without("structure"), 0),
    (
        "monitoring-5",
        rules(lambda one: None if (one["name"], one["inputs"]) == ("structure", "search") else one),
        0,
    ),
    ("monitoring-5", rules(lambda one: {**one, "status": "FAIL"}), 0),
    ("monitoring-5", rules(lambda one: {**one, "both_nan": 1}), 0),
    ("monitoring-5", result(rules=[*RESULT["rules"], rule("gaps", kind="null_rate")]), 0),
    ("monitoring-5", result(sources=RESULT["sources"][:1], rules=UNSEARCHED), 0.5),
    ("monitoring-6", without("quick", "small"), 0),
    ("monitoring-6", rules(lambda one: {**one, "severity": "warn"}), 0),
    (
        "monitoring-6",
        rules(lambda one: {**one, "status": "INCONCLUSIVE" if one["name"] == "quick" else "PASS"}),
        0,
    ),
    ("monitoring-6", without("small"), 0.5),
    ("monitoring-6", without("quick"), 0.5),
    ("monitoring-7", result(baseline=SERVED), 0.5),
    ("monitoring-7", lambda facts: without("not-worse")(result(baseline=SERVED)(facts)), 0),
]
"""What is taken away, and the points that are left of the test."""


def points(facts: Facts) -> dict[str, float]:
    return {test.name: found.points for test, found in scoring.of(facts).found}


def test_a_project_with_all_evidence_has_all_points_that_there_are(facts):
    most = {test.name: test.most for test in rubric.TESTS}
    assert points(facts) == {**most, "monitoring-7": 0}
    assert points(result(baseline=SERVED)(facts))["monitoring-7"] == most["monitoring-7"] == 0.5


def test_other_ways_to_a_whole_point(facts):
    upgrade = result(change="upgrade", rules=[rule("values")])(facts)
    assert points(upgrade)["infrastructure-4"] == 1


@pytest.mark.parametrize(
    ("name", "change", "left"), CASES, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(CASES)]
)
def test_a_point_goes_with_its_evidence(name, change, left, facts):
    assert points(change(facts))[name] == left


def test_each_test_that_can_be_evidenced_loses_all_points_in_some_case():
    judged = {test.name for test in rubric.TESTS if test.most}
    assert judged == scoring.JUDGES.keys() == {name for name, _, left in CASES if left == 0}


def test_without_a_run_the_run_evidences_nothing(facts):
    left = points(dataclasses.replace(facts, result=None, candidate=None, baseline=None, training=None))
    # what the catalogue tells is no matter of a run
    assert {name for name, one in left.items() if one} == {"infrastructure-6", "infrastructure-7"}
    assert scoring.of(Facts(facts.settings)).score == 0


def test_the_rubric_has_four_sections_of_seven():
    names = [test.name for test in rubric.TESTS]
    assert len(set(names)) == len(names) == 28
    for section in rubric.SECTIONS:
        assert [name for name in names if name.startswith(f"{section}-")] == [
            f"{section}-{n}" for n in range(1, 8)
        ]
    assert len({test.title for test in rubric.TESTS}) == 28


def test_the_score_is_the_least_section_and_never_their_mean(facts):
    whole = scoring.of(facts)
    sums = {section: whole.points(section) for section in rubric.SECTIONS}
    assert sums == {"data": 4.5, "model": 4.5, "infrastructure": 4, "monitoring": 4}
    assert whole.score == 4
    assert whole.to_json()["band"] == rubric.band(4)


@pytest.mark.parametrize(
    ("value", "place"),
    [(0, 0), (0.5, 1), (1, 1), (1.5, 2), (2, 2), (2.5, 3), (3, 3), (3.5, 4), (5, 4), (5.5, 5), (7, 5)],
)
def test_bands_are_those_of_the_paper(value, place):
    assert rubric.band(value) == rubric.BANDS[place][1]


def test_a_point_without_evidence_cannot_be_given():
    with pytest.raises(AssertionError):
        full("because")
    with pytest.raises(AssertionError):
        half("because")
    assert none("because").points == 0
    assert full("because", Link("there")).points == 1


def test_every_test_stands_on_the_page_with_its_evidence_or_what_to_do(facts):
    told = scoring.of(facts).to_json()
    page = html.render_score(words.page(told), "body {}")
    lines = "\n".join(words.lines(told))
    for test, found in scoring.of(facts).found:
        assert f'id="{test.name}"' in page
        assert test.name in lines
        assert found.points or test.next in lines
    assert "ML TEST SCORE 4:" in lines
    assert 'href="report.html#rules"' in page
    inner = html.render_score(words.page(told), None)
    assert 'href="index.html#rules"' in inner
    assert 'href="../acts/reproduce.json"' in inner
    assert 'href="ledger.html"' in inner
    assert "2 of 3 faults that were planted into 1.0.0 on 2026-11-25 would be caught" in page


def test_what_others_wrote_is_text_on_the_page(facts):
    attack = "<img src=x onerror=alert(1)>\x1b[31m"
    told = scoring.of(
        put(events=({"kind": "approval", "by": attack, "body": {"candidate": NEW}},), troubles=(attack,))(
            facts
        )
    ).to_json()
    told["sections"][0]["tests"][0]["links"] = [
        {"words": attack, "address": "javascript:alert(1)"},
        {"words": "up", "address": "../../secret"},
    ]
    page = html.render_score(words.page(told), "body {}")
    assert "<img" not in page
    assert "javascript:" not in page
    assert "secret" not in page
    assert "\x1b" not in page + "\n".join(words.lines(told))
    assert "&lt;img" in page


def test_the_documents_have_every_test_with_the_points_that_there_are():
    text = (Path(__file__).parents[2] / "docs" / "score.md").read_text(encoding="utf-8")
    rows = {
        line.split("`")[1]: [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith(tuple(f"| `{section}-" for section in rubric.SECTIONS))
    }
    assert rows.keys() == {test.name for test in rubric.TESTS}
    for test in rubric.TESTS:
        named, whole, part = rows[test.name]
        assert named == f"`{test.name}` {test.title}"
        assert (whole != "–") == (test.most == 1)
        assert test.most == 1 or (part != "–") == (test.most == 0.5)
