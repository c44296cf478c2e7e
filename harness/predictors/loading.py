"""Opens a model file in the version's own process: copied beside it, never imported by the harness to load anything.

Syntax of Python 3.8. `MODEL` is opened when it is asked for, and not before: an adapter that opens the file in its own
way takes `PATH` alone.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))


class Refused(Exception):
    """The file holds what nobody allowed."""

    trouble = "E54"


def _wishes() -> dict[str, Any]:
    with open(os.path.join(HERE, "harness_artifact.json"), encoding="utf-8") as file:
        wishes: dict[str, Any] = json.load(file)
    return wishes


def _path() -> str:
    (name,) = [name for name in os.listdir(HERE) if name.split(".")[0] == "artifact"]
    return os.path.join(HERE, name)


def _opened() -> Any:
    path = _path()
    if os.path.isdir(path):
        return _from_mlflow(path, _wishes()["native"])
    if path.endswith(".skops"):
        return _from_skops(path)
    if path.endswith(".joblib"):
        import joblib

        return joblib.load(path)
    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301  # its digest was allowed


def _from_skops(path: str) -> Any:
    from skops import io

    # what skops itself trusts is not among them
    untrusted = sorted(io.get_untrusted_types(file=path))
    refused = [name for name in untrusted if name not in _wishes()["allow_types"]]
    if refused:
        raise Refused("refused: it holds types that nobody allowed: " + ", ".join(refused))
    return io.load(path, trusted=untrusted)


def _from_mlflow(path: str, native: bool) -> Any:
    # nobody is told that a model is opened here
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
    from mlflow import pyfunc

    if not native:
        return pyfunc.load_model(path)
    from mlflow.models import Model

    flavour = importlib.import_module(Model.load(path).flavors["python_function"]["loader_module"])
    return flavour.load_model(path)


def __getattr__(name: str) -> Any:
    """`MODEL`, the object in the file; `PATH`, where the file lies; `NAME`, what the file is called elsewhere."""
    if name == "NAME":
        return _wishes()["name"]
    if name not in ("MODEL", "PATH"):
        raise AttributeError(name)
    globals()[name] = _opened() if name == "MODEL" else _path()
    return globals()[name]
