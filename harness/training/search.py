"""The search for parameters, and calibration: both by folds of the trained rows, which follow the split's own rule."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config import Config
from harness.training.data import Data


@dataclass(frozen=True, slots=True)
class Found:
    """The best of the candidates by their mean score over the folds, and how far apart the folds were; and the seconds
    that it took beyond the fit of the best, which no two runs agree in and nothing keeps."""

    best: Mapping[str, Any]
    score: float
    deviation: float
    scoring: str
    candidates: int
    folds: int
    seconds: float = field(default=0.0, compare=False)

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {
            "best": dict(self.best),
            "score": self.score,
            "deviation": self.deviation,
            "scoring": self.scoring,
            "candidates": self.candidates,
            "folds": self.folds,
        }


def searched(model: Any, config: Config, data: Data, seed: int) -> tuple[Any, Found]:
    """The pipeline with the best parameters of `[search]`, fitted on every trained row."""
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

    assert config.search is not None
    section = config.search
    space = {place_of(name, model, config): values for name, values in section.parameters.items()}
    scoring = section.scoring or _default(model, config)
    _check_scoring(scoring, config)
    options: dict[str, Any] = {
        "scoring": scoring,
        "cv": folds(config, data, section.folds, seed),
        "error_score": "raise",
        "n_jobs": 1,
    }
    if section.method == "grid":
        search = GridSearchCV(model, space, **options)
    else:
        drawn = {name: _drawn(values) for name, values in space.items()}
        # a search may not draw more often than there are choices
        sizes = [len(values) if isinstance(values, list) else section.trials for values in drawn.values()]
        most = min(section.trials, _product(sizes))
        search = RandomizedSearchCV(model, drawn, n_iter=most, random_state=seed, **options)
    rows = data.trained
    began = time.perf_counter()
    search.fit(data.frame[rows], data.target[rows])
    seconds = time.perf_counter() - began - search.refit_time_
    place = search.best_index_
    names = {place_of(name, model, config): name for name in section.parameters}
    best = {names[name]: _plain(value) for name, value in sorted(search.best_params_.items())}
    spread = float(search.cv_results_["std_test_score"][place])
    found = Found(
        best,
        float(search.best_score_),
        spread,
        scoring,
        len(search.cv_results_["params"]),
        section.folds,
        seconds,
    )
    return search.best_estimator_, found


def calibrated(models: Sequence[Any], config: Config, data: Data, seed: int) -> Any:
    """A classifier whose probabilities are calibrated as `[calibration]` says, fitted: each of its folds has one of the
    `models`, or all have the only one."""
    from sklearn.base import clone
    from sklearn.calibration import CalibratedClassifierCV

    assert config.calibration is not None
    section = config.calibration
    cuts = folds(config, data, section.folds, seed)
    frame, target = data.frame[data.trained], data.target[data.trained]
    parts = [
        CalibratedClassifierCV(clone(one), method=section.method, cv=[cut], ensemble=True, n_jobs=1).fit(
            frame, target
        )
        for one, cut in zip(models if len(models) > 1 else [models[0]] * len(cuts), cuts, strict=True)
    ]
    # as scikit-learn fits it when it is given all the folds at once; their rows are no part of a version
    whole = parts[0].set_params(cv=section.folds)
    whole.calibrated_classifiers_ = [part.calibrated_classifiers_[0] for part in parts]
    return whole


def folds(config: Config, data: Data, count: int, seed: int) -> list[tuple[Any, Any]]:
    """(fitted on, scored on) as places among the trained rows. Rows of a group stay together, no fold is scored by
    rows from before those that it was fitted on, and labels are spread evenly."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

    rows = data.trained
    labels = data.target[rows]
    if config.split.time:
        order = data.order[rows].argsort(kind="stable")
        return [
            (order[before], order[after]) for before, after in TimeSeriesSplit(n_splits=count).split(order)
        ]
    if config.split.group:
        return list(GroupKFold(n_splits=count).split(labels, groups=data.order[rows]))
    if config.task == "classification":
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(labels, labels))
    return list(KFold(count, shuffle=True, random_state=seed).split(labels))


def place_of(name: str, model: Any, config: Config) -> str:
    """`Ridge.alpha` as the pipeline names it. HarnessError where it names no step, or several, or no parameter."""
    short, _, key = name.partition(".")
    steps = [place for place, step in enumerate(config.steps) if step.short == short]
    where = f"{config.path}: [search] parameters"
    if len(steps) != 1 or not key:
        known = [step.short for step in config.steps]
        raise HarnessError(
            f"{name} names {'several steps' if len(steps) > 1 else 'no parameter' if steps else 'no step'}",
            where=where,
            hint="write it as Ridge.alpha; " + did_you_mean(short, known),
        )
    # recipes stand before the steps of the configuration
    label, made = model.steps[len(model.steps) - len(config.steps) + steps[0]]
    inner = "step__" if config.steps[steps[0]].columns else ""
    known = [one.removeprefix(inner) for one in made.get_params() if one.startswith(inner)]
    if key not in known:
        raise HarnessError(f'{short} takes no "{key}"', where=where, hint=did_you_mean(key, known))
    return f"{label}__{inner}{key}"


def _default(model: Any, config: Config) -> str:
    if config.task == "regression":
        return "neg_mean_absolute_error"
    return "neg_log_loss" if hasattr(model, "predict_proba") else "accuracy"


def _check_scoring(scoring: str, config: Config) -> None:
    from sklearn.metrics import get_scorer_names

    if scoring not in get_scorer_names():
        raise HarnessError(
            f'unknown scoring "{scoring}"',
            where=f"{config.path}: [search]",
            hint=did_you_mean(scoring, get_scorer_names()),
        )


def _drawn(values: Any) -> Any:
    if isinstance(values, list):
        return values
    from scipy.stats import loguniform, randint, uniform

    low, high = values["low"], values["high"]
    if values.get("log"):
        return loguniform(low, high)
    if isinstance(low, int) and isinstance(high, int):
        return randint(low, high + 1)
    return uniform(low, high - low)


def _product(sizes: list[int]) -> int:
    product = 1
    for size in sizes:
        product *= size
    return product


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
