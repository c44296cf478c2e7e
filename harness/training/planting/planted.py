"""What each planted fault does, to the rows that are asked about, to the answers, or to the model.

This file is copied whole into the package that it spoils, since a version has to carry its own code: it imports pandas
and numpy, and nothing else of anybody's.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any


def before(frame: Any, fault: dict[str, Any]) -> Any:
    """The rows as the model gets to see them. `fault` is a recipe as planted.json has it; the frame is left alone."""
    name, column = fault["fault"], fault.get("column")
    frame = frame.copy()
    hit = _rows(frame, fault)
    if name == "rare-category":
        frame[column] = frame[column].astype(object)
        frame.loc[frame[column] == fault["category"], column] = fault["to"]
    elif name == "lost-indicator":
        frame[column] = frame[column].fillna(fault["value"])
    elif name == "unit-error":
        frame[column] = frame[column].astype("float64")
        frame.loc[hit, column] = frame.loc[hit, column] * fault["factor"]
    elif name == "clip" and column:
        frame[column] = frame[column].clip(upper=fault["at"])
    elif name == "swap":
        frame[column], frame[fault["other"]] = frame[fault["other"]].copy(), frame[column].copy()
    elif name == "float32" and column:
        frame[column] = frame[column].astype("float32").astype("float64")
    elif name == "interaction":
        frame[fault["other"]] = frame[fault["other"]].astype(
            object if isinstance(fault["value"], str) else "float64"
        )
        frame.loc[hit, fault["other"]] = fault["value"]
    elif name == "skew":
        frame[column] = frame[column].astype("float64") * fault["factor"] + fault["shift"]
    return frame


def after(answers: Any, fault: dict[str, Any]) -> Any:
    """The answers as they leave the version, a frame or records."""
    import pandas as pd

    if fault.get("column") or fault["fault"] not in ("clip", "float32"):
        return answers
    if not isinstance(answers, pd.DataFrame):
        # a record without a prediction says why it has none
        return [
            {**one, "prediction": _cut(pd.Series([one["prediction"]]), fault).iloc[0].item()}
            if "prediction" in one
            else one
            for one in answers
        ]
    return answers.assign(prediction=_cut(answers["prediction"], fault))


def _cut(numbers: Any, fault: dict[str, Any]) -> Any:
    if fault["fault"] == "clip":
        return numbers.clip(upper=fault["at"])
    return numbers.astype("float32").astype("float64")


def touch(model: Any, fault: dict[str, Any]) -> None:
    """Move the first threshold of one tree of the loaded model: every row between is sent the other way."""
    if fault["fault"] != "threshold":
        return
    last = _last(model)
    place = fault["tree"]
    if hasattr(last, "_predictors"):
        nodes = _at(last._predictors, place)[0].nodes
        nodes["num_threshold"][0] += fault["by"]
        return
    trees = getattr(last, "estimators_", None)
    tree = last if trees is None else _at(trees, place)
    # the trees of a boosted classifier stand in a row for each round
    tree = tree[0] if hasattr(tree, "shape") else tree
    if not hasattr(tree, "tree_"):
        raise ValueError(f"{type(last).__name__} has no trees: a threshold cannot be moved")
    tree.tree_.threshold[0] += fault["by"]


def predict(asked: Any) -> Any:
    """What the entry of the package answers, with the fault in it: a frame, or records where it takes records."""
    return after(_answer(asked if _INSIDE else _spoilt(asked)), _FAULT)


class _Spoilt:
    """A model that is shown something else than it was asked, behind all that its package checks: a fault of a pipeline
    is none of whoever asks, and no row is refused for it."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, frame: Any) -> Any:
        return self._model.predict(before(frame, _FAULT))

    def predict_proba(self, frame: Any) -> Any:
        return self._model.predict_proba(before(frame, _FAULT))


def _spoilt(asked: Any) -> Any:
    import pandas as pd

    if isinstance(asked, pd.DataFrame):
        return before(asked, _FAULT)
    rows = before(pd.DataFrame(asked), _FAULT)
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def _last(model: Any) -> Any:
    """What decides in the end: of a pipeline, of the first fold of a calibration, of a transformed target."""
    while True:
        if hasattr(model, "steps"):
            model = model.steps[-1][1]
        elif hasattr(model, "calibrated_classifiers_"):
            model = model.calibrated_classifiers_[0].estimator
        elif hasattr(model, "regressor_"):
            model = model.regressor_
        else:
            return model


def _at(trees: Any, place: int) -> Any:
    if place >= len(trees):
        raise ValueError(f"there is no tree {place}: the model has {len(trees)}")
    return trees[place]


def _rows(frame: Any, fault: dict[str, Any]) -> Any:
    if "when" not in fault:
        return slice(None)
    return frame[fault["when"]] == fault["equals"]


def _entry() -> tuple[Any, bool]:
    """The entry of the package, and whether the fault lies inside of it."""
    module, _, name = _FAULT["entry"].partition(":")
    room: Any = importlib.import_module(module)
    if _FAULT["fault"] == "threshold":
        touch(room.MODEL, _FAULT)
    # what `harness train` writes has errors for rows, and a model that is asked behind them
    inside = hasattr(room, "MODEL") and hasattr(room, "ERROR")
    if inside:
        room.MODEL = _Spoilt(room.MODEL)
    return getattr(room, name), inside


_HERE = Path(__file__).with_name("planted.json")
if _HERE.exists():
    _FAULT = json.loads(_HERE.read_text(encoding="utf-8"))
    _answer, _INSIDE = _entry()
