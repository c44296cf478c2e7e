"""A small project with a training configuration, its data and a lock of the libraries that are installed here."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pandas as pd
import pytest

CONFIG = """\
model = "house-prices"
package = "house_prices"
version = "1.2.0"
task = "{task}"
seed = 7
lock = "house.lock"

[data]
path = "houses.csv"
key = "id"
target = "price"

[split]
share = 0.3
salt = "houses"

[[steps]]
step = "sklearn.preprocessing.StandardScaler"

[[steps]]
{last}
"""

RIDGE = 'step = "sklearn.linear_model.Ridge"\nalpha = 10'


@pytest.fixture
def project(tmp_path):
    """`project(**changes)` writes configuration, data and lock; returns the path of the configuration."""

    def write(
        *, last: str = RIDGE, task: str = "regression", table: pd.DataFrame | None = None, replace=None
    ):
        text = CONFIG.format(last=last, task=task)
        for old, new in (replace or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        (tmp_path / "house.toml").write_text(text)
        (houses() if table is None else table).to_csv(tmp_path / "houses.csv", index=False)
        names = ("numpy", "scipy", "scikit-learn", "joblib", "pandas")
        (tmp_path / "house.lock").write_text(
            "".join(f"{n}=={metadata.version(n)} \\\n    --hash=sha256:0\n" for n in names)
        )
        return tmp_path / "house.toml"

    return write


def houses(rows: int = 120) -> pd.DataFrame:
    random = np.random.default_rng(5)
    size, rooms = random.uniform(30, 200, rows).round(1), random.integers(1, 7, rows)
    price = (1000 * size + 5000 * rooms + random.normal(0, 4000, rows)).round(2)
    return pd.DataFrame({"id": [f"h{i}" for i in range(rows)], "size": size, "rooms": rooms, "price": price})
