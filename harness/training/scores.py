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
    import numpy as np

    prediction = answers["prediction"]
    if config.task == "regression":
        error: npt.NDArray[np.float64] = prediction - labels
        spread = float(((labels - labels.mean()) ** 2).sum())
        found = {
            "mae": float(np.abs(error).mean()),
            "rmse": sqrt(float((error**2).mean())),
        }
        # R² of a constant target is undefined, and NaN is no JSON
        return found | ({"r2": 1 - float((error**2).sum()) / spread} if spread else {})
    found = {"accuracy": float((prediction == labels).mean())}
    if len(answers) > 1:
        truth = labels[:, None] == np.asarray(model.classes_)[None, :]
        chances = np.column_stack([column for name, column in answers.items() if name != "prediction"])
        brier = float(((chances - truth) ** 2).sum(axis=1).mean())
        found["brier"] = brier / 2 if len(model.classes_) == 2 else brier
    return found


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
