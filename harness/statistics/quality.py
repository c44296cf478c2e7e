"""Whether a retrained candidate is worse: a paired bootstrap's one-sided 95% bound against the margin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf, isfinite

import numpy as np
import numpy.typing as npt

from harness.statistics import bootstrap, discordance, metrics
from harness.statistics.metrics import Answers

CONFIDENCE = 0.95

MINIMUM = 30
"""Labelled cases below which nothing is decided, neither PASS nor FAIL: a bound that rests on resampling is not to
be trusted there."""

FLOOR = 1e-9
"""Where margins are relative: the least loss that a change is a share of, in parts of the loss of answering 0 (for
MAE: of the labels' mean absolute value). Below it a loss is rounding, and a share of rounding says nothing."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Loss of both versions on n labelled cases, and what it says.

    `change` is the loss's change (a share of the baseline's where `relative`), `upper` its one-sided 95% bound,
    `limit` the loss at which the margin is reached; `cases_needed` an estimate for a verdict, where there is none;
    `planned` the cases of the source, of which `cases` have a label and two answers.
    """

    scorer: str
    metric: str
    baseline: float
    candidate: float
    change: float
    upper: float
    margin: float
    relative: bool
    limit: float
    cases: int
    status: str
    cases_needed: int | None = None
    says: str = ""
    planned: int = 0


def not_worse(
    labels: npt.NDArray[np.generic],
    baseline: Answers,
    candidate: Answers,
    rows: npt.NDArray[np.int64],
    *,
    scorer: str,
    margin: float | None = None,
    seed: int = 0,
    planned: int = 0,
) -> Quality:
    """PASS if the upper bound of the loss's change is below the margin, FAIL if the estimate reaches it.

    `labels`, `rows` have shape (n,); `rows` are places in the source and decide the bootstrap's weights; `planned` is
    how many cases the source has, where that is more than n. Fewer than `MINIMUM` cases, and a statistic that is not
    a number (E29), are INCONCLUSIVE. Of a loss that is 0 or 1 the bound is the larger of the bootstrap's and
    `discordance.upper`.
    """
    relative = metrics.is_relative(scorer)
    margin = metrics.default_margin(scorer) if margin is None else margin
    n = len(labels)
    loss_b = metrics.loss_function(scorer, labels, baseline)
    loss_c = metrics.loss_function(scorer, labels, candidate)
    whole = np.ones((1, n))
    old, new = float(loss_b(whole)[0]), float(loss_c(whole)[0])
    floor = FLOOR * metrics.scale(scorer, labels) if relative else 0.0
    # a replicate that drew no case at all has no loss: it is no resample of these cases
    drawn = (w[w.any(axis=1)] for w in bootstrap.weights(rows, seed))
    changes = np.concatenate(
        [_change(loss_b(w), loss_c(w), relative, floor) for w in drawn if len(w)] or [np.empty(0)]
    )
    change = float(_change(np.array([old]), np.array([new]), relative, floor)[0])
    upper = float(np.quantile(changes, CONFIDENCE, method="higher")) if len(changes) else np.nan
    limit = old + margin * max(old, floor) if relative else old + margin
    exact, needed = _unseen(scorer, labels, baseline, candidate, changes, margin)
    found = Quality(
        scorer, metrics.title(scorer), old, new, change, max(upper, change + exact), margin, relative, limit, n,
        "INCONCLUSIVE", planned=max(planned, n),
    )  # fmt: skip
    return _judged(found, needed if change + exact >= upper else None)


def _change(
    old: npt.NDArray[np.float64], new: npt.NDArray[np.float64], relative: bool, floor: float
) -> npt.NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        # a loss of 0 that stays 0 did not change; one that grows from 0 on labels of 0 grew without bound
        grown = np.where(new == old, 0.0, (new - old) / np.maximum(old, floor)) if relative else new - old
        # against a baseline without bound everything would be fine
        return np.where(np.isfinite(old), grown, np.nan)


def _unseen(
    scorer: str,
    labels: npt.NDArray[np.generic],
    baseline: Answers,
    candidate: Answers,
    changes: npt.NDArray[np.float64],
    margin: float,
) -> tuple[float, int | None]:
    """How far beyond the estimate an exact bound lies, for losses of which a bootstrap knows too little, and the
    cases after which that bound would lie below the margin; (-inf, None) for all others."""
    n = len(labels)
    if scorer == "accuracy":
        old, new = (metrics.losses(scorer, labels, answers) for answers in (baseline, candidate))
        assert old is not None
        assert new is not None
        worse, better = int((new > old).sum()), int((new < old).sum())
        distance = discordance.upper(worse, better, n) - (worse - better) / n
        return distance, discordance.needed(worse, better, n, margin)
    if not metrics.is_relative(scorer) and len(changes) and np.ptp(changes) < 1e-15:
        # no case that was drawn changed the loss: what n cases did not show may still be there
        return discordance.unseen(n), discordance.needed(0, 0, n, margin)
    return -inf, None


def _judged(q: Quality, needed: int | None) -> Quality:
    def share(x: float) -> str:
        return f"{x * 100:+.3g}%" if q.relative else f"{x:+.3g}"

    cases = (
        f"{q.cases:,} of {q.planned:,} cases"
        if q.planned > q.cases
        else f"{q.cases:,} case{'s' * (q.cases != 1)}"
    )
    bounds = f"{share(q.change)}, at most {share(q.upper)} (95%), margin {share(q.margin)}"
    if np.isnan(q.change) or (np.isnan(q.upper) and q.change < q.margin):
        return replace(q, says=f"{q.metric} or its bound is undefined on {cases}")
    if needed is None and q.change < q.margin and isfinite(q.upper):
        needed = ceil(q.cases * ((q.upper - q.change) / (q.margin - q.change)) ** 2)
    if q.cases < MINIMUM:
        more = max(MINIMUM, needed or 0)
        return replace(
            q,
            cases_needed=more,
            says=f"{q.metric} {bounds}: {cases} labelled and answered; fewer than {MINIMUM} decide "
            f"nothing, about {more:,} would say",
        )
    if q.change >= q.margin:
        by = f"{share(q.change)[1:]}" if isfinite(q.change) else f"{q.candidate - q.baseline:.3g}, from none"
        return replace(
            q, status="FAIL", says=f"{q.metric} is worse by {by}; the margin is {share(q.margin)[1:]}"
        )
    if q.upper < q.margin:
        return replace(q, status="PASS", says=f"{q.metric} {bounds}")
    words = f"; about {needed:,} labelled cases would say" if needed else ""
    return replace(q, cases_needed=needed, says=f"{q.metric} {bounds}: cannot say on {cases}{words}")
