"""Transformers of our own: what scikit-learn demands of every transformer, and what each of them promises."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import check_estimator

from harness.training import shipped

OURS = [
    ("RandomSampleImputer", {}),
    ("RandomSampleImputer", {"indicators": True}),
    ("OutlierCapper", {}),
    ("OutlierCapper", {"method": "quantile", "share": 0.1, "tails": "upper"}),
    ("FrequencyEncoder", {}),
    ("CorrelationFilter", {}),
    ("Derived", {}),
]


@pytest.mark.parametrize(("name", "parameters"), OURS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_every_transformer_of_our_own_passes_scikit_learns_checks(name, parameters):
    checked = check_estimator(shipped.load(name, "checked_package")(**parameters))
    assert {one["status"] for one in checked} <= {"passed", "skipped"}
    assert sum(one["status"] == "passed" for one in checked) > 40
