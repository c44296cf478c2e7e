"""The packaged `predict`: every row has an answer or an error of its own, and no row has that of another."""

from __future__ import annotations

import datetime
import decimal
import json
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.training.config import read_config
from harness.training.data import read_data

from .conftest import CONFIG, houses
from .packages import imported, trained

ENCODED = """\
step = "sklearn.preprocessing.OneHotEncoder"
columns = ["district"]
handle_unknown = "{unknown}"
sparse_output = false

[[steps]]
step = "sklearn.linear_model.{model}"
"""
SCALER = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'
KINDS = 'target = "price"\nkinds = { rooms = "int", garden = "bool" }'


def table(rows: int = 120) -> pd.DataFrame:
    """Every kind of column: size may be missing, the others may not."""
    made = houses(rows)
    return made.assign(district=np.where(made.index % 4 == 0, "north", "south"), garden=made.index % 3 == 0)


def steps(model: str = "Ridge", unknown: str = "error") -> str:
    return 'step = "sklearn.impute.SimpleImputer"\ncolumns = ["size"]\n\n[[steps]]\n' + ENCODED.format(
        model=model, unknown=unknown
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("predict")


@pytest.fixture
def package(project, tmp_path):
    """`package(**changes)`: the module `predict` of a package with all kinds of columns."""

    def make(unknown: str = "error", made: pd.DataFrame | None = None, nullable: str = '["size"]', **changes):
        replace = {
            SCALER: "",
            'target = "price"': f"{KINDS}\nnullable = {nullable}",
            **changes.pop("replace", {}),
        }
        made = table() if made is None else made
        return trained(project(last=steps(unknown=unknown), table=made, replace=replace, **changes), tmp_path)

    return make


GOOD = {"size": 80.5, "rooms": 3, "district": "north", "garden": True}


def test_records_are_answered_as_frames_are(package):
    module = package()
    asked = table()[list(GOOD)]
    frame = module.predict(asked)
    assert list(frame.columns) == ["prediction"]
    records = module.predict(asked.to_dict("records"))
    assert records == [{"prediction": value} for value in frame["prediction"]]
    assert module.predict([]) == []
    assert module.predict(asked.iloc[:0]).empty


def framed(rows) -> pd.DataFrame:
    """Records as a table whose cells are what they are."""
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in GOOD})


BAD = [
    ({"size": "80.5"}, "size: str is no number"),
    ({"size": float("inf")}, "size: infinite"),
    ({"size": -np.inf}, "size: infinite"),
    ({"size": 10**400}, "size: infinite"),
    ({"size": [1.0]}, "size: list is no number"),
    ({"size": 1j}, "size: complex is no number"),
    ({"rooms": 2.5}, "rooms: no whole number"),
    ({"rooms": "3"}, "rooms: str is no whole number"),
    ({"rooms": None}, "rooms: missing"),
    ({"size": decimal.Decimal("sNaN")}, "size: Decimal is no number"),
    ({"garden": 2}, "garden: neither true nor false"),
    ({"garden": "true"}, "garden: str is no truth value"),
    ({"garden": pd.NA}, "garden: missing"),
    ({"district": 7}, "district: int is no text"),
    ({"district": b"north"}, "district: bytes is no text"),
    ({"district": None}, "district: missing"),
    ({"district": {"a": 1}}, "district: dict is no text"),
    ({"district": None, "rooms": "many"}, "rooms: str is no whole number; district: missing"),
]


@pytest.mark.parametrize(("spoilt", "words"), BAD)
def test_a_row_that_cannot_be_answered_has_an_error_of_its_own(package_once, spoilt, words):
    asked = [GOOD, {**GOOD, **spoilt}, {**GOOD, "size": 99.0}]
    alone = [package_once.predict([one])[0] for one in (asked[0], asked[2])]
    answers = package_once.predict(asked)
    assert answers[1] == {"error": words}
    assert [answers[0], answers[2]] == [pytest.approx(one, rel=1e-12) for one in alone]
    frame = package_once.predict(framed(asked).set_axis(["a", "b", "c"]))
    assert list(frame.index) == ["a", "b", "c"]
    assert frame["error"].tolist() == [None, words, None]
    assert frame["prediction"].isna().tolist() == [False, True, False]


@pytest.fixture(scope="module")
def package_once(folder):
    """One package for all that only ask it."""
    text = CONFIG.format(last=steps(), task="regression").replace(SCALER, "")
    text = text.replace('target = "price"', f'{KINDS}\nnullable = ["size"]')
    (folder / "house.toml").write_text(text)
    table().to_csv(folder / "houses.csv", index=False)
    names = ("numpy", "scipy", "scikit-learn", "joblib", "pandas")
    (folder / "house.lock").write_text("".join(f"{n}=={metadata.version(n)}\n" for n in names))
    return trained(folder / "house.toml", folder)


def test_what_is_a_number_and_what_is_none(package_once):
    said = [
        decimal.Decimal("80.5"), np.float32(80.5), np.int16(80), 80, True, np.bool_(True), np.nan, None, pd.NA, pd.NaT,
    ]  # fmt: skip
    answers = package_once.predict([{**GOOD, "size": one} for one in said])
    assert ["error" in one for one in answers] == [False] * len(said)
    # what is missing is imputed, as it was learnt
    assert len({one["prediction"] for one in answers[6:]}) == 1


@pytest.mark.parametrize("dtype", ["Float64", "float32", "category", object, "Int64"])
def test_the_type_of_a_column_changes_no_answer(package_once, dtype):
    asked = table()[list(GOOD)].assign(size=np.arange(120.0))
    wanted = package_once.predict(asked)
    pd.testing.assert_frame_equal(
        package_once.predict(asked.assign(size=asked["size"].astype(dtype))), wanted
    )
    for text in ("category", "string", object):
        given = asked.assign(district=asked["district"].astype(text))
        pd.testing.assert_frame_equal(package_once.predict(given), wanted)


@pytest.mark.parametrize("cells", [None, float("nan"), pd.NA])
def test_the_model_sees_what_it_was_trained_on_type_by_type(folder, package_once, monkeypatch, cells):
    trained_on = read_data(read_config(folder / "house.toml")).frame
    seen = []
    ask = package_once.MODEL.predict
    monkeypatch.setattr(package_once.MODEL, "predict", lambda given: seen.append(given) or ask(given))
    package_once.predict(table()[list(GOOD)])
    package_once.predict([GOOD, {**GOOD, "size": cells}])
    for frame in seen:
        assert frame.dtypes.to_dict() == trained_on[list(frame)].dtypes.to_dict()
        assert {type(cell) for cell in frame["district"]} == {str}
        assert frame["size"].isna().sum() == (len(frame) == 2)
    values, wrong = package_once._texts(pd.Series(["a", cells, 7], dtype=object), "str")
    assert (wrong[0], wrong[2]) == (False, True)
    assert values.dtype == object
    assert [type(cell) for cell in values] == [str, float, float]


def test_what_the_model_itself_refuses_is_an_error_of_that_row(package_once):
    asked = pd.DataFrame([GOOD] * 9)
    asked.loc[4, "district"] = "west"
    answers = package_once.predict(asked)
    assert answers["error"].notna().tolist() == [row == 4 for row in range(9)]
    assert answers["error"][4].startswith("ValueError: Found unknown categories")
    np.testing.assert_allclose(
        answers["prediction"].drop(4), package_once.predict(asked.drop(4))["prediction"], rtol=1e-12
    )


def test_a_model_that_refuses_all_is_not_asked_row_by_row(package_once, monkeypatch):
    asked = pd.DataFrame([{**GOOD, "district": "west"}] * 5000)
    calls = []
    ask = package_once.MODEL.predict
    monkeypatch.setattr(package_once.MODEL, "predict", lambda given: calls.append(len(given)) or ask(given))
    answers = package_once.predict(asked)
    assert answers["error"].str.startswith("ValueError: Found unknown categories").all()
    assert sum(calls) == 5000 + package_once.SPREAD
    # where the spread rows do not all fail alike, every row is asked
    few = asked.head(100).copy()
    few.loc[[0, 50], "district"] = "north"
    assert package_once.predict(few)["error"].isna().to_numpy().nonzero()[0].tolist() == [0, 50]


def test_trouble_that_is_no_fault_of_a_row_is_raised(package_once, monkeypatch):
    for trouble in (MemoryError, ImportError):

        def fail(given, trouble=trouble):
            raise trouble("no")

        monkeypatch.setattr(package_once.MODEL, "predict", fail)
        with pytest.raises(trouble):
            package_once.predict([GOOD])


def test_what_is_no_table_is_refused_as_a_whole(package_once):
    with pytest.raises(ValueError, match="missing columns: rooms, district, garden"):
        package_once.predict(pd.DataFrame({"size": [1.0]}))
    for asked in (GOOD, "size", 7, None):
        with pytest.raises(TypeError, match="give a DataFrame or a list of records"):
            package_once.predict(asked)
    answers = package_once.predict([7, GOOD, None])
    assert answers[0] == {"error": "int is no record"}
    assert answers[2] == {"error": "NoneType is no record"}
    assert list(answers[1]) == ["prediction"]


def test_values_are_not_told_in_errors(package_once):
    secret = "4929-1234-5678"
    asked = [{**GOOD, name: secret} for name in ("size", "rooms", "garden")]
    assert secret not in json.dumps(package_once.predict(asked))


@pytest.mark.parametrize(("nullable", "refused"), [('["size"]', 3), ('["*"]', 0), ('["size", "rooms"]', 2)])
def test_the_schema_says_what_may_be_missing(package, nullable, refused):
    module = package(nullable=nullable, unknown="ignore")
    asked = [{**GOOD, name: None} for name in GOOD]
    answers = module.predict(asked)
    assert sum(one.get("error", "").endswith(": missing") for one in answers) == refused


def test_labels_keep_their_type_beside_errors(project, tmp_path):
    made = table().assign(price=lambda t: t["rooms"] % 3)
    path = project(
        table=made,
        last=steps("LogisticRegression") + "max_iter = 1000\n",
        task="classification",
        replace={SCALER: "", 'target = "price"': f'{KINDS}\nnullable = ["size"]'},
    )
    module = trained(path, tmp_path)
    answers = module.predict([GOOD, {**GOOD, "rooms": None}])
    assert type(answers[0]["prediction"]) is int
    assert set(answers[0]) == {"prediction", "probability_0", "probability_1", "probability_2"}
    assert answers[1] == {"error": "rooms: missing"}
    frame = module.predict(pd.DataFrame([GOOD, {**GOOD, "rooms": None}]))
    assert frame["prediction"].tolist()[0] == answers[0]["prediction"]
    assert frame["prediction"][1] is None
    assert module.predict(pd.DataFrame([GOOD]))["prediction"].dtype == np.int64


def test_times_are_held_against_the_schema_too(package_once):
    cells = [
        datetime.datetime(2026, 1, 31, 12), "2026-01-31T12:00:00", "2026-01-31T13:00:00+01:00",
        pd.Timestamp("2026-01-31 12:00", tz="UTC"),
        np.datetime64("2026-01-31T12:00"), None, pd.NaT, 7, 7.5, "soon", True,
    ]  # fmt: skip
    values, wrong = package_once._times(pd.Series(cells, dtype=object), "datetime")
    assert values.dtype == "datetime64[ns]"
    assert (values[:5] == np.datetime64("2026-01-31T12:00")).all()
    assert wrong.tolist()[:5] == [False] * 5
    assert wrong.tolist()[7:] == [True] * 4
    assert package_once._words(7, "datetime") == "int is no time"


def test_a_time_that_no_count_of_nanoseconds_reaches_spoils_no_other_row(package_once):
    for cells in (
        ["9999-12-31", "2020-01-01"],
        [datetime.datetime(9999, 12, 31), datetime.datetime(2020, 1, 1)],
    ):
        values, wrong = package_once._times(pd.Series(cells, dtype=object), "datetime")
        assert wrong.tolist() == [True, False]
        assert values[1] == np.datetime64("2020-01-01")


def test_a_model_file_that_was_changed_is_not_opened(package, tmp_path):
    module = package()
    (path,) = tmp_path.glob("opened*/house_prices/model.joblib")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ImportError, match=r"house_prices/model.joblib is not the file that was packaged"):
        imported(path.with_name("predict.py"))
    assert module.MODEL is not None


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**320), 10**320),
    st.floats(),
    st.text(max_size=6),
    st.binary(max_size=3),
    st.sampled_from(
        [pd.NA, pd.NaT, np.float32("inf"), 1e308, -1e308, 5e-324, 1j, object(), (), [1], {"a": 2}]
    ),
    st.datetimes(),
    st.decimals(allow_nan=True),
)
ROWS = st.dictionaries(
    st.sampled_from([*GOOD, "unknown"]), ANYTHING | st.sampled_from(list(GOOD.values())), max_size=5
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS | st.just(GOOD), max_size=12))
def test_any_mix_is_answered_or_refused_row_by_row(package_once, rows):
    """Missing, unseen, extreme and mistyped: as many replies as rows, each an answer or an error; and a good row has
    the answer that it has alone."""
    alone = package_once.predict([GOOD])[0]["prediction"]
    with np.errstate(all="ignore"):
        answers = package_once.predict(rows)
    assert len(answers) == len(rows)
    for row, answer in zip(rows, answers, strict=True):
        assert list(answer) in (["prediction"], ["error"])
        if "error" in answer:
            assert isinstance(answer["error"], str)
            assert answer["error"]
        if list(map(repr, row.items())) == list(map(repr, GOOD.items())):
            assert answer["prediction"] == pytest.approx(alone, rel=1e-12)
    answers_of_frame = package_once.predict(framed(rows))
    errors = answers_of_frame["error"].tolist() if "error" in answers_of_frame else [None] * len(rows)
    assert errors == [answer.get("error") for answer in answers]
