"""The fit: a pipeline of stock steps, one seed, one thread, and what the held-out rows say of it.

Threads change the bits of linear models and the bytes of some others, so everything here runs on one.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.schema import Field, Schema
from harness.training.config import Config
from harness.training.data import Data
from harness.training.pipeline import pipeline
from harness.training.reference import references
from harness.training.scores import answers_of, intervals_of, losses_of, metrics_of, moved, slices_of
from harness.training.search import Found, calibrated, searched


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted pipeline, what it gives, and what the held-out rows say: metrics and their 95% intervals, those of
    simpler models, the share of rows that another seed alone moves by over 1%; and what a search found."""

    model: Any
    outputs: Schema
    metrics: Mapping[str, float]
    training_noise: float
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    references: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    search: Found | None = None
    slices: tuple[Mapping[str, Any], ...] = ()

    def evaluation(self) -> dict[str, Any]:
        """What the held-out rows and a search say beyond the metrics, as the manifest has it."""
        found: dict[str, Any] = {
            "intervals": {name: list(both) for name, both in self.intervals.items()},
            "references": {name: dict(metrics) for name, metrics in self.references.items()},
        }
        if self.slices:
            found["slices"] = [dict(one) for one in self.slices]
        if self.search is not None:
            found["search"] = self.search.to_json()
        return found


def fit(config: Config, data: Data) -> Fitted:
    """Fit on the rows that are not held out; fit once more with the next seed, to know the noise of training."""
    from threadpoolctl import threadpool_limits

    # only pools of libraries that are loaded already can be limited: all that the steps need is imported before
    pipeline(config, data.inputs.names)
    with threadpool_limits(1), _refusals(config):
        model, found = _fit(config, data, config.seed)
        unseen, truth = data.frame[data.held_out], data.target[data.held_out]
        answers = answers_of(model, unseen, config)
        again = answers_of(_fit(config, data, config.seed + 1)[0], unseen, config)
        losses = losses_of(model, answers, truth, config)
        kinds = {one.name: one.kind for one in data.inputs}
        return Fitted(
            model,
            _outputs(model, data, answers),
            metrics_of(model, answers, truth, config),
            moved(answers, again),
            intervals_of(losses, config.seed),
            references(config, data),
            found,
            tuple(slices_of(unseen, kinds, losses)),
        )


def _fit(config: Config, data: Data, seed: int) -> tuple[Any, Found | None]:
    import numpy as np

    model = pipeline(config, data.inputs.names)
    seeds = {name: seed for name in model.get_params(deep=True) if name.endswith("random_state")}
    model.set_params(**seeds)
    # steps that draw without a random_state draw from these
    random.seed(seed)
    np.random.seed(seed)
    found = None
    if config.search is not None:
        model, found = searched(model, config, data, seed)
    if config.calibration is not None:
        model = calibrated(model, config, data, seed)
    elif found is None:
        model.fit(data.frame[data.trained], data.target[data.trained])
    return model, found


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
