"""What held-out rows say of a model: its answers, their losses, how far others lie from them."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING, Any

from harness.errors import Exit, HarnessError
from harness.training.config import Config

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

RESAMPLES = 1_000
MANY = 20_000
LEVELS = 20
LEAST = 30

MOVED_OVER = 0.01
"""A prediction has moved when it changed by more than this share of what it was."""


def answers_of(model: Any, frame: Any, config: Config) -> dict[str, Any]:
    """What the version package will answer: the prediction, and the probability of each label where there is one."""
    import numpy as np

    prediction = model.predict(frame)
    if config.task == "regression":
        prediction = np.asarray(prediction, dtype=np.float64).reshape(-1)
        wild = int((~np.isfinite(prediction)).sum())
        if wild:
            raise HarnessError(
                f"{wild} of {len(prediction)} predictions on held-out rows are not finite",
                where=f"{config.path}: [[steps]]",
                hint="scale the features, or regularise the model",
                exit=Exit.INCONCLUSIVE,
            )
        return {"prediction": prediction}
    if not hasattr(model, "classes_"):
        raise HarnessError(
            f"{config.steps[-1].short} is no classifier",
            where=f"{config.path}: [[steps]] {len(config.steps)}",
            hint='choose one, or say task = "regression"',
        )
    answers = {"prediction": prediction}
    if hasattr(model, "predict_proba"):
        chances = np.asarray(model.predict_proba(frame), dtype=np.float64)
        answers |= {f"probability_{label}": chances[:, i] for i, label in enumerate(model.classes_)}
    return answers


def metrics_of(model: Any, answers: Mapping[str, Any], labels: Any, config: Config) -> dict[str, float]:
    """The metrics of a model whose answers to rows with these labels are known: mae, rmse and r2, or accuracy, and
    brier where it gives probabilities."""
    found = {name: _metric(name, rows) for name, rows in losses_of(model, answers, labels, config).items()}
    if config.task == "regression":
        # R² of a constant target is undefined, and NaN is no JSON
        spread = float(((labels - labels.mean()) ** 2).sum())
        found |= {"r2": 1 - float(((answers["prediction"] - labels) ** 2).sum()) / spread} if spread else {}
    return found


def losses_of(model: Any, answers: Mapping[str, Any], labels: Any, config: Config) -> dict[str, Floats]:
    """What each row adds to a metric, of shape (n,): absolute and squared errors; hits, and Brier's squares."""
    import numpy as np

    prediction = answers["prediction"]
    if config.task == "regression":
        error = prediction - labels
        return {"mae": np.abs(error), "rmse": error**2}
    found = {"accuracy": (prediction == labels).astype(np.float64)}
    if len(answers) > 1:
        truth = labels[:, None] == np.asarray(model.classes_)[None, :]
        chances = np.column_stack([column for name, column in answers.items() if name != "prediction"])
        brier = ((chances - truth) ** 2).sum(axis=1)
        found["brier"] = brier / 2 if len(model.classes_) == 2 else brier
    return found


def intervals_of(losses: Mapping[str, Floats], seed: int) -> dict[str, tuple[float, float]]:
    """95% intervals of the metrics that are means of rows: the percentiles of RESAMPLES bootstrap samples; above MANY
    rows, of as many that are drawn from the mean's normal distribution, which it then is."""
    import numpy as np

    found = {}
    for name, rows in sorted(losses.items()):
        random = np.random.default_rng(seed)
        n = len(rows)
        if n <= MANY:
            means = np.array([rows[random.integers(0, n, n)].mean() for _ in range(RESAMPLES)])
        else:
            means = random.normal(rows.mean(), rows.std() / sqrt(n), RESAMPLES)
        low, high = np.percentile(np.maximum(means, 0.0), [2.5, 97.5])
        found[name] = (_of_mean(name, float(low)), _of_mean(name, float(high)))
    return found


def slices_of(frame: Any, kinds: Mapping[str, str], losses: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """The metrics within each category of the texts with at most LEVELS of them, as far as it has LEAST rows."""
    found = []
    for name in (name for name, kind in kinds.items() if kind == "str"):
        places, levels = frame[name].factorize()
        for place in sorted(range(len(levels)), key=levels.__getitem__) if len(levels) <= LEVELS else ():
            level, rows = levels[place], places == place
            if rows.sum() >= LEAST:
                metrics = {loss: _metric(loss, values[rows]) for loss, values in losses.items()}
                found.append({"column": name, "value": level, "rows": int(rows.sum()), **metrics})
    return found


def _metric(name: str, rows: Floats) -> float:
    return _of_mean(name, float(rows.mean()))


def _of_mean(name: str, mean: float) -> float:
    return sqrt(mean) if name == "rmse" else mean


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """The share of rows any of whose answers changed: numbers by over 1% of what they were, all else at all."""
    import numpy as np

    changed = np.zeros(len(next(iter(before.values()))), dtype=bool)
    for name, old in before.items():
        new = after[name]
        if old.dtype.kind == "f":
            changed |= ~(np.abs(new - old) <= MOVED_OVER * np.abs(old))
        else:
            changed |= old != new
    return float(changed.mean())
