"""The data against `[validation]`: everything that is wrong is found before training stops, with columns and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, did_you_mean
from harness.training.config import Config
from harness.training.config.validation import ValidationSection
from harness.training.data import Data
from harness.training.profile import drift

if TYPE_CHECKING:
    import pandas as pd


MOST = 100_000
"""Rows, evenly spread, that leaks of the target are looked for in: what tells it alone does so in any of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the data are not."""

    column: str
    words: str


def judge(config: Config, data: Data, before: Mapping[str, Any] | None) -> None:
    """Raise HarnessError with every finding. `before` is the profile of the previous version's data, if known."""
    section = config.validation or ValidationSection()
    _known(section, config, data)
    found = [*_columns(section, data), *_rows(section, data), *_leaks(section, config, data)]
    if section.max_drift is not None and before is not None:
        found += _drifts(section.max_drift, data, before)
    if found:
        one = "1 finding" if len(found) == 1 else f"{len(found)} findings"
        lines = "".join(f"\n    {finding.column}: {finding.words}" for finding in found)
        raise HarnessError(
            f"the data are not what [validation] says: {one}{lines}",
            where=config.data.where,
            hint=f"mend the data, or say in {config.path.name} what is allowed",
        )


def _columns(section: ValidationSection, data: Data) -> Iterator[Finding]:
    for field in data.inputs:
        column = data.frame[field.name]
        gaps = column.isna()
        most = section.max_missing.get(field.name, section.max_missing.get("*", 1.0))
        if gaps.mean() > most:
            yield Finding(field.name, f"{_share(gaps.mean())} of the rows are empty; the limit is {most:.3g}")
        if limits := section.ranges.get(field.name):
            low, high = limits.get("low", float("-inf")), limits.get("high", float("inf"))
            outside = (column < low) | (column > high)
            if outside.any():
                first = f"{column[outside].iloc[0]:g} {_first(outside)}"
                yield Finding(
                    field.name,
                    f"{int(outside.sum())} values are outside {low:g} to {high:g}, the first is {first}",
                )
        known = section.categories.get(field.name)
        if known is not None:
            unknown = column.notna() & ~column.isin(list(known))
            if unknown.any():
                said = ", ".join(sorted(set(map(str, column[unknown])))[:5])
                words = f"{int(unknown.sum())} values are no known category: {said}"
                yield Finding(field.name, f"{words} (the first {_first(unknown)})")


def _rows(section: ValidationSection, data: Data) -> Iterator[Finding]:
    if section.max_duplicates is None:
        return
    twice = data.frame.assign(**{"\0target": data.target}).duplicated()
    if twice.sum() > section.max_duplicates:
        yield Finding(
            "rows",
            f"{int(twice.sum())} repeat another in every feature and the target, the first {_first(twice)}; "
            f"the limit is {section.max_duplicates}",
        )


def _leaks(section: ValidationSection, config: Config, data: Data) -> Iterator[Finding]:
    """Features that tell the target alone: by the rank correlation of numbers (Spearman), by Cramér's V of texts."""
    if section.max_correlation >= 1:
        return
    every = slice(None, None, -(-len(data) // MOST))
    labels = data.target[every]
    target = _ranked(labels)
    for field in data.inputs:
        column = data.frame[field.name].iloc[every].reset_index(drop=True)
        text = field.kind == "str"
        told = _cramer(column, labels) if text and config.task == "classification" else None
        if told is None and not text:
            told = _correlation(column, target)
        if told is not None and told > section.max_correlation:
            yield Finding(
                field.name,
                f"it tells the target nearly alone ({told:.4f}; the limit is {section.max_correlation:g}): "
                "is it known before the answer is?",
            )


def _drifts(most: float, data: Data, before: Mapping[str, Any]) -> Iterator[Finding]:
    for field in data.inputs:
        old = before.get(field.name)
        if old is None or ("edges" in old) == (field.kind == "str"):
            continue
        index = drift(old, data.frame[field.name][data.trained])
        if index > most:
            words = f"it drifted from what the previous version was trained on: stability index {index:.3g}"
            yield Finding(field.name, f"{words}; the limit is {most:g}")


def _known(section: ValidationSection, config: Config, data: Data) -> None:
    names = data.inputs.names
    for key in ("max_missing", "ranges", "categories"):
        for name in getattr(section, key):
            if name not in names and not (name == "*" and key == "max_missing"):
                raise HarnessError(
                    f'no feature "{name}"',
                    where=f"{config.path}: [validation] {key}",
                    hint=did_you_mean(name, names),
                )
            kind = next((field.kind for field in data.inputs if field.name == name), "")
            text = kind == "str"
            if (key == "ranges" and kind in ("str", "datetime")) or (key == "categories" and not text):
                raise HarnessError(
                    f"{name} is {'text' if text else 'a time' if kind == 'datetime' else 'a number'}",
                    where=f"{config.path}: [validation] {key}",
                    hint="ranges are of numbers, categories of texts",
                )


def _correlation(column: pd.Series, target: pd.Series) -> float | None:
    import numpy as np

    rows = column.notna().to_numpy()
    ranks = column[rows].rank().to_numpy()
    others = target[rows].rank().to_numpy()
    if len(ranks) < 3 or ranks.std() == 0 or others.std() == 0:
        return None
    return float(abs(np.corrcoef(ranks, others)[0, 1]))


def _cramer(column: pd.Series, labels: Any) -> float | None:
    """Cramér's V with the correction for bias (Bergsma, 2013): a column of as many levels as rows tells nothing."""
    import numpy as np
    import pandas as pd

    rows = column.notna().to_numpy()
    counts = pd.crosstab(column[rows], labels[rows]).to_numpy().astype(float)
    n = counts.sum()
    if min(counts.shape) < 2 or n < 3:
        return None
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    phi = float(((counts - expected) ** 2 / expected).sum()) / n
    height, width = counts.shape
    phi = max(0.0, phi - (height - 1) * (width - 1) / (n - 1))
    smaller = min(height - (height - 1) ** 2 / (n - 1), width - (width - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(phi / smaller)) if smaller > 0 else None


def _ranked(target: Any) -> pd.Series:
    import pandas as pd

    labels = pd.Series(target)
    return labels if labels.dtype.kind == "f" else pd.Series(labels.astype(str).astype("category").cat.codes)


def _first(rows: pd.Series) -> str:
    return f"in row {int(rows.to_numpy().argmax()) + 1}"


def _share(share: float) -> str:
    return f"{share:.3g} (as a share)"
