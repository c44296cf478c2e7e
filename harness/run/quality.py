"""Quality of a retrain: kept answers, in the order of the rows, handed to `statistics`; and who was harmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from harness.compare.results import FAIL, INCONCLUSIVE, PASS
from harness.compare.rules import missing
from harness.compare.ruleset import Bound, NotWorse
from harness.compare.tally import TOP, Finding
from harness.compare.verdict import RuleResult, SourceState
from harness.errors import Exit, HarnessError, did_you_mean
from harness.inputs import InputSource
from harness.inputs.fixed import TableSource
from harness.run import answers
from harness.run.answers import Kept
from harness.run.blocks import KeptTable
from harness.run.plan import Plan
from harness.statistics import metrics
from harness.statistics.metrics import Answers
from harness.statistics.quality import Quality, not_worse
from harness.tables import Column

PREDICTION = "prediction"
PROBABILITY = "probability_"


@dataclass(frozen=True, slots=True)
class Judged:
    """One `not-worse` rule, judged: the result, the numbers behind it, the cases harmed most."""

    result: RuleResult
    quality: Quality | None = None
    harmed: tuple[Finding, ...] = ()


def judge(plan: Plan, source: InputSource, bound: Bound, state: SourceState) -> Judged:
    """Judge one labelled source. Only rows that both versions answered and that have a label count."""
    rule = bound.rule
    assert isinstance(rule, NotWorse)
    empty = RuleResult(bound, INCONCLUSIVE, "not measured", "–", code="E10")
    kept = None if state.tally is None else answers.gather(plan.work / source.name)
    if kept is None or kept.target is None:
        return Judged(_unsure(empty, f"{source.name} was not compared"))
    use = kept.answered & ~missing(kept.target)
    if not use.any():
        return Judged(_unsure(empty, f"0 of {source.planned():,} comparisons on labelled cases"))
    kept = kept.take(use)
    assert kept.target is not None
    task = _task(plan, kept.target)
    try:
        old, new = (_answers(columns, task, rule.primary) for columns in (kept.baseline, kept.candidate))
        scorer = rule.primary or metrics.default_scorer(task, old.probability is not None)
        found = not_worse(
            _labels(kept.target, task),
            old,
            new,
            kept.rows,
            scorer=scorer,
            margin=rule.margin,
            seed=plan.request.seed or 0,
        )
    except HarnessError as error:
        return Judged(_unsure(empty, error.message, error.code))
    harmed = _harmed(source, kept, old, new, task)
    return Judged(_result(bound, found, len(kept.rows)), found, harmed)


def _result(bound: Bound, q: Quality, compared: int) -> RuleResult:
    undefined = isnan(q.change) or (isnan(q.upper) and q.status == INCONCLUSIVE)

    def sign(x: float) -> str:
        return f"{x * 100:+.2f}%" if q.relative else f"{x:+.4g}"

    return RuleResult(
        bound,
        {"PASS": PASS, "FAIL": FAIL}.get(q.status, INCONCLUSIVE),
        measured=f"{q.metric} {q.baseline:.4g} → {q.candidate:.4g} ({sign(q.change)}, at most {sign(q.upper)})",
        limit=f"{q.limit:.4g} ({sign(q.margin)})",
        violations=int(q.status == "FAIL"),
        compared=compared,
        reason="" if q.status == "PASS" else q.says,
        code="E29" if undefined else "",
    )


def _unsure(result: RuleResult, reason: str, code: str = "E10") -> RuleResult:
    from dataclasses import replace

    return replace(result, reason=reason, code=code)


def _task(plan: Plan, target: Column) -> str:
    for version in (plan.candidate, plan.baseline):
        if version.manifest is not None:
            return version.manifest.task
    return "regression" if target.kind == "float" else "classification"


def _labels(target: Column, task: str) -> Any:
    return target.values.astype(np.float64) if task == "regression" else np.asarray(target.values)


def _answers(columns: Mapping[str, Column], task: str, primary: str) -> Answers:
    """The columns that quality is about: the prediction, and probabilities where there are any."""
    names = [name for name in columns if not name.startswith(PROBABILITY)]
    if PREDICTION in names:
        name = PREDICTION
    elif len(names) == 1:
        name = names[0]
    else:
        raise HarnessError(
            f"no output is named {PREDICTION}: cannot tell which of {', '.join(names) or 'none'} to judge",
            where="not-worse",
            hint=did_you_mean(PREDICTION, names),
            code="E28",
            exit=Exit.INCONCLUSIVE,
        )
    column = columns[name]
    if task == "regression":
        if column.kind not in ("float", "int"):
            raise HarnessError(
                f"output {name} holds {column.kind}, not numbers",
                where="not-worse",
                hint="the task is a regression",
                code="E28",
                exit=Exit.INCONCLUSIVE,
            )
        return Answers(column.values.astype(np.float64))
    chances = sorted(name for name in columns if name.startswith(PROBABILITY))
    if not chances:
        return Answers(np.asarray(column.values), None, tuple(sorted(set(column.tolist()), key=str)))
    labels = {str(label): label for label in column.tolist()}
    classes = [labels.get(name.removeprefix(PROBABILITY), name.removeprefix(PROBABILITY)) for name in chances]
    matrix = np.column_stack([columns[name].values for name in chances]).astype(np.float64)
    return Answers(np.asarray(column.values), matrix, tuple(classes))


def _harmed(source: InputSource, kept: Kept, old: Answers, new: Answers, task: str) -> tuple[Finding, ...]:
    """Cases whose error grew most (right became wrong): who pays for the change."""
    assert kept.target is not None
    labels = _labels(kept.target, task)
    if task == "regression":
        harm = np.abs(new.prediction - labels) - np.abs(old.prediction - labels)
    else:
        harm = (new.prediction != labels).astype(float) - (old.prediction != labels).astype(float)
    order = [int(i) for i in np.argsort(-harm, kind="stable")[: TOP // 2] if harm[i] > 0]
    if not isinstance(source, TableSource | KeptTable):
        return ()
    wanted = {int(kept.rows[i]): i for i in order}
    inputs = _inputs(source, list(wanted))
    return tuple(
        Finding(
            rank=(-float(harm[i]), row),
            key=str(kept.keys.item(i)),
            output=PREDICTION,
            magnitude=float(harm[i]),
            inputs=inputs[row],
            baseline={name: column.item(i) for name, column in kept.baseline.items()},
            candidate={name: column.item(i) for name, column in kept.candidate.items()},
            target=kept.target.item(i),
        )
        for row, i in wanted.items()
    )


def _inputs(source: TableSource | KeptTable, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The inputs of these rows, read again from the table."""
    left, found = set(rows), {}
    for batch in source.batches():
        for row in [row for row in left if batch.start <= row < batch.start + len(batch)]:
            found[row] = batch.case(row - batch.start)
            left.discard(row)
        if not left:
            break
    return found
