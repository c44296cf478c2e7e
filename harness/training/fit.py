"""The fit: a pipeline of stock steps, one seed, one thread, and what the held-out rows say of it.

Threads change the bits of linear models and the bytes of some others, so everything here runs on one.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from harness.errors import Exit, HarnessError, did_you_mean
from harness.schema import Field, Schema
from harness.training.config import DOORS, Config, Step
from harness.training.data import Data

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOVED_OVER = 0.01
"""A prediction has moved when it changed by more than this share of what it was."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted pipeline, what it gives, and what the held-out rows say: metrics, and the share of them that
    another seed alone moves by over 1%."""

    model: Any
    outputs: Schema
    metrics: Mapping[str, float]
    training_noise: float


def fit(config: Config, data: Data) -> Fitted:
    """Fit on the rows that are not held out; fit once more with the next seed, to know the noise of training."""
    from threadpoolctl import threadpool_limits

    # only pools of libraries that are loaded already can be limited: all that the steps need is imported before
    pipeline(config, data.inputs.names)
    with threadpool_limits(1), _refusals(config):
        model = _fit(config, data, config.seed)
        unseen = data.frame[data.held_out]
        answers = _answers(model, unseen, config)
        again = _answers(_fit(config, data, config.seed + 1), unseen, config)
        metrics = _metrics(model, answers, data.target[data.held_out], config)
    return Fitted(model, _outputs(model, data, answers), metrics, moved(answers, again))


def pipeline(config: Config, features: tuple[str, ...] = ()) -> Any:
    """The pipeline that a configuration describes, not yet fitted nor seeded. Raises HarnessError for a step that
    does not exist, or does not take a parameter."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    steps = []
    for place, step in enumerate(config.steps, start=1):
        where = f"{config.path}: [[steps]] {place}"
        made = _make(step, where)
        last = place == len(config.steps)
        if not hasattr(made, "predict" if last else "transform"):
            raise HarnessError(
                f"{step.short} cannot stand {'last' if last else 'before another step'}: it does not "
                f"{'predict' if last else 'transform'}",
                where=where,
                hint="transformers first, one model at the end",
            )
        if step.columns:
            if last:
                raise HarnessError(
                    "the model itself takes no columns",
                    where=where,
                    hint="name the columns as features under [data]",
                )
            for name in step.columns if place == 1 and features else ():
                if name not in features:
                    raise HarnessError(f'no feature "{name}"', where=where, hint=did_you_mean(name, features))
            made = ColumnTransformer(
                [("step", made, list(step.columns))], remainder="passthrough", verbose_feature_names_out=False
            ).set_output(transform="pandas")
        steps.append((f"{place}-{step.short}", made))
    return Pipeline(steps)


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


def _make(step: Step, where: str) -> Any:
    module, _, name = step.name.rpartition(".")
    try:
        room = importlib.import_module(module)
    except ImportError as error:
        raise HarnessError(
            f"cannot import {module}: {error}",
            where=where,
            hint="mend the name, or add the library to the lock file",
        ) from None
    found: Any = getattr(room, name, None)
    ours = inspect.isclass(found) and found.__module__.partition(".")[0] in DOORS
    if not ours or not hasattr(found, "fit"):
        # deprecated names warn when they are looked at, so only the spelling is compared
        near = difflib.get_close_matches(name, dir(room), n=1)
        raise HarnessError(
            f"{module} has no step {name}",
            where=where,
            hint=f'did you mean "{near[0]}"?' if near else f"look for it in the documentation of {module}",
        )
    known = [name for name in inspect.signature(found).parameters if name != "random_state"]
    for key in step.parameters:
        if key not in known:
            raise HarnessError(f'{name} takes no "{key}"', where=where, hint=did_you_mean(key, known))
    return found(**step.parameters)


def _fit(config: Config, data: Data, seed: int) -> Any:
    import numpy as np

    model = pipeline(config, data.inputs.names)
    seeds = {name: seed for name in model.get_params(deep=True) if name.endswith("random_state")}
    model.set_params(**seeds)
    # steps that draw without a random_state draw from these
    random.seed(seed)
    np.random.seed(seed)
    return model.fit(data.frame[data.trained], data.target[data.trained])


@contextlib.contextmanager
def _refusals(config: Config) -> Iterator[None]:
    """What a step refuses, as an error of ours."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise HarnessError(
            f"the pipeline refuses the data: {(str(error).strip() or type(error).__name__).splitlines()[0]}",
            where=f"{config.path}: [[steps]]",
            hint="mend the parameters, or add a step that prepares the data for the next",
        ) from error


def _answers(model: Any, frame: Any, config: Config) -> dict[str, Any]:
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


def _metrics(model: Any, answers: Mapping[str, Any], labels: Any, config: Config) -> dict[str, float]:
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


def _outputs(model: Any, data: Data, answers: Mapping[str, Any]) -> Schema:
    categories = tuple(model.classes_.tolist()) if data.target_kind == "str" else ()
    prediction = Field("prediction", data.target_kind, categories=categories)
    chances = [Field(name, "float", minimum=0.0, maximum=1.0) for name in answers if name != "prediction"]
    return Schema((prediction, *chances))
