"""Quality of a retrain: kept answers, in the order of the rows, handed to `statistics`; and who was harmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt

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
from harness.run.plain import plain
from harness.run.plan import Plan
from harness.statistics import metrics
from harness.statistics.metrics import Answers
from harness.statistics.quality import Quality, not_worse
from harness.tables import Bools, Column

PREDICTION = "prediction"
PROBABILITY = "probability_"
_OF_PROBABILITIES = ("neg_brier_score", "neg_log_loss")


@dataclass(frozen=True, slots=True)
class Judged:
    """One `not-worse` rule, judged: the result, the numbers behind it, the cases harmed most."""

    result: RuleResult
    quality: Quality | None = None
    harmed: tuple[Finding, ...] = ()


def judge(plan: Plan, source: InputSource, bound: Bound, state: SourceState) -> Judged:
    """Judge one labelled source. Only rows that both versions answered and that have a label count."""
    empty = RuleResult(bound, INCONCLUSIVE, "not measured", "–", code="E10")
    try:
        return _judged(plan, source, bound, state, empty)
    except HarnessError as error:
        return Judged(_unsure(empty, error.message, error.code or "E29"))
    except Exception as error:
        # answers and labels may be anything, and a statistic that broke on them is no ordinary test that failed
        return Judged(_unsure(empty, f"the loss cannot be computed: {type(error).__name__}: {error}", "E29"))


def _judged(plan: Plan, source: InputSource, bound: Bound, state: SourceState, empty: RuleResult) -> Judged:
    rule = bound.rule
    assert isinstance(rule, NotWorse)
    whole = None if state.tally is None else answers.gather(plan.work / source.name)
    if whole is None or whole.target is None:
        return Judged(_unsure(empty, f"{source.name} was not compared"))
    labelled = whole.answered & ~missing(whole.target)
    if not labelled.any():
        return Judged(_unsure(empty, f"0 of {source.planned():,} comparisons on labelled cases"))
    name = _prediction(whole)
    task = _task(plan, whole.target, whole.baseline[name], whole.candidate[name])
    use = labelled & ~_null(whole, name, task)
    if not use.any():
        raise _undefined(
            "every answer to a labelled case is null", "let the versions answer the labelled cases"
        )
    kept = whole.take(use)
    assert kept.target is not None
    labels, old, new = _comparable(plan, whole, kept, name, task, rule.primary)
    scorer = rule.primary or metrics.default_scorer(task, old.probability is not None)
    if scorer == "accuracy" or (task != "regression" and scorer not in _OF_PROBABILITIES):
        _demand_one_hit(labels, old, new, name)
    found = not_worse(
        labels,
        old,
        new,
        kept.rows,
        scorer=scorer,
        margin=rule.margin,
        seed=plan.request.seed or 0,
        planned=source.planned(),
    )
    harmed = _harmed(source, kept, labels, old, new, task)
    return Judged(_result(bound, found, len(kept.rows), int((labelled & ~use).sum())), found, harmed)


def _result(bound: Bound, q: Quality, compared: int, null: int) -> RuleResult:
    undefined = isnan(q.change) or (isnan(q.upper) and q.status == INCONCLUSIVE)

    def sign(x: float) -> str:
        return f"{x * 100:+.2f}%" if q.relative else f"{x:+.4g}"

    counted = f", {compared:,} of {q.planned:,} cases" if compared < q.planned else ""
    if null:
        counted += f", {null:,} answered null"
    return RuleResult(
        bound,
        {"PASS": PASS, "FAIL": FAIL}.get(q.status, INCONCLUSIVE),
        measured=f"{q.metric} {q.baseline:.4g} → {q.candidate:.4g} "
        f"({sign(q.change)}, at most {sign(q.upper)}){counted}",
        limit=f"{q.limit:.4g} ({sign(q.margin)})",
        violations=int(q.status == "FAIL"),
        compared=compared,
        reason="" if q.status == "PASS" else q.says,
        code="E29" if undefined else "",
    )


def _unsure(result: RuleResult, reason: str, code: str = "E10") -> RuleResult:
    return replace(result, reason=reason, code=code)


def _undefined(message: str, hint: str) -> HarnessError:
    return HarnessError(message, where="not-worse", hint=hint, code="E29", exit=Exit.INCONCLUSIVE)


def _task(plan: Plan, target: Column, *predictions: Column) -> str:
    for version in (plan.candidate, plan.baseline):
        if version.manifest is not None:
            return version.manifest.task
    kinds = {column.kind for column in predictions}
    # whole labels are no classes where the answers are measurements
    numbers = kinds <= {"float", "int"}
    return "regression" if numbers and "float" in (*kinds, target.kind) else "classification"


def _prediction(kept: Kept) -> str:
    """The name of the output that is judged: `prediction`, or the only one that is no probability."""
    names = [name for name in kept.baseline if name in kept.candidate and not name.startswith(PROBABILITY)]
    if PREDICTION in names:
        return PREDICTION
    if len(names) == 1:
        return names[0]
    raise HarnessError(
        f"no output is named {PREDICTION}: cannot tell which of {', '.join(names) or 'none'} to judge",
        where="not-worse",
        hint=did_you_mean(PREDICTION, names),
        code="E28",
        exit=Exit.INCONCLUSIVE,
    )


def _chances(columns: Mapping[str, Column], task: str) -> list[str]:
    return [] if task == "regression" else [name for name in columns if name.startswith(PROBABILITY)]


def _null(kept: Kept, name: str, task: str) -> Bools:
    """(n,) where a version answered null to what is judged. NaN is no class; among numbers it is an answer, whose
    loss is not a number."""
    null = np.zeros(len(kept.rows), bool)
    for columns in (kept.baseline, kept.candidate):
        if task != "regression":
            null |= missing(columns[name])
        for column in (columns[one] for one in (name, *_chances(columns, task))):
            if column.null is not None:
                null |= column.null
    return null


def _comparable(
    plan: Plan, whole: Kept, kept: Kept, name: str, task: str, primary: str
) -> tuple[npt.NDArray[Any], Answers, Answers]:
    """Labels and both versions' answers, as values that can be equal; raises HarnessError where they cannot."""
    assert whole.target is not None
    assert kept.target is not None
    sides = (kept.baseline, kept.candidate)
    if task == "regression":
        for what, column in (
            ("the target", kept.target),
            *((f"output {name}", side[name]) for side in sides),
        ):
            if column.kind not in ("float", "int"):
                raise _undefined(f"{what} holds {column.kind}, not numbers", "the task is a regression")
        if primary == "accuracy":
            _same_kind(kept.target, [side[name] for side in sides], name)
        labels = kept.target.values.astype(np.float64)
        old, new = (Answers(side[name].values.astype(np.float64)) for side in sides)
        return labels, old, new
    _same_kind(kept.target, [side[name] for side in sides], name)
    labels, *predictions = (_classes(column) for column in (kept.target, *(side[name] for side in sides)))
    known = _known(plan, whole, name)
    old, new = (
        _answers(side, prediction, known, set(labels.tolist()))
        for side, prediction in zip(sides, predictions, strict=True)
    )
    return labels, old, new


def _same_kind(target: Column, predictions: Sequence[Column], name: str) -> None:
    """Labels and predictions that cannot be equal make both versions equally wrong, which looks like a PASS."""
    wanted = _kind(target)
    for column in predictions:
        if _kind(column) != wanted or wanted not in ("int", "float", "bool", "str"):
            raise _undefined(
                f"labels that are {wanted} cannot be compared with {name} that is {_kind(column)}",
                "let target and predictions be of one kind: text, whole numbers or booleans",
            )


def _kind(column: Column) -> str:
    """The kind; whole floats, which a table with empty cells makes of whole numbers, are whole numbers."""
    if column.kind == "float":
        present = column.values[~missing(column)]
        whole = np.isfinite(present) & (np.trunc(present) == present)
        return "int" if len(present) and whole.all() else "float"
    return column.kind


def _classes(column: Column) -> npt.NDArray[Any]:
    """The values as classes: whole floats as integers."""
    if column.kind == "float" and _kind(column) == "int" and not missing(column).any():
        return column.values.astype(np.int64)
    return np.asarray(column.values)


def _known(plan: Plan, whole: Kept, name: str) -> dict[str, Any]:
    """Every class that labels, answers or manifests name, by its text: what `probability_TEXT` is about. One map for
    both versions, since a version that never answers a class would else not know it."""
    known: dict[str, Any] = {}
    assert whole.target is not None
    for column in (whole.target, whole.baseline[name], whole.candidate[name]):
        present = ~missing(column)
        for label in np.unique(_classes(column.take(present))).tolist() if present.any() else ():
            known.setdefault(str(label), label)
    if whole.target.kind == "str":
        for version in (plan.baseline, plan.candidate):
            outputs = None if version.manifest is None else version.manifest.outputs
            if outputs is not None and name in outputs:
                known |= {text: text for text in outputs[name].categories if text not in known}
    return known


def _answers(
    columns: Mapping[str, Column], prediction: npt.NDArray[Any], known: Mapping[str, Any], labels: set[Any]
) -> Answers:
    """One version's classes, with its probabilities where there are any, in the order of the classes."""
    chances = {name.removeprefix(PROBABILITY): name for name in columns if name.startswith(PROBABILITY)}
    if not chances:
        return Answers(prediction, None, tuple(sorted(known.values())))
    strange = sorted(text for text in chances if text not in known)
    if strange:
        raise _undefined(
            f"output {chances[strange[0]]} belongs to no class that labels or predictions name",
            "name the probabilities after the classes (known: " + ", ".join(sorted(known)) + ")",
        )
    lacking = sorted(text for text, label in known.items() if label in labels and text not in chances)
    if lacking:
        raise _undefined(
            f"cases are labelled {lacking[0]}, and no output is named {PROBABILITY}{lacking[0]}",
            "give every class its probability, or set primary to a scorer of predictions such as accuracy",
        )
    for one in chances.values():
        if columns[one].kind not in ("float", "int"):
            raise _undefined(
                f"output {one} holds {columns[one].kind}, not numbers", "probabilities are numbers"
            )
    classes = sorted(known[text] for text in chances)
    matrix = np.column_stack([columns[chances[str(label)]].values for label in classes]).astype(np.float64)
    return Answers(prediction, matrix, tuple(classes))


def _demand_one_hit(labels: npt.NDArray[Any], old: Answers, new: Answers, name: str) -> None:
    if not (np.any(old.prediction == labels) or np.any(new.prediction == labels)):
        raise _undefined(
            f"{name} equals its label on none of {len(labels):,} cases in either version: "
            f"labels such as {labels[0]!r}, answers such as {new.prediction[0]!r}",
            "write labels and predictions alike",
        )


def _harmed(
    source: InputSource, kept: Kept, labels: npt.NDArray[Any], old: Answers, new: Answers, task: str
) -> tuple[Finding, ...]:
    """Cases whose error grew most (right became wrong): who pays for the change."""
    assert kept.target is not None
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
            inputs=plain(inputs[row]),
            baseline={name: plain(column.item(i)) for name, column in kept.baseline.items()},
            candidate={name: plain(column.item(i)) for name, column in kept.candidate.items()},
            target=plain(kept.target.item(i)),
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
