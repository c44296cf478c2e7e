"""The exact bound of right and wrong: how often a version that is truly worse by the margin would pass.

No simulation: every outcome of n paired cases is enumerated with its probability, so the figures have no noise.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multinomial

from harness.statistics import discordance
from harness.statistics.metrics import Answers
from harness.statistics.quality import MINIMUM, not_worse


def passes_though_worse(n: int, margin: float, better: float) -> float:
    """P(bound < margin) where the candidate errs in `margin` more of all cases, and is better in `better`."""
    worse = better + margin
    most = min(n, int(n * (worse + better) + 8 * np.sqrt(n * (worse + better)) + 8))
    up, down = (axis.ravel() for axis in np.meshgrid(np.arange(most + 1), np.arange(most + 1)))
    up, down = up[up + down <= n], down[up + down <= n]
    chance = multinomial.pmf(
        np.column_stack([up, down, n - up - down]), n, [worse, better, 1 - worse - better]
    )
    # only what lies near enough can pass, and only what is likely at all counts
    likely = (chance > 1e-9) & (up - down < margin * n)
    below = [
        p
        for a, b, p in zip(up[likely], down[likely], chance[likely], strict=True)
        if discordance.upper(int(a), int(b), n) < margin
    ]
    return float(sum(below))


@pytest.mark.parametrize("n", [30, 60, 100, 149, 200])
@pytest.mark.parametrize("margin", [0.02, 0.05])
@pytest.mark.parametrize("better", [0.0, 0.01, 0.05, 0.2])
def test_a_version_that_is_worse_by_the_margin_passes_in_one_of_twenty_at_most(n, margin, better):
    assert passes_though_worse(n, margin, better) <= 0.0501


def test_without_a_changed_answer_it_is_the_exact_bound_of_what_was_never_seen():
    for n in (1, 30, 148, 149, 5000):
        assert discordance.upper(0, 0, n) == pytest.approx(1 - 0.05 ** (1 / n))


def test_it_grows_with_what_became_wrong_and_falls_with_what_became_right():
    bounds = [[discordance.upper(a, b, 100) for b in range(5)] for a in range(5)]
    assert all(np.diff([row[0] for row in bounds]) > 0)
    assert all(np.diff(bounds[4]) < 0)


def test_on_many_cases_it_is_the_normal_bound():
    worse, better, n = 30_000, 29_000, 1_000_000
    spread = np.sqrt((worse + better) / n - ((worse - better) / n) ** 2) / np.sqrt(n)
    assert discordance.upper(worse, better, n) == pytest.approx(0.001 + 1.6449 * spread, rel=0.01)


def test_the_number_of_cases_needed_is_the_first_that_would_do():
    assert discordance.needed(0, 0, 30, 0.02) == 149
    more = discordance.needed(3, 2, 100, 0.05)
    assert discordance.upper(0.03 * more, 0.02 * more, more) < 0.05
    assert discordance.upper(0.03 * (more - 1), 0.02 * (more - 1), more - 1) >= 0.05
    assert discordance.needed(7, 2, 100, 0.05) is None


def labels_as_answered(n: int, wrong: int = 0):
    labels = np.arange(n) % 2
    answers = labels.copy()
    answers[:wrong] = 1 - answers[:wrong]
    return labels, Answers(answers, None, (0, 1))


@pytest.mark.parametrize(("n", "status"), [(148, "INCONCLUSIVE"), (149, "PASS")])
def test_equal_answers_pass_from_where_a_worse_version_would_have_shown(n, status):
    labels, old = labels_as_answered(n, wrong=5)
    found = not_worse(labels, old, old, np.arange(n), scorer="accuracy")
    assert found.status == status
    assert found.upper == pytest.approx(discordance.unseen(n))
    assert found.cases_needed == (149 if status == "INCONCLUSIVE" else None)


def test_probabilities_that_are_all_equal_are_judged_alike():
    labels, answers = labels_as_answered(60)
    sure = Answers(answers.prediction, np.column_stack([1 - labels, labels]) * 0.8 + 0.1, (0, 1))
    found = not_worse(labels, sure, sure, np.arange(60), scorer="neg_brier_score")
    assert (found.status, found.cases_needed) == ("INCONCLUSIVE", 149)


@pytest.mark.parametrize("n", [1, MINIMUM - 1, MINIMUM])
@pytest.mark.parametrize(("change", "status"), [(0.0, "PASS"), (10.0, "FAIL")])
def test_a_handful_of_cases_decides_nothing(n, change, status):
    labels = np.arange(n) + 100.0
    old, new = Answers(labels + 1), Answers(labels + 1 + change)
    found = not_worse(labels, old, new, np.arange(n), scorer="neg_mean_absolute_error", planned=500)
    assert found.status == (status if n == MINIMUM else "INCONCLUSIVE")
    assert (found.cases, found.planned) == (n, 500)
    if n < MINIMUM:
        assert found.cases_needed >= MINIMUM
        assert f"{n} of 500 cases" in found.says
