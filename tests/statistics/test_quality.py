"""Not worse: the bootstrap against oracles, the three answers where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, mean_absolute_error, median_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness.errors import HarnessError
from harness.statistics import bootstrap, metrics
from harness.statistics.metrics import Answers
from harness.statistics.quality import not_worse

MAE = "neg_mean_absolute_error"


def diabetes(alpha: float):
    x, y = load_diabetes(return_X_y=True, scaled=False)
    order = np.random.default_rng(0).permutation(len(y))
    test, train = order[:160], order[160:]
    model = make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(x[train], y[train])
    return y[test], Answers(model.predict(x[test]))


@pytest.mark.parametrize(("alpha", "status"), [(10, "PASS"), (1000, "FAIL")])
def test_a_harmless_retrain_passes_and_a_harmful_one_fails(alpha, status):
    labels, old = diabetes(1)
    _, new = diabetes(alpha)
    found = not_worse(labels, old, new, np.arange(len(labels)), scorer=MAE)
    assert found.status == status
    assert found.baseline == pytest.approx(mean_absolute_error(labels, old.prediction))
    assert found.candidate == pytest.approx(mean_absolute_error(labels, new.prediction))


def test_too_few_cases_cannot_say_and_how_many_would():
    labels, old = diabetes(1)
    _, new = diabetes(100)
    found = not_worse(labels[:12], Answers(old.prediction[:12]), Answers(new.prediction[:12] + 1),
                      np.arange(12), scorer=MAE, margin=0.08)  # fmt: skip
    assert found.status == "INCONCLUSIVE"
    assert found.cases_needed is not None
    assert found.cases_needed > 12


def test_the_order_of_cases_changes_nothing():
    labels, old = diabetes(1)
    _, new = diabetes(100)
    rows = np.arange(len(labels))
    turned = rows[::-1]
    one = not_worse(labels, old, new, rows, scorer=MAE)
    two = not_worse(
        labels[turned], Answers(old.prediction[turned]), Answers(new.prediction[turned]), turned, scorer=MAE
    )
    assert two.upper == pytest.approx(one.upper, rel=1e-12)


def test_weights_are_poisson_with_mean_and_variance_of_one():
    whole = np.vstack(list(bootstrap.weights(np.arange(500), seed=3, replicates=400)))
    assert whole.shape == (400, 500)
    assert whole.mean() == pytest.approx(1, abs=0.01)
    assert whole.var() == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(whole[:, 0], whole[:, 1])[0, 1]) < 0.2


def test_the_upper_bound_covers_as_often_as_it_says():
    """One-sided 95%: over 300 samples the bound lies above the truth in about 95%."""
    random = np.random.default_rng(11)
    above = 0
    for trial in range(300):
        noise = random.normal(0, 1, 150)
        old, new = noise, noise * 1.0 + random.normal(0, 0.3, 150)
        labels = np.zeros(150)
        truth = np.sqrt(1.09)  # E|N(0, 1.09)| / E|N(0, 1)|
        found = not_worse(labels, Answers(old), Answers(new), np.arange(150) + trial * 150, scorer=MAE)
        above += found.upper >= truth - 1
    assert 0.90 <= above / 300 <= 0.985


@pytest.mark.parametrize(
    ("scorer", "oracle"), [("neg_median_absolute_error", median_absolute_error), (MAE, mean_absolute_error)]
)
def test_any_scorer_of_scikit_learn_gives_its_own_number(scorer, oracle):
    labels, old = diabetes(1)
    loss = metrics.loss_function(scorer, labels, old)(np.ones((1, len(labels))))
    assert loss[0] == pytest.approx(oracle(labels, old.prediction))


def test_the_quick_path_equals_scikit_learns_weighted_scorer():
    labels, old = diabetes(1)
    weights = next(bootstrap.weights(np.arange(len(labels)), 5, 20))
    quick = metrics.loss_function(MAE, labels, old)(weights)
    slow = [mean_absolute_error(labels, old.prediction, sample_weight=w) for w in weights]
    assert quick == pytest.approx(slow)


def test_probabilities_are_judged_by_the_brier_score_of_scikit_learn():
    from sklearn.metrics import brier_score_loss

    random = np.random.default_rng(2)
    chance = random.random(100)
    labels = np.where(random.random(100) < chance, "yes", "no")
    answers = Answers(
        np.where(chance > 0.5, "yes", "no"), np.column_stack([1 - chance, chance]), ("no", "yes")
    )
    loss = metrics.loss_function("neg_brier_score", labels, answers)(np.ones((1, 100)))
    assert loss[0] == pytest.approx(brier_score_loss(labels, chance, pos_label="yes"))
    wrong = metrics.loss_function("accuracy", labels, answers)(np.ones((1, 100)))
    assert wrong[0] == pytest.approx(1 - accuracy_score(labels, answers.prediction))


def test_a_loss_that_is_not_a_number_is_never_a_pass():
    labels = np.array([1.0, 2.0])
    found = not_worse(labels, Answers(labels), Answers(np.array([np.nan, 1.0])), np.arange(2), scorer=MAE)
    assert found.status == "INCONCLUSIVE"


@pytest.mark.parametrize("scorer", [MAE, "neg_mean_squared_error"])
def test_against_a_perfect_baseline_rounding_is_no_change_and_an_error_is(scorer):
    labels = np.arange(40.0)
    perfect = Answers(labels)
    for off, status in ((0.0, "PASS"), (1e-12, "PASS"), (0.01, "FAIL")):
        found = not_worse(labels, perfect, Answers(labels + off), np.arange(40), scorer=scorer)
        assert found.status == status
        assert "inf" not in found.says


def test_where_every_label_is_0_nothing_is_small():
    labels = np.zeros(40)
    found = not_worse(labels, Answers(labels), Answers(labels + 1e-12), np.arange(40), scorer=MAE)
    assert (found.status, "worse by 1e-12, from none" in found.says) == ("FAIL", True)


def test_the_floor_moves_with_the_unit():
    labels, old = diabetes(1)
    _, new = diabetes(1000)
    one = not_worse(labels, old, new, np.arange(len(labels)), scorer=MAE)
    tiny = [Answers(answers.prediction * 1e-15) for answers in (old, new)]
    two = not_worse(labels * 1e-15, *tiny, np.arange(len(labels)), scorer=MAE)
    assert two.change == pytest.approx(one.change)
    assert two.upper == pytest.approx(one.upper)


def test_a_baseline_whose_loss_is_infinite_excuses_nothing():
    labels = np.arange(40.0)
    wild = Answers(np.where(labels == 3, np.inf, labels))
    found = not_worse(labels, wild, Answers(labels + 1), np.arange(40), scorer=MAE)
    assert found.status == "INCONCLUSIVE"


def test_a_label_that_the_model_does_not_know_costs_more_than_any_it_does():
    labels = np.array(["no", "yes", "maybe"])
    chances = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]])
    answers = Answers(np.array(["no", "yes", "no"]), chances, ("no", "yes"))
    losses = metrics.losses("neg_brier_score", labels, answers)
    assert losses[:2] == pytest.approx([0.01, 0.01])
    assert losses[2] == pytest.approx((0.81 + 0.01 + 1) / 2)


@pytest.mark.parametrize("scorer", [MAE, "neg_mean_squared_error", "r2", "neg_log_loss", "roc_auc"])
def test_a_scorer_that_cannot_be_computed_is_undefined_and_no_crash(scorer):
    labels = np.array(["a", "b"] * 20, dtype=object)
    answers = Answers(labels, None, ("a", "b"))
    with pytest.raises(HarnessError, match="cannot be computed") as caught:
        not_worse(labels, answers, answers, np.arange(40), scorer=scorer)
    assert (caught.value.code, caught.value.exit) == ("E29", 10)


def test_an_unknown_scorer_gets_a_guess():
    labels = np.array([1.0, 2.0])
    with pytest.raises(HarnessError, match="neg_mean_absolute_error"):
        not_worse(labels, Answers(labels), Answers(labels), np.arange(2), scorer="neg_mean_absolute_eror")
