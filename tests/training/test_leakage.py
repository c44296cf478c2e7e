"""What is held out reaches no fitted step: whatever stands in those rows, the model is the same to the byte."""

from __future__ import annotations

import io
import itertools
import re

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.training.data import Data, held_out, read_data
from harness.training.fit import fit
from harness.training.profile import profile_of

from .pipelines import CONFIG, ENCODERS, IMPUTERS, Drawn, configurations, step, table

PLACES = itertools.count()


def permuted(made: pd.DataFrame, held: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    """Every column of the held-out rows dealt anew, each for itself."""
    spoilt = made.copy()
    for name in made.columns.drop("id"):
        spoilt.loc[held, name] = random.permutation(made.loc[held, name].to_numpy())
    return spoilt


def corrupted(made: pd.DataFrame, held: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    """Values in the held-out rows that no other row has."""
    spoilt, count = made.copy(), int(held.sum())
    spoilt.loc[held, "size"] = random.choice([-1e6, 1e6, np.nan, 0.0], count)
    spoilt.loc[held, "age"] = random.choice([-500.0, 7e4], count)
    spoilt.loc[held, "rooms"] = random.integers(-1000, 1000, count)
    spoilt.loc[held, "district"] = random.choice(["moon", "mars"], count)
    spoilt.loc[held, "agent"] = "nobody"
    spoilt.loc[held, "garden"] = True
    spoilt.loc[held, "price"] = random.uniform(-1e7, 1e7, count).round(2)
    spoilt.loc[held, "label"] = random.permutation(made.loc[held, "label"].to_numpy())
    return spoilt


def learnt(drawn: Drawn, made: pd.DataFrame, folder) -> tuple[bytes, list, dict, Data]:
    """The model's bytes, what the schema says of the values, and the profile of the data."""
    config = drawn.written(folder / str(next(PLACES)), made)
    data = read_data(config)
    fitted = fit(config, data)
    content = io.BytesIO()
    joblib.dump(fitted.model, content)
    fields = [(one.name, one.kind, one.minimum, one.maximum, one.categories) for one in fitted.data.inputs]
    return content.getvalue(), fields, profile_of(fitted.data), data


@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # a smaller pipeline tells no more than the one that failed, and each try is two fits
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(drawn=configurations(), spoil=st.sampled_from([permuted, corrupted]), seed=st.integers(0, 10**6))
def test_what_is_held_out_reaches_no_fitted_step(drawn, spoil, seed, tmp_path):
    made = table()
    held = np.array(held_out(made["id"], "houses", 0.35))
    try:
        model, fields, profile, data = learnt(drawn, made, tmp_path)
    except HarnessError as refusal:
        # no step is left with a feature, say: that is no matter of what is held out
        with pytest.raises(HarnessError, match=re.escape(refusal.message)):
            learnt(drawn, spoil(made, held, np.random.default_rng(seed)), tmp_path)
        return
    assert (data.held_out == held).all()
    spoilt = spoil(made, held, np.random.default_rng(seed))
    assert not spoilt[held].equals(made[held])
    pd.testing.assert_frame_equal(spoilt[~held], made[~held])
    again, same_fields, same_profile, _ = learnt(drawn, spoilt, tmp_path)
    assert again == model
    assert same_fields == fields
    assert same_profile == profile


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["size", "rooms", "district", "agent", "price"])
def test_the_oracle_sees_what_reaches_a_step(name, tmp_path):
    """The same comparison, of a row that is trained on: one cell moves the model."""
    text = CONFIG.format(task="regression", seed=1, target="price", data="")
    steps = [ENCODERS[3], IMPUTERS[0], step("preprocessing.StandardScaler"), step("linear_model.Ridge")]
    drawn = Drawn("regression", text + "".join(f"[[steps]]\n{one}\n\n" for one in steps))
    made = table()
    row = int(np.flatnonzero(~np.array(held_out(made["id"], "houses", 0.35)))[0])
    spoilt = made.copy()
    spoilt.loc[row, name] = "another" if name in ("district", "agent") else 3
    assert learnt(drawn, made, tmp_path)[0] != learnt(drawn, spoilt, tmp_path)[0]
