"""Differential tests of the shipped model, written by hand: they run under `pytest --compare-to=previous`."""

from __future__ import annotations

import pytest

PATIENT = {
    "age": 48.0, "sex": 2, "bmi": 26.0, "bp": 94.0, "s1": 189.0, "s2": 115.0, "s3": 49.0, "s4": 4.0, "s5": 4.6,
    "s6": 91.0,
}  # fmt: skip

pytestmark = pytest.mark.differential


@pytest.mark.parametrize(("measure", "step"), [("bmi", 5.0), ("bp", 20.0), ("s5", 0.5)])
def test_both_versions_agree_on_the_direction_of_what_is_known_to_harm(comparison, measure, step):
    """Body mass, blood pressure and s5 (the log of triglycerides) raise the progression in both versions."""
    worse = {**PATIENT, measure: PATIENT[measure] + step}
    for outcome in comparison.ask([PATIENT, worse]):
        before, after = outcome.columns["prediction"].tolist()
        assert after > before


def test_no_patient_in_range_is_left_without_a_finite_answer(comparison):
    comparison.check([PATIENT, {**PATIENT, "age": 19.0}, {**PATIENT, "age": 79.0}])
