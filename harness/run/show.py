"""`harness show CASE|RUN`: what was decided and on which case, read from what was kept. Nothing is judged or run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.reporting import console, jsonable, view
from harness.reporting.numbers import number
from harness.reporting.text import clean, shown
from harness.run import blocks, past
from harness.run.blocks import Block
from harness.run.entries import Shown
from harness.settings import Settings

SIDES = ("baseline", "candidate")


def is_run(reports: Path, text: str) -> bool:
    """Whether this names a run: its id or the beginning of it, its folder, or `last`."""
    wanted = text.rstrip("/").rpartition("/")[2]
    return wanted == "last" or any(name.startswith(wanted) for name in past.ids(reports)) if wanted else False


def run_lines(reports: Path, run_id: str, color: bool) -> Iterator[str]:
    """The cases of a run's report with the names to show them by, then the verdict as it was printed at its end."""
    record = past.record(reports, run_id)
    yield f"run {record['run_id']}, {clean(record['run']['started'], 40)}: {clean(record['run']['command'], 400)}"
    findings = record["result"]["findings"]
    if findings:
        yield f"cases ({len(findings)}):"
    for one in findings:
        case = f"{_key(one)} of {clean(one['source'], 60)}"
        yield f"  {view.case_name(one)}  {case}: {clean(one['rule'], 60)}, {_size(one)}"
    yield from console.lines(record, color=color)
    yield f"again: harness replay {record['run_id']}"


def case_lines(settings: Settings, reports: Path, run_id: str, wanted: str) -> Iterator[str]:
    """One case of a run, by its name in the report (`case-…`) or by its key. HarnessError where the run has none."""
    record = past.record(reports, run_id)
    findings = record["result"]["findings"]
    found = [one for one in findings if wanted in (view.case_name(one), str(one["key"]))]
    show = _shown(settings, record)
    if not found:
        kept = list(_kept(reports / "runs" / record["run_id"], record, wanted, show))
        if not kept:
            raise HarnessError(
                f'run {record["run_id"]} has no case "{wanted}"',
                where=str(reports / "runs" / record["run_id"]),
                hint=f"harness show {record['run_id']} lists the cases of its report; a key names any case of a table",
            )
        for number, (block, row) in enumerate(kept):
            yield from ([""] if number else [])
            yield from _of_block(block, row, show, record)
    for number, one in enumerate(found):
        yield from ([""] if number else [])
        yield from _of_finding(one, record)
    yield f"again: harness replay {record['run_id']}"


def _of_finding(one: dict[str, Any], record: dict[str, Any]) -> Iterator[str]:
    yield f"{view.case_name(one)}: {_key(one)} of {clean(one['source'], 60)}, run {record['run_id']}"
    yield f"  rule       {clean(one['rule'], 60)} on {clean(one['output'], 60)}: {clean(one['says'], 300)}"
    yield f"  magnitude  {_size(one)}"
    if one["shrunk"]:
        yield "  shrunk from a generated counterexample"
    yield from _values(one["inputs"], {side: one[side] for side in SIDES}, one["target"])


def _of_block(block: Block, row: int, show: Shown, record: dict[str, Any]) -> Iterator[str]:
    batch = block.batch
    yield f"{clean(str(batch.keys[row]), 60)} of {clean(batch.source, 60)}, run {record['run_id']}: in no finding"

    answers = {}
    for side in SIDES:
        outcome = getattr(block, side)
        fault = next((f"{one.error}: {one.message}" for one in outcome.faults if one.row == row), "no answer")
        values = {name: column.item(row) for name, column in outcome.columns.items()}
        answers[side] = show.values(jsonable(values)) if outcome.answered[row] else {"error": fault}
    target = None if batch.target is None else jsonable(batch.target.item(row))
    if target is not None:
        target = show.target(batch.source, target)
    yield from _values(show.values(jsonable(batch.case(row))), answers, target)


def _values(inputs: dict[str, Any], answers: dict[str, dict[str, Any]], target: Any) -> Iterator[str]:
    width = max([len(clean(name, 40)) for name in [*inputs, *SIDES]], default=0)
    for name, value in inputs.items():
        yield f"  {clean(name, 40):<{width}}  {shown(value, 200)}"
    if target is not None:
        yield f"  {'label':<{width}}  {shown(target, 200)}"
    for side, values in answers.items():
        said = ", ".join(f"{clean(name, 60)} {shown(value, 200)}" for name, value in values.items())
        yield f"  {side:<{width}}  {said or 'no output'}"


def _kept(work: Path, record: dict[str, Any], key: str, show: Shown) -> Iterator[tuple[Block, int]]:
    """Cases of the run's tables by their key. Of a source whose keys are private none is found: its key would be
    told by being found."""
    for source in record["result"]["sources"]:
        if source["kind"] == "search" or source["name"] in show.keys:
            continue
        for block in blocks.read(work / source["name"]):
            for row, one in enumerate(block.batch.keys):
                if str(one) == key:
                    yield block, row
                    break


def _shown(settings: Settings, record: dict[str, Any]) -> Shown:
    """What is hidden: what the run hid, and what is private today. Whether the key or the label of a table that is no
    longer configured was private is not known, and so it was."""
    hidden = frozenset(record["result"]["private"]) | frozenset(settings.private)
    inputs = {item.name: item for item in settings.inputs}
    names = [source["name"] for source in record["result"]["sources"]]
    return Shown(
        hidden,
        frozenset(name for name in names if name not in inputs or inputs[name].key in hidden),
        frozenset(name for name in names if name not in inputs or inputs[name].target in hidden),
    )


def _key(one: dict[str, Any]) -> str:
    return clean(str(one["key"]), 60) or "a case"


def _size(one: dict[str, Any]) -> str:
    harm = one["harm"] is not None
    return f"error +{number(one['magnitude'])}" if harm else number(one["magnitude"])
