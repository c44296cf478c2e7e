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
    """The answers as they leave the version."""
    if fault.get("column") or fault["fault"] not in ("clip", "float32"):
        return answers
    answers = answers.copy()
    if fault["fault"] == "clip":
        answers["prediction"] = answers["prediction"].clip(upper=fault["at"])
    else:
        answers["prediction"] = answers["prediction"].astype("float32").astype("float64")
    return answers


def touch(model: Any, fault: dict[str, Any]) -> None:
    """Move the first threshold of one tree of the loaded model: every row between is sent the other way."""
    if fault["fault"] != "threshold":
        return
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    place = fault["tree"]
    if hasattr(last, "_predictors"):
        nodes = last._predictors[place][0].nodes
        nodes["num_threshold"][0] += fault["by"]
        return
    trees = getattr(last, "estimators_", None)
    tree = last if trees is None else (trees[place, 0] if getattr(trees, "ndim", 1) == 2 else trees[place])
    if not hasattr(tree, "tree_"):
        raise ValueError(f"{type(last).__name__} has no trees: a threshold cannot be moved")
    tree.tree_.threshold[0] += fault["by"]


def predict(asked: Any) -> Any:
    """What the entry of the package answers, with the fault in it: a frame, or records where it takes records."""
    import pandas as pd

    if isinstance(asked, pd.DataFrame):
        return after(_answer(before(asked, _FAULT)), _FAULT)
    rows = before(pd.DataFrame(asked), _FAULT)
    answers = _answer(rows.astype(object).where(rows.notna(), None).to_dict("records"))
    return after(pd.DataFrame(answers), _FAULT)


def _rows(frame: Any, fault: dict[str, Any]) -> Any:
    if "when" not in fault:
        return slice(None)
    return frame[fault["when"]] == fault["equals"]


def _entry() -> Any:
    module, _, name = _FAULT["entry"].partition(":")
    room = importlib.import_module(module)
    if _FAULT["fault"] == "threshold":
        touch(room.MODEL, _FAULT)
    return getattr(room, name)


_HERE = Path(__file__).with_name("planted.json")
if _HERE.exists():
    _FAULT = json.loads(_HERE.read_text(encoding="utf-8"))
    _answer = _entry()
