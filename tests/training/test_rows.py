"""A row is answered as itself: alone, in any batch, in any order, and beside whatever else is asked."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.training.__main__ import train

from .packages import opened
from .pipelines import configurations, table

PLACES = itertools.count()
ULPS = 256
"""Of the largest answer: sums over features are taken in another order in a batch than in one row."""

LAWS = settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # a smaller pipeline tells no more than the one that failed, and each try is a training
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
EXTREME = {
    "size": [
        -1e308,
        1e308,
        1e30,
        -1e30,
        5e-324,
        0.0,
        np.inf,
        -np.inf,
        np.nan,
        None,
        "80",
        10**400,
        True,
        [80],
    ],
    "age": [np.nan, None, -1e30, 1e30, b"9", pd.NA, {}],
    "rooms": [2.5, None, -(10**15), 10**15, "3", np.nan, False],
    "district": ["a place that nobody has seen", "", None, 7, np.nan, "\ud800", b"north", "x" * 10_000],
    "agent": ["nobody", None, 3.5],
    "garden": [2, None, "yes", 0, 1, 1.0, np.bool_(True)],
}
"""What may be asked of each column, right and wrong."""


def packed(drawn, folder):
    """The package of a configuration; None where it is refused, which is no matter of these laws."""
    config = drawn.written(folder / str(next(PLACES)), table())
    try:
        wheel = train(config, config.path.parent / "dist", commit="", dirty=False)["wheel"]
    except HarnessError:
        return None
    return opened(wheel, config.path.parent)


def numbers(answers: pd.DataFrame) -> np.ndarray:
    """The numbers among the answers, (n, k)."""
    return answers.select_dtypes("float").to_numpy()


def labels_agree(one: pd.DataFrame, two: pd.DataFrame) -> bool:
    """Labels are equal, but where two are as likely as each other."""
    if one["prediction"].dtype == np.float64:
        return True
    differ = one["prediction"].to_numpy() != two["prediction"].to_numpy()
    chances = np.sort(numbers(one), axis=1)
    return not differ.any() or bool((chances[differ, -1] - chances[differ, -2] < 1e-12).all())


@pytest.mark.filterwarnings("ignore")
@LAWS
@given(drawn=configurations(), data=st.data())
def test_a_row_alone_is_answered_as_in_any_batch_and_order(drawn, data, tmp_path):
    module = packed(drawn, tmp_path)
    assume(module is not None)
    asked = table(40, seed=data.draw(st.integers(0, 1000)))
    whole = module.predict(asked)
    assert "error" not in whole
    edge = ULPS * np.spacing(np.abs(numbers(whole)).max())
    order = data.draw(st.permutations(range(40)))
    cuts = sorted(data.draw(st.sets(st.integers(1, 39), max_size=6)))
    for part in np.split(np.array(order), cuts):
        answers = module.predict(asked.iloc[part])
        assert list(answers.index) == list(asked.index[part])
        assert np.abs(numbers(answers) - numbers(whole.iloc[part])).max() <= edge
        assert labels_agree(answers, whole.iloc[part])
    for row in data.draw(st.lists(st.integers(0, 39), min_size=5, max_size=5)):
        alone = module.predict(asked.iloc[[row]])
        assert np.abs(numbers(alone) - numbers(whole.iloc[[row]])).max() <= edge
        assert labels_agree(alone, whole.iloc[[row]])


@pytest.mark.filterwarnings("ignore")
@LAWS
@given(drawn=configurations(), data=st.data())
def test_whatever_is_asked_each_row_has_an_answer_or_an_error(drawn, data, tmp_path):
    """Missing, unseen, extreme and mistyped in any mix; and the rows that are well are answered as without them."""
    module = packed(drawn, tmp_path)
    assume(module is not None)
    good = table(30, seed=7).astype(object).where(lambda frame: frame.notna(), None)
    asked = good.copy()
    spoilt = sorted(data.draw(st.sets(st.integers(0, 29), max_size=12)))
    for row in spoilt:
        for name in data.draw(st.sets(st.sampled_from(sorted(EXTREME)), min_size=1, max_size=3)):
            asked.at[row, name] = data.draw(st.sampled_from(EXTREME[name]))
    answers = module.predict(asked)
    assert list(answers.index) == list(asked.index)
    errors = answers["error"] if "error" in answers else pd.Series([None] * 30, dtype=object)
    for row in range(30):
        assert (errors[row] is None) == bool(pd.notna(answers["prediction"][row])), errors[row]
    well = [row for row in range(30) if row not in spoilt]
    assert errors[well].isna().all()
    wanted = module.predict(good.iloc[well])
    edge = ULPS * np.spacing(np.abs(numbers(wanted)).max())
    assert np.abs(numbers(answers.iloc[well]) - numbers(wanted)).max() <= edge
    records = module.predict(asked.to_dict("records"))
    assert [one.get("error") for one in records] == errors.tolist()
