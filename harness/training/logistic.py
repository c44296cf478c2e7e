"""What a logistic regression of two classes takes for granted, held against its trained rows: that the logit is linear
in the columns. It assumes nothing of residuals, and that is said.

The test fits by itself, without the penalty of the model: a shrunken fit bends by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.training.checked import Checked, tested

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

TURNS = 100
"""Steps of Newton's method. Where columns tell rows apart altogether, each takes their logits further by about one."""

EACH = 10
"""Rows of the rarer class that each column needs."""

_NAME = ("linearity in the logit", "likelihood ratio of the columns' squares")
_NOT_ASSUMED = (
    Checked(
        "normality of the residuals",
        "none",
        why="a logistic regression does not assume it: labels are 0 or 1",
    ),
    Checked(
        "even spread of the residuals",
        "none",
        why="a logistic regression does not assume it: the spread follows from the probability",
    ),
)


def checks_of_labels(design: Floats, labels: Floats, classes: int) -> tuple[Checked, ...]:
    """Linearity by the likelihood ratio of a model that has the square of every column beside it.

    `design` has shape (n, columns) without a column of ones, `labels` (n,) are 1 for the second class and 0 for the
    first; of more than two `classes` nothing is tested, nor of fewer than EACH rows of the rarer class for each
    column (Peduzzi et al., 1996).
    """
    return (_linearity(design, labels, classes), *_NOT_ASSUMED)


def _linearity(design: Floats, labels: Floats, classes: int) -> Checked:
    import numpy as np
    from scipy import stats

    if classes != 2:
        return Checked(*_NAME, why=f"it is a test of two classes, and there are {classes}")
    scaled = standardised(design)
    straight = fit(scaled, labels)
    if straight is None:
        return Checked(
            *_NAME, why="the columns tell some rows apart altogether, so that there is no finite fit"
        )
    _, before, rank = straight
    squares = np.column_stack([scaled, scaled**2])
    if min(labels.sum(), (1 - labels).sum()) < EACH * (np.linalg.matrix_rank(squares) - 1):
        return Checked(*_NAME, why="too few rows of one class for so many columns")
    bent = fit(squares, labels)
    if bent is None:
        return Checked(*_NAME, why="with the squares of the columns beside them there is no finite fit")
    _, after, larger = bent
    if larger <= rank:
        return Checked(*_NAME, why="columns of two values have no room to bend")
    statistic = max(before - after, 0.0)
    p = float(stats.chi2.sf(statistic, larger - rank))
    return tested(_NAME, statistic, p, statistic / before, "share of the deviance explained")


def standardised(design: Floats) -> Floats:
    """The columns (n, columns) about their means and of one scale, so that a rank is theirs and not of their units."""
    import numpy as np

    centred = design - design.mean(axis=0)
    scales = centred.std(axis=0)
    return np.asarray(centred / np.where(scales > 0, scales, 1.0))


def fit(design: Floats, labels: Floats) -> tuple[Floats, float, int] | None:
    """The most likely logits (n,) by Newton's method, their deviance, and the rank of the columns with a constant; None
    where the likelihood has no maximum."""
    import numpy as np
    from scipy.special import expit

    columns = np.column_stack([np.ones(len(design)), standardised(design)])
    whole = np.linalg.matrix_rank(columns)
    logits = np.zeros(len(design))
    deviance = _deviance(logits, labels)
    for _ in range(TURNS):
        chances = expit(logits)
        weights = np.sqrt(chances * (1 - chances))
        # a row that is as good as certain has no say
        left = np.divide(labels - chances, weights, out=np.zeros(len(weights)), where=weights > 0)
        moved, _, rank, _ = np.linalg.lstsq(columns * weights[:, None], left, rcond=None)
        if rank < whole:
            return None
        step = columns @ moved
        # half as far, as long as it would be a step back
        while _deviance(logits + step, labels) > deviance + 1e-9 and np.abs(step).max() > 1e-12:
            step = step / 2
        logits = logits + step
        deviance = _deviance(logits, labels)
        if np.abs(step).max() <= 1e-7 * (1 + np.abs(logits).max()):
            return logits, deviance, int(rank)
    return None


def _deviance(logits: Floats, labels: Floats) -> float:
    import numpy as np

    return 2 * float((np.logaddexp(0.0, logits) - labels * logits).sum())
