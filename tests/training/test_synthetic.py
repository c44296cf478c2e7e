"""The test bed's table: the same to the bit however it is made, and as its documentation describes it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import uv
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import harness
from harness.cli import main
from harness.errors import HarnessError
from harness.training.planting import recipe
from harness.training.synthetic import draws
from harness.training.synthetic.houses import COLUMNS, KEY, LATE, LATE_FROM, Knobs, houses, true_price
from harness.training.synthetic.write import SUFFIXES, write

EXACT: dict[str, str] = {} if pd.__version__ >= "3.1" else {"float_precision": "round_trip"}
"""How CSV is read to the last bit: older versions of pandas have to be told, newer ones warn of that."""

ROWS = np.arange(200_000, dtype=np.uint64)
WHOLE = {"missing_at_random": 0.0, "missing_not_at_random": 0.0}

DIGEST = "88096154f8a087b4b88d6d22a0a2924e623f1a593f3308ac4a03199ca9a0dad4"
"""Of the first 20,000 houses: frozen, since a test bed that moves makes every measurement with it void."""

DIGEST_OF = """
import hashlib, sys
from harness.training.synthetic.houses import Knobs, houses
whole = hashlib.sha256()
for name, values in houses(0, 20_000, Knobs(drift=0.3)).items():
    whole.update(name.encode())
    texts = values.dtype == object or values.dtype.kind == "M"
    whole.update("\\n".join(map(str, values)).encode() if texts else values.tobytes())
print(whole.hexdigest())
"""


def frame(first: int = 0, rows: int = 50_000, **knobs: float) -> pd.DataFrame:
    return pd.DataFrame(houses(first, rows, Knobs(**knobs)))


# ---- draws


def test_bits_are_those_of_splitmix64():
    """Against the generator as its authors publish it, in Python's unbounded integers."""
    start = int.from_bytes(hashlib.sha256(b"7:name").digest()[:8], "big")
    state, expected = start, []
    for _ in range(100):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        expected.append(mixed ^ (mixed >> 31))
    assert draws.bits(7, "name", ROWS[:100]).tolist() == expected


def test_draws_have_the_distributions_that_they_are_named_for():
    assert stats.kstest(draws.uniform(1, "a", ROWS), "uniform").pvalue > 1e-3
    bell = draws.bell(1, "a", ROWS)
    assert abs(bell.mean()) < 0.01
    assert abs(bell.std() - 1) < 0.01
    assert stats.kstest(bell[:5_000], "norm").pvalue > 1e-3
    counts = np.bincount(draws.choice(1, "a", ROWS, (7, 2, 1)))
    assert stats.chisquare(counts, ROWS.size * np.array([0.7, 0.2, 0.1])).pvalue > 1e-3


def test_draws_of_other_names_and_seeds_are_unrelated():
    one = draws.uniform(1, "a", ROWS)
    for other in (draws.uniform(1, "b", ROWS), draws.uniform(2, "a", ROWS), np.roll(one, 1)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.01


# ---- the same everywhere


@given(cuts=st.lists(st.integers(1, 499), max_size=6, unique=True), seed=st.integers(0, 2**32))
def test_a_table_does_not_depend_on_the_parts_it_is_made_in(cuts, seed):
    knobs = Knobs(seed=seed, drift=0.5)
    whole = houses(1_000, 500, knobs)
    edges = [0, *sorted(cuts), 500]
    parts = [houses(1_000 + low, high - low, knobs) for low, high in pairwise(edges)]
    for name, values in whole.items():
        joined = np.concatenate([part[name] for part in parts])
        assert joined.dtype == values.dtype
        assert pd.Series(joined).equals(pd.Series(values)), name


@pytest.mark.parametrize("numpy", ["", "1.26.4"])
def test_the_table_is_the_same_to_the_bit_under_another_numpy(numpy, tmp_path):
    python = sys.executable
    if numpy:
        tool = uv.find_uv_bin()
        subprocess.run([tool, "venv", "-q", "-p", sys.executable, tmp_path / "old"], check=True)
        python = str(tmp_path / "old/bin/python")
        subprocess.run([tool, "pip", "install", "-q", "-p", python, f"numpy=={numpy}"], check=True)
    done = subprocess.run(
        [python, "-c", DIGEST_OF],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])},
    )  # fmt: skip
    assert done.stdout.strip() == DIGEST


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_holds_the_table_whatever_its_format(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.training.synthetic.write.PART", 700)
    path = tmp_path / f"houses{suffix}"
    write(path, 2_000, first=40, truth=tmp_path / "truth.csv")
    read = {
        ".parquet": pd.read_parquet,
        ".csv": lambda one: pd.read_csv(one, parse_dates=["listed"], **EXACT),
        ".jsonl": lambda one: pd.DataFrame(map(json.loads, one.read_text().splitlines())).astype(
            {"listed": "datetime64[s]"}
        ),
    }[suffix](path)
    expected = frame(40, 2_000)
    assert list(read) == list(expected) == list(COLUMNS)
    for name in expected:
        if COLUMNS[name] == "str":
            assert list(map(str, read[name].fillna("-"))) == list(map(str, expected[name].fillna("-")))
        else:
            assert np.array_equal(
                read[name].to_numpy(expected[name].dtype),
                expected[name].to_numpy(),
                equal_nan=COLUMNS[name] == "float",
            ), name
    # the parser that pandas takes by default is off in the last bits
    truth = pd.read_csv(tmp_path / "truth.csv", **EXACT)
    assert truth[KEY].tolist() == expected[KEY].tolist()
    assert (truth["true_price"] == true_price(40, 2_000, Knobs())).all()


# ---- what the table is


def test_the_truth_is_the_price_but_for_its_noise():
    quiet = frame(rows=5_000, noise=0.0)
    ratio = quiet["price"] / true_price(0, 5_000, Knobs(noise=0.0))
    within = np.abs(ratio - 1) < 0.004  # prices are whole hundreds
    family = np.abs(ratio - 0.6) < 0.004
    assert (within | family).all()
    assert 0.003 < family.mean() < 0.02
    ratio = frame()["price"] / true_price(0, 50_000, Knobs())
    assert abs(ratio[ratio > 0.65].std() - 0.08) < 0.004


def test_gaps_are_there_at_random_and_not_at_random():
    table = frame()
    old = table["year"] < 1978
    assert (
        table["energy"].isna()[old].mean() > 5 * table["energy"].isna()[~old & table["year"].notna()].mean()
    )
    assert abs(table["year"].isna().mean() - 0.06) < 0.005
    # where the year is gone says nothing of the price
    assert (
        stats.ks_2samp(table["price"][table["year"].isna()], table["price"][table["year"].notna()]).pvalue
        > 1e-3
    )


AT_RANDOM, NOT_AT_RANDOM = ("year", "noise", "floor"), ("energy", "garden")


@pytest.mark.parametrize(
    ("knob", "moved", "still"),
    [
        ("missing_at_random", AT_RANDOM, NOT_AT_RANDOM),
        ("missing_not_at_random", NOT_AT_RANDOM, AT_RANDOM),
    ],
)
def test_each_knob_of_gaps_moves_its_own(knob, moved, still):
    usual, none, twice = frame(), frame(**{knob: 0.0}), frame(**{knob: 2.0})
    for name in moved:
        gone = usual[name].isna() & ((usual["kind"] == "flat") | (name != "floor"))
        left = none[name].isna() & ((none["kind"] == "flat") | (name != "floor"))
        more = twice[name].isna() & ((twice["kind"] == "flat") | (name != "floor"))
        assert not left.any(), name
        assert 1.6 * gone.sum() < more.sum() < 2.2 * gone.sum(), name
        assert (more >= gone).all(), name
    for name in still:
        assert usual[name].isna().equals(none[name].isna()), name
        assert usual[name].isna().equals(twice[name].isna()), name
    # nothing else of the houses is touched by what is missing
    assert usual["price"].equals(none["price"])


def test_the_command_turns_both_knobs_of_gaps_or_each_alone(tmp_path):
    def made(*options: str) -> pd.DataFrame:
        assert main(["data", "synth", str(tmp_path / "made.parquet"), "--rows", "2000", *options]) == 0
        return pd.read_parquet(tmp_path / "made.parquet")

    none = made("--missing", "0")
    assert not none[["year", "noise", "energy", "garden"]].isna().any().any()
    one = made("--missing", "0", "--missing-not-at-random", "2")
    assert not one[["year", "noise"]].isna().any().any()
    assert one["energy"].isna().mean() > 0.3
    other = made("--missing-not-at-random", "0", "--missing-at-random", "3")
    assert not other[["energy", "garden"]].isna().any().any()
    assert other["year"].isna().mean() > 0.14


def test_a_district_appears_later_and_two_are_rare():
    table = frame()
    late = table["district"] == LATE
    assert late.sum() > 300
    assert (table["listed"][late] >= LATE_FROM).all()
    shares = table["district"].value_counts(normalize=True)
    assert 0.0005 < shares["royal park"] < 0.002
    assert 0.002 < shares["mill island"] < 0.005
    assert table["agent"].nunique() > 3_000


def test_columns_that_say_nothing_are_there():
    table = frame()
    assert (table["area"] == table["area_copy"]).all()
    assert table["country"].nunique() == 1
    assert stats.skew(table["area"]) > 1
    assert not table[KEY].duplicated().any()


def test_outliers_are_as_many_as_asked_for_and_ten_times_too_large():
    calm, wild = frame(outliers=0.0, **WHOLE), frame(outliers=0.05, **WHOLE)
    moved = calm["garden"] != wild["garden"]
    assert np.allclose(wild["garden"][moved], 10 * calm["garden"][moved])
    assert abs(moved.mean() / (calm["garden"] > 0).mean() - 0.05) < 0.005


def test_interactions_are_in_the_price():
    """A garage adds four times as much in the old town: the same house with and without, all else equal."""
    table = frame(noise=0.0, **WHOLE)
    worth = {}
    for town in (True, False):
        rows = (table["district"] == "old town") == town
        design = pd.get_dummies(
            table[rows][["kind", "condition", "district", "energy"]], drop_first=True, dtype=float
        )
        design = design.assign(one=1.0, distance=table["distance"], garage=table["garage"].astype(float))
        share = np.log(table["price"][rows] / table["area"][rows])
        found = np.linalg.lstsq(design.to_numpy(), share.to_numpy(), rcond=None)[0]
        worth[town] = found[list(design).index("garage")]
    assert worth[True] > 2 * worth[False] > 0


def test_drift_moves_what_is_offered():
    before, after = frame(), frame(drift=1.0)
    assert after["area"].mean() > 1.1 * before["area"].mean()
    assert (after["district"] == "east").mean() > 2 * (before["district"] == "east").mean()
    assert after["price"].median() > before["price"].median()


# ---- a fault in the table


def test_a_planted_fault_spoils_the_rows_that_it_names_and_no_other(tmp_path):
    told = {"column": "area", "factor": 10.76, "when": "district", "equals": "north"}
    fault = recipe("unit-error", told, COLUMNS)
    assert fault.where == "district == 'north'"
    write(tmp_path / "spoilt.parquet", 3_000, planted=fault)
    write(tmp_path / "whole.parquet", 3_000)
    spoilt, whole = pd.read_parquet(tmp_path / "spoilt.parquet"), pd.read_parquet(tmp_path / "whole.parquet")
    north = whole["district"] == "north"
    assert north.sum() > 300
    assert ((spoilt["area"] != whole["area"]) == north).all()
    assert (spoilt["area"][north] == whole["area"][north] * 10.76).all()
    assert spoilt.drop(columns="area").equals(whole.drop(columns="area"))


# ---- what is refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 0}, "rows is 0"),
        ({"first": -1}, "first is -1"),
        ({"knobs": Knobs(drift=1.5)}, "drift is 1.5"),
        ({"knobs": Knobs(missing_at_random=float("nan"))}, "missing_at_random is nan"),
        ({"knobs": Knobs(missing_not_at_random=3.1)}, "missing_not_at_random is 3.1"),
        ({"knobs": Knobs(seed=-1)}, "seed is -1"),
        ({"path": Path("houses.xls")}, "no table is written as .xls"),
        ({"path": Path("/proc/none/houses.csv")}, "the table cannot be written"),
    ],
)
def test_what_cannot_be_made_is_refused(change, words, tmp_path):
    with pytest.raises(HarnessError, match=words):
        write(**{"path": tmp_path / "houses.csv", "rows": 10, **change})
    assert not list(tmp_path.iterdir())


def test_a_table_that_is_cut_off_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "houses.csv"
    path.write_text("as it was")
    monkeypatch.setattr("harness.training.synthetic.write.PART", 5)
    made = iter([houses(0, 5, Knobs())])
    monkeypatch.setattr("harness.training.synthetic.write.houses", lambda *_: next(made))
    with pytest.raises(StopIteration):
        write(path, 10)
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]
