"""Categories: rare ones, ones of very many levels, ones that nobody has seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit

from .conftest import RIDGE

SCALER = {'[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n': ""}
ENCODERS = {
    "rare levels grouped": (
        'step = "sklearn.preprocessing.OneHotEncoder"\nmin_frequency = 0.05\n'
        'handle_unknown = "infrequent_if_exist"\nsparse_output = false'
    ),
    "the commonest levels": (
        'step = "sklearn.preprocessing.OneHotEncoder"\nmax_categories = 4\n'
        'handle_unknown = "infrequent_if_exist"\nsparse_output = false'
    ),
    "unknown ones ignored": (
        'step = "sklearn.preprocessing.OneHotEncoder"\nhandle_unknown = "ignore"\nsparse_output = false'
    ),
    "ordinal": (
        'step = "sklearn.preprocessing.OrdinalEncoder"\nhandle_unknown = "use_encoded_value"\n'
        "unknown_value = -1\nencoded_missing_value = -2\nmin_frequency = 5"
    ),
    "target": 'step = "sklearn.preprocessing.TargetEncoder"',
    "frequency": 'step = "shipped.FrequencyEncoder"',
}


def town(rows: int = 600) -> pd.DataFrame:
    random = np.random.default_rng(2)
    levels = np.array(["old", "new", "far", "mill", "park", None], dtype=object)
    street = random.choice(levels, rows, p=[0.4, 0.3, 0.2, 0.06, 0.01, 0.03])
    worth = pd.Series(street).map({"old": 9.0, "new": 5.0, "far": 1.0}).fillna(3.0).to_numpy()
    return pd.DataFrame(
        {
            "id": range(rows),
            "street": street,
            "size": random.normal(size=rows),
            "price": worth + random.normal(size=rows),
        }
    )


def fitted(path):
    config = read_config(path)
    data = read_data(config)
    return data, fit(config, data)


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_tells_levels_apart_and_answers_unseen_ones(project, name):
    last = f'{ENCODERS[name]}\ncolumns = ["street"]\n\n[[steps]]\n{RIDGE}'
    _, found = fitted(project(table=town(), last=last, replace=SCALER))
    assert found.metrics["r2"] > (0.3 if name in ("ordinal", "frequency") else 0.7)
    asked = pd.DataFrame(
        {"street": np.array(["old", "atlantis", "", np.nan, "old"], dtype=object), "size": 0.0}
    )
    answers = found.model.predict(asked)
    assert np.isfinite(answers).all()
    assert answers[0] == answers[4]
    # one nobody has seen is answered alike, whatever it is called
    assert answers[1] == answers[2]


def test_rare_levels_are_one(project):
    last = f'{ENCODERS["rare levels grouped"]}\ncolumns = ["street"]\n\n[[steps]]\n{RIDGE}'
    _, found = fitted(project(table=town(), last=last, replace=SCALER))
    names = found.model[:-1].get_feature_names_out().tolist()
    assert "street_infrequent_sklearn" in names
    assert "street_park" not in names
    asked = pd.DataFrame({"street": np.array(["park", "atlantis"], dtype=object), "size": 0.0})
    assert len(set(found.model.predict(asked).tolist())) == 1


def test_a_target_encoding_is_fitted_across_so_that_it_does_not_tell_a_row_its_own_target(project):
    """As many levels as pairs of rows, and a target of pure noise: encoded from itself, the column would look like the
    answer."""
    random = np.random.default_rng(3)
    noise = pd.DataFrame(
        {
            "id": range(2000), "street": [f"s{place // 2}" for place in range(2000)],
            "size": random.normal(size=2000), "price": random.normal(size=2000),
        }
    )  # fmt: skip
    last = f'{ENCODERS["target"]}\ncolumns = ["street"]\nsmooth = 1e-9\n\n[[steps]]\n{RIDGE}'
    data, found = fitted(project(table=noise, last=last, replace=SCALER))
    place = found.model[:-1].get_feature_names_out().tolist().index("street")
    naive = found.model[:-1].transform(data.frame[data.trained])["street"]
    # as the fitted encoder gives them, levels are means of their own targets; the model was not fitted on those
    assert np.corrcoef(naive, data.target[data.trained])[0, 1] > 0.6
    assert abs(found.model[-1].coef_[place]) < 0.15


def test_a_hundred_thousand_levels_train_where_the_configuration_allows_them(project):
    random = np.random.default_rng(4)
    rows = 130_000
    places = np.concatenate([np.arange(100_000), random.integers(0, 50, 30_000)])
    street = np.char.add("s", places.astype(str))
    table = pd.DataFrame({"id": range(rows), "street": street, "size": random.normal(size=rows)})
    table = table.assign(lane=street, road=street, price=table["size"] + (table["street"].str.len() == 2))
    encoders = {"street": "frequency", "lane": "target", "road": "the commonest levels"}
    last = "".join(
        f'{ENCODERS[name]}\ncolumns = ["{column}"]\n\n[[steps]]\n' for column, name in encoders.items()
    )
    allowed = {'target = "price"': 'target = "price"\nmax_categories = 200000'}
    path = project(table=table, last=last + RIDGE, replace=SCALER | allowed)
    data, found = fitted(path)
    assert len(data.inputs["street"].categories) > 60_000
    assert found.model[:-1].get_feature_names_out().shape == (7,)
    assert found.metrics["r2"] > 0.9
    asked = pd.DataFrame({"street": ["atlantis"], "size": [1.0], "lane": ["atlantis"], "road": ["atlantis"]})
    assert np.isfinite(found.model.predict(asked)).all()
    path.write_text(path.read_text().replace("max_categories = 200000\n", ""))
    config = read_config(path)
    with pytest.raises(HarnessError, match="categories, more than 10,000") as caught:
        read_data(config)
    assert "max_categories" in caught.value.hint
