"""Predictors that are closed again, and batches of one input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.predictors.isolated import IsolatedPredictor
from harness.settings import Profile
from harness.tables import Batch, Column

from ..zoo.builder import Zoo

XS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 13.0, 7.0, 8.0, 9.0)
BAD = XS.index(13.0)


def batch_of(xs: Iterable[Any] = XS) -> Batch:
    column = Column.of(xs)
    return Batch("rows", 0, 0, np.array([f"k{row}" for row in range(len(column))], object), {"x": column})


@pytest.fixture
def caged(zoo: Zoo, tmp_path: Path) -> Iterator[Callable[..., IsolatedPredictor]]:
    """`caged("dies_at_13", timeout=2)`: a predictor of one animal, closed at the end. Marks go to tmp_path."""
    opened = []

    def cage(name: str, *, wheel: dict[str, Any] | None = None, **wishes: Any) -> IsolatedPredictor:
        version = zoo.version(
            tmp_path, name, profile=Profile(**{"timeout": 20.0, **wishes}), place=tmp_path, **(wheel or {})
        )
        opened.append(IsolatedPredictor(version, "candidate", lambda line: None))
        return opened[-1]

    yield cage
    for predictor in opened:
        predictor.close()


@pytest.fixture
def trouble(caged: Callable[..., IsolatedPredictor]) -> Callable[..., HarnessError]:
    """The HarnessError that an animal ends in."""

    def of(name: str, **wishes: Any) -> HarnessError:
        with pytest.raises(HarnessError) as caught:
            caged(name, **wishes).predict(batch_of())
        return caught.value

    return of
