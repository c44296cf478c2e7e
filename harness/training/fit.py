"""The fit: a pipeline of stock steps, one seed, one thread, and what the held-out rows say of it.

Threads change the bits of linear models and the bytes of some others, so everything here runs on one.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.schema import Field, Schema
from harness.training.config import Config
from harness.training.data import Data
from harness.training.pipeline import pipeline
from harness.training.scores import answers_of, metrics_of, moved


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
        answers = answers_of(model, unseen, config)
        again = answers_of(_fit(config, data, config.seed + 1), unseen, config)
        metrics = metrics_of(model, answers, data.target[data.held_out], config)
    return Fitted(model, _outputs(model, data, answers), metrics, moved(answers, again))


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


def _outputs(model: Any, data: Data, answers: Mapping[str, Any]) -> Schema:
    categories = tuple(model.classes_.tolist()) if data.target_kind == "str" else ()
    prediction = Field("prediction", data.target_kind, categories=categories)
    chances = [Field(name, "float", minimum=0.0, maximum=1.0) for name in answers if name != "prediction"]
    return Schema((prediction, *chances))
