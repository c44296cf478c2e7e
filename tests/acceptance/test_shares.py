"""Null rate, error rate and classes through a real run of a retrain: what is always on, and a stated budget."""

from __future__ import annotations

import json

import pytest

from .running import run_harness

GOOD = "2 * record['x'] + 1"
NULLS = f"def predict(records):\n    return [None if record['x'] == 13 else {GOOD} for record in records]\n"
RAISES = f"""def predict(records):
    if any(record['x'] == 13 for record in records):
        raise ValueError('no thirteen')
    return [{GOOD} for record in records]
"""
CLASSES = """def predict(records):
    return [NEW if record['x'] == 13 else 'ab'[record['x'] > 5] for record in records]
"""
LABELS = ({"name": "prediction", "kind": "str"},)


def retrained(zoo, folder, source, settings="", old="", **wheel):
    """A project whose candidate was trained on other data; no labels, so any number of answers may change."""
    top = '[retrain]\nmax_changed_rate = 1.0\nreason = "of these tests"\n'
    project = zoo.project(folder, "good", "good", settings=settings + top, xs=range(100), **wheel)
    path = project / "harness.toml"
    path.write_text(path.read_text().replace('target = "y"\n', ""))
    if old:
        zoo.wheel(project / "baseline", "good", "1.0.0", source=old, **wheel)
    zoo.wheel(project / "candidate", "good", "1.1.0", source=source, data={"sha256": "e" * 64}, **wheel)
    return project


def rules(project):
    result = json.loads((project / "reports" / "report.json").read_text())["result"]
    return {rule["name"]: rule for rule in result["rules"]}


@pytest.mark.parametrize(("source", "rule", "builtin", "words"), [
    (NULLS, "null_rate", "structure", "answers became NaN or null: prediction"),
    (RAISES, "error_rate", "faults", "the candidate fails where the baseline answers"),
])  # fmt: skip
def test_none_is_allowed_unless_a_budget_is_stated(zoo, tmp_path, source, rule, builtin, words):
    project = retrained(zoo, tmp_path, source)
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 1, done.out
    assert words in done.out
    stated = f'[[rules]]\nname = "few"\nrule = "{rule}"\nmax_increase = 0.01\n'
    path = project / "harness.toml"
    bare = path.read_text()
    path.write_text(bare + stated)
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 0, done.out
    found = rules(project)
    assert (found["few"]["status"], found[builtin]["status"]) == ("PASS", "PASS")
    assert "in 1 of 100 rows (baseline 0)" in found["few"]["measured"]
    digest = done.verdict["result_digest"]
    assert run_harness(project, "judge", "last").verdict["result_digest"] == digest
    path.write_text(bare + stated.replace("0.01", "0.009"))
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 1, done.out
    assert "in 1 of 100 rows (baseline 0); the limit is 0 (few)" in done.out


def test_a_class_that_nobody_knows_fails_a_retrained_classifier(zoo, tmp_path):
    project = retrained(
        zoo, tmp_path, CLASSES.replace("NEW", "'c'"), old=CLASSES.replace("NEW", "'a'"),
        task="classification", outputs=LABELS,
    )  # fmt: skip
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 1, done.out
    assert "the candidate answers 1 class that the baseline does not know (c): 1 of 100 rows" in done.out
    path = project / "harness.toml"
    path.write_text(path.read_text() + '[[rules]]\nname = "wards"\nrule = "class_set"\nallow_new = ["c"]\n')
    done = run_harness(project, "compare", "--to=baseline")
    assert done.code == 0, done.out
    assert "class-set" not in rules(project)
