"""The shipped model: its fixtures belong together, and its demonstration needs no bending of the statistics."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.statistics.metrics import Answers
from harness.statistics.quality import not_worse
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.scores import moved

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module")
def config():
    return read_config(FIXTURES / "diabetes.toml")


@pytest.fixture(scope="module")
def data(config):
    return read_data(config)


def test_the_held_out_table_is_what_training_holds_out(config, data):
    held = pd.read_parquet(FIXTURES / "holdout.parquet")
    assert 100 <= len(held) <= 180
    assert list(held.columns) == [config.key, *data.inputs.names, config.target]
    assert held[config.target].tolist() == data.target[data.held_out].tolist()
    for name in data.inputs.names:
        assert held[name].tolist() == data.frame[name][data.held_out].tolist()


def predictions(config, data, alpha):
    ridge = replace(config.steps[1], parameters={"alpha": alpha})
    return fit(replace(config, steps=(config.steps[0], ridge)), data).model.predict(data.frame[data.held_out])


@pytest.mark.parametrize(("alpha", "status"), [(10, "PASS"), (1000, "FAIL")])
def test_a_harmless_retrain_passes_and_a_harmful_one_fails(config, data, alpha, status):
    assert "\nalpha = 10\n" in (FIXTURES / "diabetes.toml").read_text()
    labels = data.target[data.held_out]
    old, new = predictions(config, data, 1), predictions(config, data, alpha)
    rows = np.arange(len(labels))
    found = not_worse(labels, Answers(old), Answers(new), rows, scorer="neg_mean_absolute_error")
    assert found.status == status
    if alpha == 10:
        assert 0.35 < moved({"prediction": old}, {"prediction": new}) < 0.60
    else:
        assert found.change > 0.05


@pytest.mark.parametrize("name", ["diabetes", "houses"])
def test_the_lock_pins_everything_by_digest_and_names_no_place(name):
    text = (FIXTURES / f"{name}.lock").read_text()
    pins = re.findall(r"^([a-z0-9-]+)==\S+", text, re.MULTILINE)
    assert {"numpy", "scipy", "scikit-learn", "joblib", "pandas", "threadpoolctl"} <= set(pins)
    for line in text.splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins)
    assert all("--hash" in block for block in blocks)
    for line in (FIXTURES / f"{name}.in").read_text().splitlines():
        assert line.startswith("#") or f"{line} \\" in text


def test_the_example_of_the_documentation_is_the_one_that_is_tested():
    page = (FIXTURES.parent / "docs" / "training.md").read_text(encoding="utf-8")
    text = (FIXTURES / "houses.toml").read_text(encoding="utf-8")
    assert f"```toml\n{text}```" in page
    assert read_config(FIXTURES / "houses.toml").recipes is not None
