"""Rules in code: they load, judge, fail and are digested like the rest of the configuration."""

from __future__ import annotations

import json

from .running import run_harness, run_pytest

RULE = """
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from harness.compare.rules import Difference

@dataclass(frozen=True)
class Above:
    limit: float = 0.0
    equal_nan: bool = True

    def judge(self, baseline, candidate):
        fall = baseline.values - candidate.values
        BODY
        return Difference(fall > self.limit, np.abs(fall), np.zeros(len(fall), bool))

    def says(self):
        return f"no answer falls by more than {self.limit}"

def register(registry):
    registry.rules.register("above", Above)
"""

SETTINGS = """
[[rules]]
name = "no-fall"
rule = "above"
output = "prediction"
limit = 0.5
"""


def project(zoo, folder, candidate, body="pass"):
    made = zoo.project(folder, "good", candidate, settings=SETTINGS)
    path = made / "harness.toml"
    path.write_text('extensions = ["rules.py"]\n' + path.read_text())
    (made / "rules.py").write_text(RULE.replace("BODY", body))
    return made


def test_a_rule_in_code_judges(zoo, tmp_path):
    done = run_pytest(project(zoo, tmp_path, "shifted"), "--compare-to=baseline", "-v")
    assert "harness.toml::rows::no-fall PASSED" in done.out, done.out
    assert done.code == 0


def test_a_rule_that_raises_judges_nothing(zoo, tmp_path):
    made = project(zoo, tmp_path, "rewritten", "raise KeyError('gone')")
    for done in (run_pytest(made, "--compare-to=baseline"), run_harness(made, "compare", "--to=baseline")):
        assert done.code == 10, done.out
        assert "CANNOT SAY: E26 rule no-fall errored: KeyError: 'gone'" in done.out
        assert any("rules.py:" in fault["source"] for fault in done.verdict["faults"]), done.verdict["faults"]
        assert done.verdict["verdict"] == "INCONCLUSIVE"


def test_a_rule_that_judges_fewer_rows_judges_nothing(zoo, tmp_path):
    made = project(zoo, tmp_path, "rewritten", "fall = fall[1:]")
    done = run_pytest(made, "--compare-to=baseline")
    assert done.code == 10, done.out
    assert "E26 rule no-fall errored: it was given 20 rows and judged 19" in done.out


def test_a_verdict_is_bound_to_the_code_of_its_rules(zoo, tmp_path, git):
    made = project(zoo, tmp_path, "rewritten")
    git(made)
    assert run_pytest(made, "--compare-to=baseline").code == 0
    assert run_harness(made, "verify").code == 0
    (made / "rules.py").write_text((made / "rules.py").read_text() + "# looser\n")
    done = run_harness(made, "verify")
    assert done.code == 10
    assert "E17" in done.out


def test_the_same_seed_gives_the_same_cases_whatever_the_process_has_loaded(zoo, tmp_path):
    search = '[[inputs]]\nname = "search"\ngenerate = { rows = 1500, seed = 5 }\n'
    made = zoo.project(tmp_path, "good", "shifted", settings=search)
    first = run_harness(made, "compare", "--to=baseline").verdict
    constants = ", ".join(str(number + 0.5) for number in range(100))
    (made / "conftest.py").write_text(f"NUMBERS = [{constants}]\nWORDS = ['abc', 'def']\n")
    second = run_pytest(made, "--compare-to=baseline").verdict
    assert first["result_digest"] == second["result_digest"]
    report = json.loads((made / "reports" / "report.json").read_text())
    assert report["result"]["sources"][1]["accounting"]["compared"] == 1500
