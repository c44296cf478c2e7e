"""An honest bound for losses that are 0 or 1: right or wrong, paired.

A bootstrap resamples what was seen, so on n cases without a single changed answer its bound is the estimate itself,
however small n is. Here the two shares that the change consists of (right became wrong, wrong became right) have
exact one-sided bounds (Clopper and Pearson, 1934), joined for their difference by Newcombe's method ("Improved
confidence intervals for the difference between binomial proportions based on paired data", 1998).
"""

from __future__ import annotations

from math import ceil, log, log1p, sqrt

CONFIDENCE = 0.95
_MOST = 10**9


def unseen(n: int) -> float:
    """The share that something may have which none of n cases showed: `1 - 0.05**(1/n)`.

    >>> round(unseen(30), 4)
    0.095
    """
    return 1.0 - float((1.0 - CONFIDENCE) ** (1.0 / n))


def upper(worse: float, better: float, n: int) -> float:
    """The one-sided 95% upper bound of (share that became wrong - share that became right).

    `worse` of n cases became wrong, `better` became right. Without any it is `unseen(n)`.

    >>> round(upper(0, 0, 200), 4) == round(unseen(200), 4)
    True
    >>> round(upper(3, 1, 200), 4)
    0.0338
    """
    from scipy.special import betaincinv

    risen, fallen = worse / n, better / n
    most = 1.0 if worse >= n else float(betaincinv(worse + 1, n - worse, CONFIDENCE))
    least = 0.0 if better <= 0 else float(betaincinv(better, n - better + 1, 1.0 - CONFIDENCE))
    up, down = most - risen, fallen - least
    # no case is in both shares, so they are correlated negatively, and their difference varies more
    together = sqrt(worse * better / ((n - worse) * (n - better))) if worse < n and better < n else 0.0
    return min(1.0, risen - fallen + sqrt(up * up + down * down + 2 * together * up * down))


def needed(worse: float, better: float, n: int, margin: float) -> int | None:
    """Cases after which `upper` would lie below `margin`, if the shares stay; None where no number would do.

    >>> needed(0, 0, 30, 0.02)
    149
    """
    if worse - better >= margin * n:
        return None
    if not worse and not better:
        return ceil(log(1.0 - CONFIDENCE) / log1p(-margin)) if margin < 1 else 1
    low, high = n, n
    while upper(worse / n * high, better / n * high, high) >= margin:
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if upper(worse / n * middle, better / n * middle, middle) >= margin:
            low = middle
        else:
            high = middle
    return high
