"""Another rule costs no second pass: models are asked and the table is read as often for ten rules as for one."""

from __future__ import annotations

from harness.inputs.fixed import TableSource
from harness.run.compare import compare_versions
from harness.run.plan import Request
from harness.settings import load

MODEL = """from pathlib import Path

def predict(records):
    with Path(PLACE).open("a") as file:
        file.write("x")
    return [2 * record["x"] + 1 for record in records]
"""


def rules(count):
    """So many rules of every sort that looks at answers: with a condition, with slices, a statistic, a rate."""
    sorts = (
        'rule = "close"\natol = {n}\nmax_violations = {n}\n',
        'rule = "close"\natol = {n}\nmax_violations = {n}\nwhere = "x > {n}"\n',
        'rule = "budget"\nmax_quantile = {{ q = 0.{n}, limit = 1.0 }}\n',
        'rule = "null_rate"\nmax_rate = 0.{n}\nwhere = "x > {n}"\n',
    )
    return "".join(
        f'[[rules]]\nname = "rule-{n}"\noutput = "prediction"\n' + sorts[n % len(sorts)].format(n=n)
        for n in range(1, count + 1)
    )


def passes(zoo, folder, monkeypatch, count):
    """(calls of both models, blocks read) of a run with so many rules."""
    project = zoo.project(folder, "good", "good", xs=range(5000), settings=rules(count))
    source = MODEL.replace("PLACE", repr(str(folder / "calls")))
    for role, version in (("baseline", "1.0.0"), ("candidate", "1.1.0")):
        zoo.wheel(project / role, "good", version, source=f"{source}# {version}\n")
    read, batches = [], TableSource.batches

    def counted(table):
        for batch in batches(table):
            read.append(batch.block)
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(TableSource, "batches", counted)
        done = compare_versions(
            load(project / "harness.toml"),
            Request("baseline"),
            project / "reports",
            "test",
            lambda line: None,
        )
    assert done.verdict.name == "PASS", done.verdict.reason
    assert sum(rule["name"].startswith("rule-") for rule in done.record["result"]["rules"]) == count
    return len((folder / "calls").read_text()), len(read)


def test_ten_rules_ask_and_read_no_more_than_one(zoo, tmp_path, monkeypatch):
    one = passes(zoo, tmp_path / "one", monkeypatch, 1)
    ten = passes(zoo, tmp_path / "ten", monkeypatch, 10)
    assert one == ten
    assert one == (4, 2)
