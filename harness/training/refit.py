"""The model once more, without the features that it does not need: whatever was chosen on all of them stays chosen.

A step that chose two of five would refuse to choose two of two, or choose one of them, and a search among fewer
features might end elsewhere: either would be another model than the one that was asked what it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.training.config import Config, Step
from harness.training.data import Data
from harness.training.pipeline import Choice, pipeline, seeded
from harness.training.search import Found, calibrated, folds, place_of
from harness.training.selection import without


class Astray(Exception):
    """Why a model cannot be fitted without some features and remain what it is."""


def refitted(
    model: Any, found: Found | None, config: Config, data: Data, dropped: tuple[str, ...]
) -> tuple[Any, Data]:
    """The fitted `model` without the `dropped` features, and the data that it takes; `found` is what its search found.
    Raises Astray where a choice cannot be followed, or a step cannot do without the features."""
    left = without(data, dropped)
    try:
        made = [_like(one, found, config, data, left, rows) for one, rows in _fitted(model, config, data)]
        # fits on the way here drew from the common generators
        seeded(made[0], config.seed)
        if config.calibration is not None:
            return calibrated(made, config, left, config.seed), left
        return made[0].fit(left.frame[left.trained], left.target[left.trained]), left
    except (ValueError, TypeError, KeyError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Astray(f"the pipeline cannot be fitted without them: {said}") from None


def _fitted(model: Any, config: Config, data: Data) -> list[tuple[Any, Any]]:
    """The fitted pipelines of a model, one or one for each fold of its calibration, with the places of its rows."""
    rows = data.trained.nonzero()[0]
    if config.calibration is None:
        return [(model, rows)]
    cuts = folds(config, data, config.calibration.folds, config.seed)
    models = [one.estimator for one in model.calibrated_classifiers_]
    return [(one, rows[fitted]) for one, (fitted, _) in zip(models, cuts, strict=True)]


def _like(model: Any, found: Found | None, config: Config, data: Data, left: Data, rows: Any) -> Any:
    """A pipeline for the features that are `left`, not yet fitted, with what the fitted `model` chose of all of them on
    its rows."""
    chosen: dict[int, Choice] = {}
    offset = len(model.steps) - len(config.steps)

    def made() -> Any:
        whole = pipeline(config, left.inputs.names, left.dropped, chosen)
        return seeded(_as_found(whole, found, config, chosen), config.seed)

    for place, step in enumerate(config.steps, start=1):
        end = offset + place - 1
        choosing = model.steps[end][1]
        if step.columns:
            inner = choosing.named_transformers_["step"]
            if hasattr(inner, "get_support"):
                chosen[place] = _among(step.columns, inner.get_support(), left)
                continue
            choosing = inner
        elif hasattr(choosing, "get_support"):
            given = _names(model[:end], data, step)
            before = made()[:end]
            if end:
                before.fit(left.frame.iloc[rows], left.target[rows])
            kept = {name for name, stays in zip(given, choosing.get_support(), strict=True) if stays}
            still = [at for at, name in enumerate(_names(before, left, step)) if name in kept]
            one = model[: end + 1].transform(data.frame.iloc[rows[:1]])
            chosen[place] = Choice(tuple(still), frame=hasattr(one, "columns"))
            continue
        _refuse_hidden(choosing, step)
    return made()


def _as_found(whole: Any, found: Found | None, config: Config, chosen: Mapping[int, Choice]) -> Any:
    """With the parameters that a search found, but for those of steps that have nothing left to do or made their
    choice."""
    best = {}
    for name, value in found.best.items() if found is not None else ():
        at = [step.short for step in config.steps].index(name.partition(".")[0])
        step = whole.steps[len(whole.steps) - len(config.steps) + at][1]
        if at + 1 not in chosen and not isinstance(step, str):
            best[place_of(name, whole, config)] = value
    return whole.set_params(**best)


def _among(columns: tuple[str, ...], support: Any, left: Data) -> Choice:
    """The choice of a step that is limited to these columns."""
    pairs = [pair for pair in zip(columns, support, strict=True) if pair[0] not in left.dropped]
    return Choice(
        tuple(name for name, stays in pairs if stays), tuple(name for name, stays in pairs if not stays)
    )


def _names(before: Any, data: Data, step: Step) -> list[str]:
    """The names of the columns that a step is given by the fitted steps before it."""
    features = list(data.inputs.names)
    try:
        names = list(before.get_feature_names_out(features)) if len(before) else features
    except (AttributeError, ValueError):
        names = []
    # names that stand twice name no column
    if not names or len(set(names)) < len(names):
        raise Astray(
            f"what {step.short} chooses from has no names of its own; a FunctionTransformer before it gives them "
            'with feature_names_out = "one-to-one"'
        )
    return names


def _refuse_hidden(fitted: Any, step: Step) -> None:
    """Selecting steps inside of another would choose again, out of what is left."""
    if not hasattr(fitted, "get_params"):
        return
    for value in fitted.get_params(deep=True).values():
        if hasattr(type(value), "get_support"):
            raise Astray(f"{type(value).__name__} selects inside of {step.short}, and would select again")
