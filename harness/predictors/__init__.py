"""From a version to something that predicts: isolated workers in environments of their own, live endpoints."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from harness.registry import Registry

if TYPE_CHECKING:
    from harness.predictors.predictor import Predictor
    from harness.versions.version import Version

REGISTRY: Registry[Any] = Registry(
    "predictor",
    {
        "package": "harness.predictors.isolated:IsolatedPredictor",
        "python": "harness.predictors.isolated:IsolatedPredictor",
        "recorded": "harness.predictors.given:RecordedPredictor",
        "endpoint": "harness.predictors.endpoint:EndpointPredictor",
    },
    needs=("open", "predict", "close"),
)


def open_predictor(
    version: Version,
    side: str,
    progress: Callable[[str], None] | None = None,
    private: Collection[str] = (),
) -> Predictor:
    """The predictor for a version's kind, not started yet. `side` names it in messages, which show no value of a
    `private` column."""
    predictor: Predictor = REGISTRY[version.kind](version, side, progress or (lambda line: None), private)
    return predictor
