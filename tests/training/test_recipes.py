"""Recipes: parts of dates, time that passed and ratios, the same in a batch and alone, today and tomorrow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.training import shipped
from harness.training.__main__ import train
from harness.training.config import read_config
from harness.training.config.recipes import PARTS, UNITS
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.limits import judge
from harness.training.profile import drift, profile_of
from harness.versions import wheel as wheels

from .conftest import RIDGE, houses

RECIPES = """

[recipes.calendar]
listed = ["year", "month", "weekend"]

[recipes.elapsed]
days = { of = "sold", since = "listed" }
age = { of = "sold", since = 2020-01-01, unit = "years" }

[recipes.ratios]
room_size = { of = "size", by = "rooms" }
"""
KINDS = {'target = "price"': 'target = "price"\nkinds = { listed = "datetime", sold = "datetime" }'}


def table() -> pd.DataFrame:
    random = np.random.default_rng(4)
    made = houses()
    listed = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 1500, 120), unit="D")
    sold = listed + pd.to_timedelta(random.integers(1, 200, 120), unit="D")
    made["price"] += 900 * (sold - listed).days + 5000 * listed.month
    return made.assign(listed=listed.strftime("%Y-%m-%d"), sold=sold.strftime("%Y-%m-%dT12:00:00"))


IMPUTE = 'step = "sklearn.impute.SimpleImputer"\n\n[[steps]]\n'


def configured(project, *, recipes: str = RECIPES, last: str = RIDGE, **changes):
    return project(
        table=changes.pop("table", table()),
        last=last + recipes,
        replace={**KINDS, **changes.pop("replace", {})},
    )


def derived(**recipes: object):
    return shipped.load("Derived", "checked_package")(**recipes)


stamps = st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1))


# ---- what is made


@settings(max_examples=80, deadline=None)
@given(times=st.lists(st.none() | stamps, min_size=1, max_size=12))
def test_parts_of_dates_are_those_of_the_standard_library(times):
    frame = pd.DataFrame({"t": pd.Series(times, dtype="datetime64[ns]")})
    made = derived(calendar={"t": list(PARTS)}).fit_transform(frame)
    assert list(made) == [f"t_{part}" for part in PARTS]
    for place, time in enumerate(times):
        row = made.iloc[place]
        if time is None:
            assert row.isna().all()
            continue
        expected = {
            "year": time.year, "quarter": (time.month + 2) // 3, "month": time.month, "week": time.isocalendar()[1],
            "day": time.day, "day_of_week": time.weekday(), "day_of_year": time.timetuple().tm_yday,
            "hour": time.hour, "minute": time.minute, "weekend": float(time.weekday() > 4),
        }  # fmt: skip
        assert {part: row[f"t_{part}"] for part in PARTS} == expected


@settings(max_examples=80, deadline=None)
@given(
    pairs=st.lists(st.tuples(stamps, st.none() | stamps), min_size=1, max_size=12),
    unit=st.sampled_from(UNITS),
)
def test_elapsed_time_is_the_difference_of_two_moments(pairs, unit):
    frame = pd.DataFrame(
        {
            "of": pd.Series([one for one, _ in pairs], dtype="datetime64[ns]"),
            "since": pd.Series([other for _, other in pairs], dtype="datetime64[ns]"),
        }
    )
    recipes = {
        "a": {"of": "of", "since": "since", "unit": unit},
        "b": {"of": "of", "since": "2001-02-03", "unit": unit},
    }
    made = derived(elapsed=recipes).fit_transform(frame)
    seconds = {
        "seconds": 1,
        "minutes": 60,
        "hours": 3600,
        "days": 86400,
        "weeks": 604800,
        "years": 365.25 * 86400,
    }
    for place, (one, other) in enumerate(pairs):
        fixed = (one - datetime(2001, 2, 3)).total_seconds() / seconds[unit]
        assert made["b"][place] == pytest.approx(fixed, rel=1e-12)
        if other is None:
            assert np.isnan(made["a"][place])
        else:
            assert made["a"][place] == pytest.approx((one - other).total_seconds() / seconds[unit], rel=1e-12)


@settings(max_examples=80, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300) | st.just(0.0)), min_size=1, max_size=9
    )
)
def test_a_ratio_is_finite_or_a_gap(pairs):
    frame = pd.DataFrame(pairs, columns=["of", "by"])
    made = derived(ratios={"r": {"of": "of", "by": "by"}}).fit_transform(frame)
    assert list(made) == ["of", "by", "r"]
    for (above, below), found in zip(pairs, made["r"], strict=True):
        expected = above / below if below else float("nan")
        assert found == expected if np.isfinite(expected) else np.isnan(found)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.integers(0, 119), min_size=1, max_size=20))
def test_a_row_alone_is_made_as_in_any_batch(rows):
    made = table()
    frame = pd.DataFrame(
        {"listed": pd.to_datetime(made["listed"]), "sold": pd.to_datetime(made["sold"]), "size": made["size"]}
    )
    step = derived(
        calendar={"listed": ["week", "hour"]}, elapsed={"days": {"of": "sold", "since": "listed"}},
        ratios={"r": {"of": "size", "by": "size"}},
    ).fit(frame)  # fmt: skip
    whole = step.transform(frame)
    assert step.transform(frame.iloc[rows]).equals(whole.iloc[rows])


# ---- in a version


def test_a_version_takes_times_and_its_recipes_reach_the_model(project, tmp_path):
    path = configured(project)
    config = read_config(path)
    data = read_data(config)
    assert {one.name: one.kind for one in data.inputs}["listed"] == "datetime"
    found = fit(config, data)
    names = found.model[:-2].get_feature_names_out().tolist()
    assert names == [
        "size",
        "rooms",
        "listed_year",
        "listed_month",
        "listed_weekend",
        "days",
        "age",
        "room_size",
    ]
    assert found.metrics["r2"] > 0.97
    # the linear model that is fitted beside sees the same columns
    assert found.references["linear"]["r2"] > 0.97
    without = fit(
        read_config(
            configured(
                project,
                recipes="",
                table=table().drop(columns=["listed", "sold"]),
                replace={'kinds = { listed = "datetime", sold = "datetime" }': ""},
            )
        ),
        read_data(read_config(path)),
    )
    assert without.metrics["mae"] > 2 * found.metrics["mae"]


ASK = """
import json, sys
import pandas as pd
from house_prices.predict import predict
frame = pd.read_csv(sys.argv[1])
aware = frame.assign(listed=pd.to_datetime(frame["listed"]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
days = frame.assign(listed=pd.to_datetime(frame["listed"]), sold=pd.to_datetime(frame["sold"]))
print(json.dumps([predict(one)["prediction"].tolist() for one in (frame, aware, days)]))
"""


def test_a_package_takes_times_as_text_as_moments_and_with_a_zone(project, tmp_path):
    path = configured(project)
    made = train(read_config(path), tmp_path / "dist", commit="", dirty=False)
    with zipfile.ZipFile(made["wheel"]) as archive:
        archive.extractall(tmp_path / "unpacked")
        assert {name for name in archive.namelist() if "/steps/" in name} == {
            "house_prices/steps/__init__.py", "house_prices/steps/derived.py"
        }  # fmt: skip
    asked = tmp_path / "asked.csv"
    table().drop(columns=["id", "price"]).to_csv(asked, index=False)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(asked)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "unpacked"), "TZ": "America/New_York"},
    )  # fmt: skip
    text, aware, moments = json.loads(done.stdout)
    assert text == aware == moments
    config = read_config(path)
    data = read_data(config)
    assert text == pytest.approx(fit(config, data).model.predict(data.frame).tolist(), rel=1e-12)
    manifest, _ = wheels.read(Path(made["wheel"]))
    assert manifest.inputs["sold"].kind == "datetime"


def test_columns_of_times_have_a_profile_and_drift(project):
    config = read_config(configured(project))
    data = read_data(config)
    profile = profile_of(data)
    edges = profile["sold"]["edges"]
    days = (pd.Timestamp("2020-01-01") - pd.Timestamp("1970-01-01")).days
    assert days < edges[0] < edges[-1] < days + 1800
    assert drift(profile["sold"], data.frame["sold"][data.trained]) == pytest.approx(0.0, abs=1e-9)
    assert drift(profile["sold"], data.frame["sold"][data.trained] + pd.Timedelta(days=900)) > 1
    judge(config, data, profile)


def test_a_feature_that_no_recipe_needs_any_more_leaves_with_its_recipes(project):
    select = (
        'step = "sklearn.feature_selection.SelectKBest"\nk = 1\n'
        'score_func = { function = "sklearn.feature_selection.f_regression" }\n\n[[steps]]\n'
    )
    quiet = table().assign(price=houses()["price"])
    path = configured(
        project, last=select + RIDGE, recipes=RECIPES + "\n[selection]\nresamples = 3\n", table=quiet
    )
    config = read_config(path)
    found = fit(config, read_data(config))
    assert found.selection.found.dropped == ("rooms", "listed", "sold")
    assert found.data.inputs.names == ("size",)
    assert found.model.steps[0][1].get_feature_names_out().tolist() == ["size"]
    assert found.model.predict(found.data.frame[["size"]]).shape == (120,)


def test_a_search_finds_the_steps_behind_the_recipes(project):
    search = '\n[search]\nparameters = { "Ridge.alpha" = [1, 1000] }\nfolds = 3\n'
    config = read_config(configured(project, recipes=RECIPES + search))
    assert fit(config, read_data(config)).search.best == {"Ridge.alpha": 1}


# ---- what is refused


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('["year", "month", "weekend"]', '["yaer"]', 'did you mean "year"'),
        ('since = "listed"', 'since = "now"', "a clock"),
        ('since = "listed"', 'since = "Today()"', "a clock"),
        ('since = "listed"', 'since = "lisetd"', 'did you mean "listed"'),
        ('since = "listed"', 'since = "size"', '"days" is made of size, which is'),
        ("2020-01-01", "0900-01-01", "since is 0900-01-01"),
        ('unit = "years"', 'unit = "year"', 'did you mean "years"'),
        ('of = "size", by', 'of = "sold", by', '"room_size" is made of sold, which is datetime'),
        ('of = "size", by', "by", "the recipe is"),
        ('of = "size", by', 'of = "size", bye = "x", by', 'unknown key "bye"'),
        ("room_size =", "rooms =", 'makes "rooms", which is a feature already'),
        ("room_size =", "age =", 'two recipes make a column "age"'),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(project, old, new, words):
    path = configured(project, recipes=RECIPES.replace(old, new))

    def data():
        read_data(read_config(path))

    with pytest.raises(HarnessError) as caught:
        data()
    assert words in str(caught.value)


def test_times_that_no_step_takes_are_refused_with_the_recipe_that_helps(project):
    path = configured(project, recipes="")
    config = read_config(path)
    with pytest.raises(HarnessError) as caught:
        read_data(config)
    assert "[recipes.calendar] listed" in caught.value.hint


def test_a_moment_that_cannot_be_kept_is_named(project):
    far = table()
    far.loc[3, "sold"] = "9999-12-31"
    config = read_config(configured(project, table=far))
    with pytest.raises(HarnessError, match=r"sold.*in line 5"):
        read_data(config)


def test_no_recipe_depends_on_when_it_is_asked():
    text = Path(shipped.__file__).with_name("derived.py").read_text(encoding="utf-8")
    for clock in ("now(", "today(", "import time", "utcnow"):
        assert clock not in text
    assert datetime.now(UTC)
