"""The pipeline that a configuration describes: stock steps by name, not yet fitted."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config import DOORS, Config, Step


def pipeline(config: Config, features: tuple[str, ...] = (), dropped: tuple[str, ...] = ()) -> Any:
    """The pipeline that a configuration describes, not yet fitted nor seeded, without the `dropped` features. Raises
    HarnessError for a step that does not exist, or does not take a parameter."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    steps = []
    for place, step in enumerate(config.steps, start=1):
        where = f"{config.path}: [[steps]] {place}"
        made = _make(step, where)
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
                if name not in (*features, *dropped):
                    raise HarnessError(f'no feature "{name}"', where=where, hint=did_you_mean(name, features))
            columns = [name for name in step.columns if name not in dropped]
            made = ColumnTransformer(
                [("step", made, columns)], remainder="passthrough", verbose_feature_names_out=False
            ).set_output(transform="pandas")
        steps.append((f"{place}-{step.short}", made))
    return Pipeline(steps)


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
    asked = inspect.signature(found).parameters
    known = [key for key in asked if key != "random_state"]
    for key in step.parameters:
        if key not in known:
            raise HarnessError(f'{name} takes no "{key}"', where=where, hint=did_you_mean(key, known))
    for key in known:
        if (
            asked[key].default is inspect.Parameter.empty
            and key not in step.parameters
            and _named(asked[key])
        ):
            inner = '{ step = "sklearn.…" }'
            raise HarnessError(
                f'{name} needs "{key}"',
                where=where,
                hint=f"add {key} = {inner if key == 'estimator' else '…'}, as its documentation says",
            )
    return found(**{key: _value(value, f"{where}: {key}") for key, value in step.parameters.items()})


def _named(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _value(value: Any, where: str) -> Any:
    """A parameter as the step takes it: a table with `step` is a step of its own, a list in a list a tuple."""
    if isinstance(value, dict):
        if "step" in value:
            return _make(
                Step(value["step"], {key: one for key, one in value.items() if key != "step"}), where
            )
        return {key: _value(one, where) for key, one in value.items()}
    if isinstance(value, list):
        return [
            tuple(_value(one, where) for one in inner) if isinstance(inner, list) else _value(inner, where)
            for inner in value
        ]
    return value
