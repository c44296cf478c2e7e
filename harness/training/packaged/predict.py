"""Answers of this version: a table in and a table out, or records in and records out, row for row.

What is asked is held against the schema in `manifest.json`. A row that cannot be answered has an error of its own
instead of an answer, under "error"; the other rows are answered. The model's file is checked against its digest before
it is opened.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ERROR = "error"
"""The column, or the entry of a record, that says why a row has no answer."""

SPREAD = 32
"""Where the model fails on a batch and on so many of its rows alike, the others are not asked one by one."""

_HERE = Path(__file__).parent
_PLACE = _HERE / "manifest.json"
_MANIFEST: dict[str, Any] = json.loads(_PLACE.read_text(encoding="utf-8")) if _PLACE.exists() else {}

INPUTS: dict[str, dict[str, Any]] = {one["name"]: one for one in _MANIFEST.get("inputs", ())}
"""What this version takes, by name: the kind of each column, and whether it may be missing."""


def _opened(said: Mapping[str, Any], files: Mapping[str, str]) -> Any:
    """The model, from a file whose bytes are those that the manifest names."""
    content = (_HERE.parent / said["file"]).read_bytes()
    if hashlib.sha256(content).hexdigest() != files[said["file"]]:
        raise ImportError(f"{said['file']} is not the file that was packaged: its digest is another")
    if said["format"] == "skops":
        import skops.io

        return skops.io.loads(content, trusted=list(said["trusted"]))
    import joblib

    return joblib.load(io.BytesIO(content))


MODEL = _opened(_MANIFEST["model"], _MANIFEST["files"]) if _MANIFEST else None


def predict(asked: Any) -> Any:
    """The answers to a DataFrame with the columns INPUTS (others are left alone), under the same index; or to a list of
    records, as a list of records. Raises ValueError for a frame without one of the columns."""
    if isinstance(asked, pd.DataFrame):
        answers, errors = _answered(*_checked(asked))
        frame = pd.DataFrame(answers, index=asked.index)
        if errors is not None:
            frame[ERROR] = pd.Series(errors, index=frame.index, dtype=object)
        return frame
    if isinstance(asked, str | bytes | Mapping) or not isinstance(asked, Sequence):
        raise TypeError(f"give a DataFrame or a list of records, not {type(asked).__name__}")
    known = [one if isinstance(one, Mapping) else {} for one in asked]
    frame = pd.DataFrame({name: pd.Series([one.get(name) for one in known], dtype=object) for name in INPUTS})
    given, errors = _checked(frame)
    for row, one in enumerate(asked):
        if not isinstance(one, Mapping):
            errors = _none(len(frame)) if errors is None else errors
            errors[row] = f"{type(one).__name__} is no record"
    answers, errors = _answered(given, errors)
    columns = {name: values.tolist() for name, values in answers.items()}
    return [
        {name: values[row] for name, values in columns.items()}
        if errors is None or errors[row] is None
        else {ERROR: errors[row]}
        for row in range(len(frame))
    ]


# ---- what is asked, against the schema


def _checked(frame: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    """The columns as the model was fitted on them, (n, inputs), and the errors of the rows: (n,) of texts and None, or
    None where no row has one."""
    missing = [name for name in INPUTS if name not in frame.columns]
    if missing:
        raise ValueError("missing columns: " + ", ".join(missing))
    columns: dict[str, Any] = {}
    errors: Any = None
    for name, field in INPUTS.items():
        column = frame[name]
        values, wrong = _TYPED[field["kind"]](column, field["kind"])
        gone = _missing(column)
        refused = (wrong & ~gone) if field.get("nullable", False) else (wrong | gone)
        if refused.any() and errors is None:
            errors = _none(len(frame))
        for row in refused.nonzero()[0]:
            words = f"{name}: {'missing' if gone[row] else _words(column.iloc[row], field['kind'])}"
            errors[row] = words if errors[row] is None else f"{errors[row]}; {words}"
        columns[name] = values
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame))), errors


def _missing(column: pd.Series) -> Any:
    """Where a value is missing, (n,) of bool."""
    try:
        return column.isna().to_numpy(dtype=bool)
    except ArithmeticError:  # a Decimal that signals when it is compared
        return np.array(
            [
                not isinstance(cell, Decimal) and pd.api.types.is_scalar(cell) and bool(pd.isna(cell))
                for cell in column
            ]
        )


def _numbers(column: pd.Series, kind: str) -> tuple[Any, Any]:
    """float64, NaN where a value is missing; and what is no finite number of that kind."""
    if getattr(column.dtype, "kind", "O") in "fiub" and not isinstance(column.dtype, pd.CategoricalDtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.isinf(values)
    else:
        cells = [_number(cell) for cell in column.astype(object)]
        values = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
        wrong = np.isinf(values) | np.array([cell is None for cell in cells], dtype=bool)
    present = ~(wrong | np.isnan(values))
    if kind == "int":
        wrong[present] |= values[present] % 1 != 0
    elif kind == "bool":
        wrong[present] |= (values[present] != 0) & (values[present] != 1)
    return values, wrong


def _number(cell: Any) -> float | None:
    """A number as a float, NaN for what is missing, None for what is neither."""
    if isinstance(cell, Real | Decimal | np.bool_):
        try:
            return float(cell)
        except OverflowError:
            return float("inf")
        except ValueError:  # a Decimal that signals
            return None
    return float("nan") if cell is None or cell is pd.NA or cell is pd.NaT else None


def _texts(column: pd.Series, kind: str) -> tuple[Any, Any]:
    """Python strings as objects, NaN where a value is missing; and what is no text."""
    values = column.astype(object).to_numpy(copy=True)
    wrong = np.zeros(len(values), dtype=bool)
    if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        wrong[:] = [not isinstance(cell, str) for cell in values]
    values[wrong | _missing(column)] = np.nan
    # a Series, since pandas makes a type of its own of an array of texts
    return pd.Series(values, dtype=object), wrong


def _times(column: pd.Series, kind: str) -> tuple[Any, Any]:
    """datetime64[ns] without a zone (another zone is converted to UTC), NaT where a value is missing; and what is
    neither a time nor text that says one."""
    if getattr(column.dtype, "kind", "O") != "M":
        cells = column.astype(object)
        # numbers would be taken for nanoseconds
        numbers = np.array([isinstance(cell, Real | np.bool_) for cell in cells], dtype=bool)
        column = cells.mask(numbers, None)
    values = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    # beyond these years there is no count of nanoseconds, and one such row must not raise for the others
    values = values.where(values.dt.year.between(1678, 2261))
    return values.astype("datetime64[ns]").to_numpy(), values.isna().to_numpy()


_TYPED: dict[str, Callable[[pd.Series, str], tuple[Any, Any]]] = {
    "float": _numbers, "int": _numbers, "bool": _numbers, "str": _texts, "datetime": _times,
}  # fmt: skip


def _words(cell: Any, kind: str) -> str:
    """What is wrong with a cell. The value itself is not told: whoever reads errors may not be allowed to see it."""
    if kind in ("float", "int", "bool"):
        number = _number(cell)
        if number is not None and np.isinf(number):
            return "infinite"
        if number is not None:
            return "no whole number" if kind == "int" else "neither true nor false"
    wanted = {
        "int": "whole number",
        "float": "number",
        "bool": "truth value",
        "str": "text",
        "datetime": "time",
    }
    return f"{type(cell).__name__} is no {wanted[kind]}"


# ---- what is answered


def _answered(given: pd.DataFrame, errors: Any) -> tuple[dict[str, Any], Any]:
    """Columns of answers, (n,) each, and the errors of the rows, None where none has one."""
    asked = _Asked(given, _none(len(given)) if errors is None else errors)
    asked.ask(np.array([error is None for error in asked.errors]).nonzero()[0], whole=True)
    whole = all(error is None for error in asked.errors)
    return asked.columns(), None if whole else asked.errors


class _Asked:
    """Rows of which some are answered; where a batch fails, its halves are asked, down to the row."""

    def __init__(self, given: pd.DataFrame, errors: Any) -> None:
        self.given, self.errors = given, errors
        self.parts: list[tuple[Any, dict[str, Any]]] = []

    def ask(self, rows: Any, whole: bool = False) -> None:
        """Ask the model these rows. What is wrong with the machine and not with a row is raised on."""
        if not len(rows):
            return
        try:
            part = self.given if len(rows) == len(self.given) else self.given.iloc[rows]
            self.parts.append((rows, _answers(part)))
        except (MemoryError, ImportError):
            raise
        except Exception as error:
            words = f"{type(error).__name__}: {_first_line(error)}"
            if len(rows) == 1:
                self.errors[rows[0]] = words
            elif whole and len(rows) > 2 * SPREAD and self._alike(rows, words):
                self.errors[rows] = words
            else:
                self.ask(rows[: len(rows) // 2])
                self.ask(rows[len(rows) // 2 :])

    def columns(self) -> dict[str, Any]:
        """Every column, (n,); NaN, or None in what is no float, where a row is not answered."""
        size = len(self.given)
        if len(self.parts) == 1 and len(self.parts[0][0]) == size:
            return self.parts[0][1]
        found: dict[str, Any] = {}
        for name in _names():
            floats = all(part[name].dtype.kind == "f" for _, part in self.parts)
            found[name] = np.full(size, np.nan) if floats else _none(size)
            for rows, part in self.parts:
                found[name][rows] = part[name].tolist()
        return found

    def _alike(self, rows: Any, words: str) -> bool:
        trial = _Asked(self.given, _none(len(self.given)))
        for place in np.linspace(0, len(rows) - 1, SPREAD).round().astype(int):
            trial.ask(rows[place : place + 1])
            if trial.errors[rows[place]] != words:
                return False
        return True


def _answers(given: pd.DataFrame) -> dict[str, Any]:
    """What the model says, as columns."""
    model: Any = MODEL
    answers = np.asarray(model.predict(given)).reshape(-1)
    if _MANIFEST["task"] == "regression":
        return {"prediction": answers.astype(np.float64, copy=False)}
    columns = {"prediction": answers}
    if len(_names()) > 1:
        chances = model.predict_proba(given)
        columns |= {f"probability_{label}": chances[:, place] for place, label in enumerate(model.classes_)}
    return columns


def _names() -> list[str]:
    return [one["name"] for one in _MANIFEST["outputs"]]


def _none(size: int) -> Any:
    return np.full(size, None, dtype=object)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else ""
