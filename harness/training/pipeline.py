"""The pipeline that a configuration describes: stock steps by name, not yet fitted."""

from __future__ import annotations

import difflib
import importlib
import inspect
import random
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.training import shipped
from harness.training.config import DOORS, Config, Step
from harness.training.config.recipes import RecipesSection
from harness.training.config.steps import FUNCTIONS


@dataclass(frozen=True, slots=True)
class Choice:
    """What a selecting step chose: the places of the columns that it took among those that it is given (`frame`: it
    gives them as a frame); or, where it is limited to `columns`, the names of those of them that it took, and of those
    that it `left`."""

    taken: tuple[int, ...] | tuple[str, ...]
    left: tuple[str, ...] | None = None
    frame: bool = False


def pipeline(
    config: Config,
    features: tuple[str, ...] = (),
    dropped: tuple[str, ...] = (),
    chosen: Mapping[int, Choice] | None = None,
) -> Any:
    """The pipeline that a configuration describes, not yet fitted nor seeded, without the `dropped` features. A step
    whose number is in `chosen` makes that choice and no other. Raises HarnessError for a step that does not exist, or
    does not take a parameter."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    recipes = config.recipes or RecipesSection()
    made_of = recipes.made()
    # what a recipe makes of a dropped feature is gone with it
    gone = {*dropped, *(name for name, sources in made_of.items() if set(sources) & set(dropped))}
    steps = []
    if made_of:
        steps.append(("0-Derived", derived(config, dropped)))
    for place, step in enumerate(config.steps, start=1):
        where = f"{config.path}: [[steps]] {place}"
        step = _without(step, gone)
        # a step that was told to look at dropped features alone has nothing left to do, and might refuse to be made
        if config.steps[place - 1].parameters.get("variables") and not step.parameters["variables"]:
            steps.append((f"{place}-{step.short}", "passthrough"))
            continue
        made = _make(step, where, config.package)
        last = place == len(config.steps)
        # of the class, since some only know that they predict once they are fitted
        if not hasattr(type(made), "predict" if last else "transform"):
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
                if name not in (known := (*features, *dropped, *made_of)):
                    raise HarnessError(f'no feature "{name}"', where=where, hint=did_you_mean(name, known))
            columns = [name for name in step.columns if name not in gone]
            made = ColumnTransformer(
                [("step", made, columns)], remainder="passthrough", verbose_feature_names_out=False
            ).set_output(transform="pandas")
        if place in (chosen or {}):
            made = _choosing((chosen or {})[place])
        steps.append((f"{place}-{step.short}", made))
    return Pipeline(steps)


def seeded(pipe: Any, seed: int) -> Any:
    """The pipeline with the seed in each step that takes one; steps that draw without one draw from generators that are
    seeded here as well."""
    import numpy as np

    # a random_state on its way out of scikit-learn warns when it is set
    names = [
        name
        for name, value in pipe.get_params(deep=True).items()
        if name.endswith("random_state") and not (isinstance(value, str) and value == "deprecated")
    ]
    random.seed(seed)
    np.random.seed(seed)
    return pipe.set_params(**dict.fromkeys(names, seed))


def _choosing(choice: Choice) -> Any:
    """The step that makes a choice: what a selecting step would give, in the same order."""
    from sklearn.compose import ColumnTransformer

    if choice.left is None:
        made = ColumnTransformer(
            [("chosen", "passthrough", list(choice.taken))], verbose_feature_names_out=False
        )
        return made.set_output(transform="pandas") if choice.frame else made
    return ColumnTransformer(
        [("chosen", "passthrough", list(choice.taken)), ("left", "drop", list(choice.left))],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


def _without(step: Step, gone: Set[str]) -> Step:
    """The step without columns that are gone among its `variables`, as feature-engine calls what it looks at."""
    named = step.parameters.get("variables")
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not gone & set(map(str, named)):
        return step
    return replace(
        step, parameters={**step.parameters, "variables": [one for one in named if one not in gone]}
    )


def derived(config: Config, dropped: tuple[str, ...] = ()) -> Any:
    """The step that follows the recipes, without those that need a dropped feature."""
    recipes = (config.recipes or RecipesSection()).without(dropped)
    return shipped.load("Derived", config.package)(
        calendar=dict(recipes.calendar), elapsed=dict(recipes.elapsed), ratios=dict(recipes.ratios)
    )


def _make(step: Step, where: str, package: str) -> Any:
    found = _found(step, where, package)
    asked = inspect.signature(found).parameters
    known = [name for name in asked if name != "random_state"]
    for key in step.parameters:
        if key not in known:
            guesses = (*known, "columns", "step")
            raise HarnessError(f'{step.short} takes no "{key}"', where=where, hint=did_you_mean(key, guesses))
    for key in known:
        needed = asked[key].default is inspect.Parameter.empty and _named(asked[key])
        if needed and key not in step.parameters:
            inner = '{ step = "sklearn.…" }' if key == "estimator" else "…"
            raise HarnessError(
                f'{step.short} needs "{key}"',
                where=where,
                hint=f"add {key} = {inner}, as its documentation says",
            )
    return found(**{key: _value(value, f"{where}: {key}", package) for key, value in step.parameters.items()})


def _found(step: Step, where: str, package: str) -> Any:
    """The class of a step."""
    module, _, name = step.name.rpartition(".")
    if module == shipped.DOOR:
        return shipped.load(name, package)
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
    return found


def _named(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _value(value: Any, where: str, package: str) -> Any:
    """A parameter as the step takes it: a table with `step` is a step of its own, one with `function` a function, a
    list in a list a tuple."""
    if isinstance(value, dict):
        if "step" in value:
            inner = {key: one for key, one in value.items() if key != "step"}
            return _make(Step(value["step"], inner), where, package)
        if "function" in value:
            return _function(value["function"], where)
        return {key: _value(one, where, package) for key, one in value.items()}
    if isinstance(value, list):
        return [
            tuple(_value(one, where, package) for one in inner)
            if isinstance(inner, list)
            else _value(inner, where, package)
            for inner in value
        ]
    return value


def _function(name: str, where: str) -> Any:
    """A function of the libraries by its full name, such as a score that features are selected by."""
    module, _, short = name.rpartition(".")
    try:
        room = importlib.import_module(module)
    except ImportError:
        room = None
    found = getattr(room, short, None)
    if not callable(found) or inspect.isclass(found) or name.partition(".")[0] not in FUNCTIONS:
        near = difflib.get_close_matches(short, dir(room), n=1)
        raise HarnessError(
            f"there is no function {name}",
            where=where,
            hint=f'did you mean "{near[0]}"?' if near else "mend the name",
        )
    return found
