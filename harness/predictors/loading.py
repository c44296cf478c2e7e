"""Opens a model file in the version's own process: copied beside it, never imported by the harness to load anything.

Syntax of Python 3.8. `MODEL` is opened when it is asked for, and not before: an adapter that opens the file in its own
way takes `PATH` alone.
"""

import os
import pickle
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))


def _path() -> str:
    (name,) = [name for name in os.listdir(HERE) if name.startswith("artifact.")]
    return os.path.join(HERE, name)


def _opened() -> Any:
    path = _path()
    if path.endswith(".joblib"):
        import joblib

        return joblib.load(path)
    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301  # its digest was allowed


def __getattr__(name: str) -> Any:
    """`MODEL`, the object in the file, and `PATH`, where the file lies."""
    if name not in ("MODEL", "PATH"):
        raise AttributeError(name)
    globals()[name] = _opened() if name == "MODEL" else _path()
    return globals()[name]
