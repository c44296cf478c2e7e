"""Whether a retrained candidate is worse: a paired bootstrap's one-sided 95% bound against the margin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf, isfinite

import numpy as np
import numpy.typing as npt

from harness.statistics import bootstrap, metrics
from harness.statistics.metrics import Answers

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Quality:
    """Loss of both versions on n labelled cases, and what it says.

    `change` is the loss's change (a share of the baseline's where `relative`), `upper` its one-sided 95% bound,
    `limit` the loss at which the margin is reached; `cases_needed` an estimate for a verdict, where there is none.
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


def not_worse(
    labels: npt.NDArray[np.generic],
    baseline: Answers,
    candidate: Answers,
    rows: npt.NDArray[np.int64],
    *,
    scorer: str,
    margin: float | None = None,
    seed: int = 0,
) -> Quality:
    """PASS if the upper bound of the loss's change is below the margin, FAIL if the estimate reaches it.

    `labels`, `rows` have shape (n,); `rows` are places in the source and decide the bootstrap's weights.
    A statistic that is not a number is INCONCLUSIVE (E29).
    """
    relative = metrics.is_relative(scorer)
    margin = metrics.default_margin(scorer) if margin is None else margin
    n = len(labels)
    loss_b = metrics.loss_function(scorer, labels, baseline)
    loss_c = metrics.loss_function(scorer, labels, candidate)
    whole = np.ones((1, n))
    old, new = float(loss_b(whole)[0]), float(loss_c(whole)[0])
    # a replicate that drew no case at all has no loss: it is no resample of these cases
    drawn = (w[w.any(axis=1)] for w in bootstrap.weights(rows, seed))
    changes = np.concatenate(
        [_change(loss_b(w), loss_c(w), relative) for w in drawn if len(w)] or [np.empty(0)]
    )
    change = float(_change(np.array([old]), np.array([new]), relative)[0])
    upper = float(np.quantile(changes, CONFIDENCE, method="higher")) if len(changes) else np.nan
    limit = old * (1 + margin) if relative else old + margin
    found = Quality(
        scorer, metrics.title(scorer), old, new, change, upper, margin, relative, limit, n, "INCONCLUSIVE"
    )
    return _judged(found)


def _change(
    old: npt.NDArray[np.float64], new: npt.NDArray[np.float64], relative: bool
) -> npt.NDArray[np.float64]:
    if not relative:
        return new - old
    with np.errstate(divide="ignore", invalid="ignore"):
        # a loss of 0 that stays 0 did not change; one that grows from 0 grew without bound
        return np.where(new == old, 0.0, (new - old) / old)


def _judged(q: Quality) -> Quality:
    def share(x: float) -> str:
        return f"{x * 100:+.3g}%" if q.relative else f"{x:+.3g}"

    bounds = f"{share(q.change)}, at most {share(q.upper)} (95%), margin {share(q.margin)}"
    if np.isnan(q.change) or (np.isnan(q.upper) and q.change < q.margin):
        return replace(q, says=f"{q.metric} or its bound is undefined on {q.cases:,} cases")
    if q.change >= q.margin:
        return replace(
            q,
            status="FAIL",
            says=f"{q.metric} is worse by {share(q.change)[1:]}; the margin is {share(q.margin)[1:]}",
        )
    if q.upper < q.margin:
        return replace(q, status="PASS", says=f"{q.metric} {bounds}")
    needed = q.cases * ((q.upper - q.change) / (q.margin - q.change)) ** 2 if isfinite(q.upper) else inf
    more = ceil(needed) if isfinite(needed) else None
    words = f"; about {more:,} labelled cases would say" if more else ""
    return replace(q, cases_needed=more, says=f"{q.metric} {bounds}: cannot say on {q.cases:,} cases{words}")
