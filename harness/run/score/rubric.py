"""The 28 tests of the ML Test Score, and how points become a score.

Source: Breck, Cai, Nielsen, Salib, Sculley, The ML Test Score: A Rubric for ML Production Readiness and Technical Debt
Reduction (IEEE Big Data 2017). A test that is done by hand and written down counts half a point, one that runs by
itself a whole one; a section is the sum of its seven, and the score is the least of the four sections.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.run.score.found import FULL, HALF, NONE

SECTIONS = {
    "data": "Features and data",
    "model": "Model development",
    "infrastructure": "Infrastructure",
    "monitoring": "Monitoring",
}


@dataclass(frozen=True, slots=True)
class Test:
    """One test: `name` (`data-1`), what it demands, and what to do to get it here. `most` is what can be got: half a
    point where the harness sees a part of it, none where nothing that it keeps evidences it, and then it is never
    claimed."""

    name: str
    title: str
    next: str
    most: float = FULL

    @property
    def section(self) -> str:
        """One of SECTIONS."""
        return self.name.partition("-")[0]


TESTS = (
    Test(
        "data-1",
        "Feature expectations are captured in a schema",
        "state ranges and categories of every feature in [validation] of the training configuration",
    ),
    Test(
        "data-2",
        "All features are beneficial",
        "add [selection] to the training configuration, and a step that measures each feature, such as "
        "sklearn.feature_selection.SequentialFeatureSelector",
    ),
    Test(
        "data-3",
        "No feature's cost is too much",
        "add [selection] to the training configuration: what a request carries is then measured",
        most=HALF,
    ),
    Test(
        "data-4",
        "Features adhere to meta-level requirements",
        "list the features that may be used under [data] features, none of them a private column",
        most=HALF,
    ),
    Test(
        "data-5",
        "The data pipeline has appropriate privacy controls",
        'name the private columns of the tables in the configuration: private = ["…"]',
        most=HALF,
    ),
    Test(
        "data-6",
        "New features can be added quickly",
        "measure outside of the harness how long a feature takes from the idea to production",
        most=NONE,
    ),
    Test(
        "data-7",
        "All input feature code is tested",
        "harness sensitivity plants a fault into every feature: add rules until each is caught",
    ),
    Test(
        "model-1",
        "Model specifications are reviewed and checked in",
        "train from a clean commit, set require_approval = 1, and have somebody else harness approve",
    ),
    Test(
        "model-2",
        "Offline and online metrics correlate",
        "measure outside of the harness what the model earns in production against its metrics",
        most=NONE,
    ),
    Test(
        "model-3",
        "All hyperparameters are tuned",
        "add [search] to the training configuration with the parameters that are set by hand",
    ),
    Test(
        "model-4",
        "The impact of model staleness is known",
        "compare the release with a candidate that was trained on newer data, on a labelled table",
        most=HALF,
    ),
    Test(
        "model-5",
        "A simpler model is not better",
        "improve the model until it beats the simpler ones that harness train fits beside it, or release the simpler",
    ),
    Test(
        "model-6",
        "Model quality is sufficient on important slices",
        'give a rule same_error (or cost) slices = ["…"] on a labelled table',
    ),
    Test(
        "model-7",
        "The model is tested for considerations of inclusion",
        "ask outside of the harness whom the model treats worse: it does not know which columns stand for people",
        most=NONE,
    ),
    Test(
        "infrastructure-1",
        "Training is reproducible",
        "harness reproduce VERSION, in CI for the whole point",
    ),
    Test(
        "infrastructure-2",
        "Model specifications are unit tested",
        "test the training configuration in your own suite: the harness cannot tell which tests do",
        most=NONE,
    ),
    Test(
        "infrastructure-3",
        "The whole pipeline is integration tested",
        "harness train, and compare the wheel with the previous release: every planned case compared, verdict PASS",
    ),
    Test(
        "infrastructure-4",
        "Model quality is validated before serving",
        "compare on a table, with labels where the model was trained again, until the verdict is PASS",
    ),
    Test(
        "infrastructure-5",
        "The model can be debugged step by step on one example",
        "load the version's package and ask its steps one by one: harness show CASE has inputs and answers alone",
        most=NONE,
    ),
    Test(
        "infrastructure-6",
        "Models are canaried before serving",
        "release into a channel of its own first, and promote from there: harness promote --to production",
        most=HALF,
    ),
    Test(
        "infrastructure-7",
        "Serving models can be rolled back",
        "practise it: harness rollback, and release again",
        most=HALF,
    ),
    Test(
        "monitoring-1",
        "Dependency changes are notified",
        "compare two version packages that each carry a lock and name their libraries",
        most=HALF,
    ),
    Test(
        "monitoring-2",
        "Data invariants hold for inputs",
        "state limits in [validation] of the training configuration, max_drift among them",
        most=HALF,
    ),
    Test(
        "monitoring-3",
        "Training and serving are not skewed",
        "harness parity dist/….whl https://…: the package and its endpoint, in CI for the whole point",
    ),
    Test(
        "monitoring-4",
        "Models are not too stale",
        "watch the age of what is served outside of the harness: no limit for it is known here",
        most=NONE,
    ),
    Test(
        "monitoring-5",
        "Models are numerically stable",
        "add a search to the inputs: generate = { rows = 2000 }",
    ),
    Test(
        "monitoring-6",
        "Computing performance has not regressed",
        'add rules of operation: rule = "latency" (or "throughput") and rule = "peak_memory"',
    ),
    Test(
        "monitoring-7",
        "Prediction quality has not regressed on served data",
        "compare the answers that were served with labels that came later: recorded:PATH on a labelled table",
        most=HALF,
    ),
)

BANDS = (
    (0.0, "a research project rather than a system for production"),
    (1.0, "not untested, and serious holes in its reliability are to be expected"),
    (2.0, "a first pass at what production needs; more may be needed"),
    (3.0, "reasonably tested; more of the tests may be made to run by themselves"),
    (5.0, "strongly tested and watched, fit for what is mission-critical"),
    (float("inf"), "exceptionally tested and watched"),
)
"""What a score up to a bound means, in words after the paper's table."""


def score(points: Iterable[float]) -> float:
    """The least of the sections' points.

    >>> score([3.5, 2.0, 0.5, 4.0])
    0.5
    """
    return min(points)


def band(points: float) -> str:
    """What a score means.

    >>> band(0.0) == BANDS[0][1], band(0.5) == BANDS[1][1], band(1.0) == BANDS[1][1], band(5.5) == BANDS[5][1]
    (True, True, True, True)
    """
    return next(words for most, words in BANDS if points <= most)
