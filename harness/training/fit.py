"""The fit: a pipeline of stock steps, one seed, one thread, and what the held-out rows say of it.

Threads change the bits of linear models and the bytes of some others, so everything here runs on one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.schema import Field, Schema
from harness.training.assumptions import assumptions_of
from harness.training.config import Config
from harness.training.data import Data
from harness.training.durations import Durations
from harness.training.outliers import outliers_of
from harness.training.pipeline import pipeline, seeded
from harness.training.reference import references
from harness.training.refit import Astray, refitted
from harness.training.refusals import refusals
from harness.training.scores import answers_of, intervals_of, losses_of, metrics_of, moved, slices_of
from harness.training.search import Found, calibrated, searched
from harness.training.selection import Selected, selected


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted pipeline, the data that it takes (without features that were dropped), what it gives, and what the
    held-out rows say: metrics and their 95% intervals, those of simpler models, the share of rows that another seed
    alone moves by over 1%; and what a search found."""

    model: Any
    data: Data
    outputs: Schema
    metrics: Mapping[str, float]
    training_noise: float
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    references: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    search: Found | None = None
    slices: tuple[Mapping[str, Any], ...] = ()
    pools: tuple[Mapping[str, Any], ...] = ()
    replicas: tuple[float, ...] = ()
    selection: Selection | None = None
    outliers: tuple[Mapping[str, Any], ...] = ()
    assumptions: Mapping[str, Any] | None = None

    def evaluation(self) -> dict[str, Any]:
        """What the held-out rows and a search say beyond the metrics, as the manifest has it."""
        found: dict[str, Any] = {
            "intervals": {name: list(both) for name, both in self.intervals.items()},
            "references": {name: dict(metrics) for name, metrics in self.references.items()},
        }
        if self.slices:
            found["slices"] = [dict(one) for one in self.slices]
        if len(self.replicas) > 1:
            found["replicas"] = list(self.replicas)
        if self.selection is not None:
            found["selection"] = self.selection.to_json()
        if self.outliers:
            found["outliers"] = [dict(one) for one in self.outliers]
        if self.assumptions is not None:
            found["assumptions"] = dict(self.assumptions)
        if self.search is not None:
            found["search"] = self.search.to_json()
        if self.pools:
            found["threads"] = [dict(one) for one in self.pools]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What was selected and what it pays: the metrics before, and the seconds of a fit before and after. Seconds are
    told and not kept, since no two runs agree in them."""

    found: Selected
    metrics: Mapping[str, float]
    seconds: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {**self.found.to_json(), "metrics_before": dict(self.metrics)}


def fit(
    config: Config,
    data: Data,
    far: Callable[[int, int], None] = lambda done, total: None,
    durations: Durations | None = None,
) -> Fitted:
    """Fit on the rows that are not held out, then again with other seeds, to know the noise of training. `far` hears
    how many fits of how many are done, `durations` how long they took."""
    from threadpoolctl import threadpool_limits

    took = durations or Durations()
    with took.of("loading the steps"):
        # only pools of libraries that are loaded already can be limited: all that the steps need is imported before
        pipeline(config, data.inputs.names)
    counted = _Counted(1 + config.replicas + (config.selection.resamples if config.selection else 0), far)
    with threadpool_limits(1), refusals(config, data):
        began = time.perf_counter()
        with took.of("fitting"):
            model, found = counted.fit(config, data, config.seed)
        seconds = time.perf_counter() - began
        selection, whole = None, data
        if config.selection is not None:
            with took.of("selecting"):
                model, data, selection = _selected(config, model, found, data, seconds, counted)
        truth = data.target[data.held_out]
        with took.of("asking the held-out rows"):
            answers = answers_of(model, data.frame[data.held_out], config)
        noise = []
        with took.of("other seeds"):
            for seed in range(config.seed + 1, config.seed + 1 + config.replicas):
                # another training would be given all features, and choose for itself
                other = counted.fit(config, whole, seed)[0]
                # the rows are cut again for each: kept, they would stand beside every fit
                noise.append(moved(answers, answers_of(other, whole.frame[whole.held_out], config)))
        with took.of("judging the held-out rows"):
            losses = losses_of(model, answers, truth, config)
            kinds = {one.name: one.kind for one in data.inputs}
            metrics = metrics_of(model, answers, truth, config)
            intervals = intervals_of(losses, config.seed)
            slices = tuple(slices_of(data.frame[data.held_out], kinds, losses))
        with took.of("simpler models"):
            simpler = references(config, data)
        with took.of("outliers and assumptions"):
            outliers, assumptions = tuple(outliers_of(data)), assumptions_of(model, data)
        return Fitted(
            model,
            data,
            _outputs(model, data, answers),
            metrics,
            sum(noise) / len(noise),
            intervals,
            simpler,
            found,
            slices,
            _pools(),
            tuple(noise),
            selection,
            outliers,
            assumptions,
        )


class _Counted:
    """Fits that are counted, of which `total` are foreseen."""

    def __init__(self, total: int, far: Callable[[int, int], None]) -> None:
        self.total, self.done, self._far = total, 0, far

    def fit(self, config: Config, data: Data, seed: int) -> tuple[Any, Found | None]:
        """As `_fit`, and one more is done."""
        made = _fit(config, data, seed)
        self.done += 1
        self._far(self.done, self.total)
        return made


def _selected(
    config: Config, model: Any, found: Found | None, data: Data, seconds: float, counted: _Counted
) -> tuple[Any, Data, Selection]:
    """The pipeline without what it does not need, and what that pays."""
    assert config.selection is not None
    unseen, truth = data.frame[data.held_out], data.target[data.held_out]
    metrics = metrics_of(model, answers_of(model, unseen, config), truth, config)
    chosen = selected(
        model,
        data,
        lambda other, seed: counted.fit(config, other, seed)[0],
        config.selection.resamples,
        config.seed,
    )
    # what was found stays found, and is not looked for again
    seconds -= found.seconds if found is not None else 0.0
    after = seconds
    # a model that looks at nothing needs nothing; it is left as it is, since a version takes something
    if config.selection.drop_unneeded and chosen.dropped and chosen.kept:
        began = time.perf_counter()
        try:
            model, data = refitted(model, found, config, data, chosen.dropped)
            after = time.perf_counter() - began
        except Astray as astray:
            chosen = replace(chosen, stay=str(astray))
    return model, data, Selection(chosen, metrics, (seconds, after))


def _fit(config: Config, data: Data, seed: int) -> tuple[Any, Found | None]:
    model = seeded(pipeline(config, data.inputs.names, data.dropped), seed)
    found = None
    if config.search is not None:
        model, found = searched(model, config, data, seed)
    if config.calibration is not None:
        model = calibrated([model], config, data, seed)
    elif found is None:
        model.fit(data.frame[data.trained], data.target[data.trained])
    return model, found


def _outputs(model: Any, data: Data, answers: Mapping[str, Any]) -> Schema:
    categories = tuple(model.classes_.tolist()) if data.target_kind == "str" else ()
    prediction = Field("prediction", data.target_kind, categories=categories)
    chances = [Field(name, "float", minimum=0.0, maximum=1.0) for name in answers if name != "prediction"]
    return Schema((prediction, *chances))


def _pools() -> tuple[dict[str, Any], ...]:
    """The libraries that calculate here, with their number of threads and the processor kernel that they chose: linear
    models differ between kernels in their last bits."""
    from threadpoolctl import threadpool_info

    names = ("internal_api", "version", "architecture", "num_threads")
    found = {tuple((name, pool[name]) for name in names if pool.get(name)) for pool in threadpool_info()}
    return tuple(dict(pool) for pool in sorted(found, key=str))
