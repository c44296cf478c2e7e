"""Losses on labelled cases, by the names of scikit-learn's scorers.

Metrics that are means over cases are computed as weighted means of per-case losses, which takes one matrix
product for all replicates; any other scorer is asked once per replicate, with the replicate's weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import Exit, HarnessError, did_you_mean

Floats = npt.NDArray[np.float64]

TITLES = {
    "neg_mean_absolute_error": "MAE",
    "neg_mean_squared_error": "MSE",
    "neg_root_mean_squared_error": "RMSE",
    "neg_median_absolute_error": "median absolute error",
    "neg_brier_score": "Brier score",
    "neg_log_loss": "log loss",
    "accuracy": "error rate",
}
"""How a person names the *loss* that belongs to a scorer."""

_ABSOLUTE = ("neg_brier_score", "neg_log_loss")


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """One version's answers to n labelled cases: `prediction` (n,), `probability` (n, k) for `classes` or None."""

    prediction: npt.NDArray[Any]
    probability: Floats | None = None
    classes: tuple[Any, ...] = ()


def default_scorer(task: str, probabilities: bool) -> str:
    """Brier where there are probabilities, else accuracy; MAE for a regression."""
    if task == "regression":
        return "neg_mean_absolute_error"
    return "neg_brier_score" if probabilities else "accuracy"


def is_relative(scorer: str) -> bool:
    """Whether a margin for this scorer is a share of the baseline's loss: for errors without an upper bound."""
    return scorer.startswith("neg_") and scorer not in _ABSOLUTE


def default_margin(scorer: str) -> float:
    """5% of the loss where margins are relative, else 0.02."""
    return 0.05 if is_relative(scorer) else 0.02


def title(scorer: str) -> str:
    """A short name of the loss: `MAE`."""
    return TITLES.get(scorer, scorer.removeprefix("neg_").replace("_", " "))


def loss_function(scorer: str, labels: npt.NDArray[Any], answers: Answers) -> Callable[[Floats], Floats]:
    """A function from weights (r, n) to losses (r,), smaller is better; raises HarnessError for an unknown name."""
    per_case = losses(scorer, labels, answers)
    if per_case is not None:

        def mean(weights: Floats) -> Floats:
            with np.errstate(invalid="ignore"):
                # einsum, not a matrix product: BLAS would wake threads that spin beside the workers
                total: Floats = np.einsum("rn,n->r", weights, per_case)
                return np.asarray(total / weights.sum(axis=1))

        return mean
    return _by_scorer(scorer, labels, answers)


def losses(scorer: str, labels: npt.NDArray[Any], answers: Answers) -> Floats | None:
    """The loss of each case (n,), for scorers whose loss is a mean over cases; None for any other.

    Raises HarnessError (E29) where labels or answers are no numbers and the scorer needs numbers.
    """
    try:
        return _losses(scorer, labels, answers)
    except (ValueError, TypeError) as error:
        raise _impossible(scorer, error) from None


def scale(scorer: str, labels: npt.NDArray[Any]) -> float:
    """What the loss would be if every answer were 0: the size of this loss on these labels. 0 where it has none."""
    try:
        zero = Answers(np.zeros(len(labels)))
        size = float(loss_function(scorer, labels, zero)(np.ones((1, len(labels))))[0])
    except HarnessError:
        return 0.0
    return size if np.isfinite(size) and size > 0 else 0.0


def _losses(scorer: str, labels: npt.NDArray[Any], answers: Answers) -> Floats | None:
    if scorer in ("neg_mean_absolute_error", "neg_mean_squared_error"):
        errors: Floats = np.abs(labels.astype(np.float64) - answers.prediction.astype(np.float64))
        return errors if scorer == "neg_mean_absolute_error" else errors**2
    if scorer == "neg_brier_score" and answers.probability is not None:
        return _brier(labels, answers)
    if scorer == "accuracy":
        return np.asarray(labels != answers.prediction).astype(np.float64)
    return None


def _brier(labels: npt.NDArray[Any], answers: Answers) -> Floats:
    """Squared distance of the probabilities to what came true; of two classes it is counted once, as is usual."""
    assert answers.probability is not None
    true = np.stack([labels == label for label in answers.classes], axis=1)
    squares: Floats = (answers.probability - true) ** 2
    # a label that the model does not know was given no chance
    unknown = ~true.any(axis=1)
    if len(answers.classes) == 2:
        return np.where(unknown, (squares.sum(axis=1) + 1) / 2, squares[:, 1])
    return np.asarray(squares.sum(axis=1) + unknown)


def _impossible(scorer: str, error: Exception) -> HarnessError:
    words = (str(error).splitlines() or [""])[0][:200]
    return HarnessError(
        f"{scorer} cannot be computed: {words or type(error).__name__}",
        where="[tool.harness.retrain] primary",
        hint="choose a scorer that fits the outputs, such as neg_mean_absolute_error or accuracy",
        code="E29",
        exit=Exit.INCONCLUSIVE,
    )


def _by_scorer(scorer: str, labels: npt.NDArray[Any], answers: Answers) -> Callable[[Floats], Floats]:
    from sklearn.base import BaseEstimator
    from sklearn.metrics import get_scorer, get_scorer_names

    if scorer not in get_scorer_names():
        raise HarnessError(
            f'unknown scorer "{scorer}"',
            where="[tool.harness.retrain] primary",
            hint=did_you_mean(scorer, get_scorer_names()),
            code="E27",
        )
    measure = get_scorer(scorer)

    class Answered(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
        """An estimator that has answered already: `X` holds the positions of the cases."""

        _estimator_type = "classifier" if answers.classes else "regressor"
        classes_ = np.array(answers.classes)

        def fit(self, X: Any, y: Any = None) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def __sklearn_tags__(self) -> Any:
            tags = super().__sklearn_tags__()
            tags.estimator_type = self._estimator_type
            return tags

        def predict(self, X: Any) -> Any:
            return answers.prediction[X[:, 0]]

        def predict_proba(self, X: Any) -> Any:
            if answers.probability is None:
                raise ValueError("no output gives probabilities")
            return answers.probability[X[:, 0]]

    estimator, positions = Answered(), np.arange(len(labels)).reshape(-1, 1)

    def ask(weights: Floats) -> Floats:
        kept = (np.flatnonzero(row) for row in weights)
        try:
            with warnings.catch_warnings():
                # scikit-learn warns of what comes back as NaN, or as 0 by its own convention
                warnings.simplefilter("ignore")
                scores = [
                    -measure(estimator, positions[rows], labels[rows], sample_weight=row[rows])
                    for rows, row in zip(kept, weights, strict=True)
                ]
        except Exception as error:
            # a scorer is other people's code on our numbers: whatever it raises, there is no loss
            raise _impossible(scorer, error) from None
        return np.array(scores, dtype=np.float64)

    return ask
