"""Every source gives the same training as the same table in a file, and says what is wrong in its own words."""

from __future__ import annotations

import sqlite3

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.training.config import read_config
from harness.training.data import read_data
from tests.training.conftest import houses

PATH = 'path = "houses.csv"'


def data_of(project, new, **changes):
    return read_data(read_config(project(replace={PATH: new, **changes})))


@pytest.fixture
def database(tmp_path):
    with sqlite3.connect(tmp_path / "houses.db") as connection:
        houses().to_sql("houses", connection, index=False)
    return f"sqlite:///{tmp_path}/houses.db"


def same(one, two):
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.target.tolist() == two.target.tolist()
    assert one.held_out.tolist() == two.held_out.tolist()
    assert one.inputs == two.inputs


def test_every_source_gives_the_same_table(project, tmp_path, database):
    houses().to_parquet(tmp_path / "houses.parquet")
    houses().to_json(tmp_path / "houses.jsonl", orient="records", lines=True, double_precision=15)
    csv = data_of(project, PATH)
    same(csv, data_of(project, 'path = "houses.parquet"'))
    same(csv, data_of(project, 'path = "houses.jsonl"'))
    same(csv, data_of(project, f'sql = "SELECT * FROM houses ORDER BY rowid"\nurl = "{database}"'))


STEP = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"'
RECIPE = {STEP: f'[recipes.calendar]\nsold = ["hour"]\n\n{STEP}'}


def test_times_with_a_zone_are_utc_in_every_source(project, tmp_path):
    """As `predict` of the package has them: another hour there would be another answer."""
    sold = pd.date_range("2026-03-01 00:30", periods=120, freq="h", tz="Europe/Berlin")
    table = houses().assign(sold=sold)
    table.to_parquet(tmp_path / "houses.parquet", index=False)
    kinds = 'kinds = { sold = "datetime" }'
    found = data_of(project, f'path = "houses.parquet"\n{kinds}', **RECIPE)
    assert found.frame["sold"].tolist() == sold.tz_convert("UTC").tz_localize(None).tolist()
    project(table=table.assign(sold=sold.map(lambda time: time.isoformat())), replace=RECIPE)
    path = tmp_path / "house.toml"
    path.write_text(path.read_text().replace(PATH, f"{PATH}\n{kinds}"))
    same(found, read_data(read_config(path)))


def test_parquet_gives_what_it_holds_in_whatever_form(project, tmp_path):
    """Dictionaries, short numbers, gaps, days and a frame's index: against what pandas makes of the same file."""
    table = houses().assign(
        town=pd.Categorical(["Köln", None, "Bonn"] * 40),
        floor=pd.array([1, None, 3] * 40, dtype="Int8"),
        height=np.array([1.5, np.nan, 2.5] * 40, dtype="float32"),
        garden=pd.array([True, None, False] * 40, dtype="boolean"),
        new=[True, False] * 60,
    )
    table.index = pd.Index(range(5, 125), name="place")
    table.to_parquet(tmp_path / "houses.parquet")
    found = data_of(project, 'path = "houses.parquet"')
    kinds = {field.name: (field.kind, field.nullable) for field in found.inputs}
    assert kinds == {"size": ("float", False), "rooms": ("int", False), "town": ("str", True), "floor": ("float", True),
                     "height": ("float", True), "garden": ("bool", True), "new": ("bool", False)}  # fmt: skip
    assert found.inputs["town"].categories == ("Bonn", "Köln")
    for name, wanted in {
        "floor": [1, np.nan, 3],
        "height": [1.5, np.nan, 2.5],
        "garden": [1, np.nan, 0],
    }.items():
        np.testing.assert_array_equal(found.frame[name].to_numpy(), np.array(wanted * 40, dtype=float))
    assert found.frame["town"].dtype == object
    assert found.frame["town"].map(type).value_counts().to_dict() == {str: 80, float: 40}
    assert len({id(text) for text in found.frame["town"].dropna()}) == 2
    table.assign(odd=[[1]] * 120).to_parquet(tmp_path / "houses.parquet")
    with pytest.raises(HarnessError, match='column "odd" holds list'):
        data_of(project, 'path = "houses.parquet"')


def test_a_query_can_be_trained_again_from_its_snapshot_when_the_database_is_gone(
    project, tmp_path, database
):
    query = f'sql = "SELECT * FROM houses ORDER BY rowid"\nurl = "{database}"'
    first = data_of(project, query)
    (tmp_path / "houses.db").unlink()
    with pytest.raises(HarnessError, match="the query was not answered"):
        data_of(project, query)
    same(first, data_of(project, f'{query}\nsha256 = "{first.sha256}"'))
    kept = tmp_path / "snapshots" / f"{first.sha256}.jsonl"
    kept.write_bytes(kept.read_bytes() + b"\n")
    with pytest.raises(HarnessError, match="digest mismatch") as caught:
        data_of(project, f'{query}\nsha256 = "{first.sha256}"')
    assert caught.value.code == "E46"


def test_other_data_than_the_pinned_are_refused(project):
    with pytest.raises(HarnessError, match="digest mismatch"):
        data_of(project, f'{PATH}\nsha256 = "{"0" * 64}"')


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM houses",
        "SELECT * FROM (SELECT * FROM houses ORDER BY id)",
        "SELECT * FROM houses -- ORDER BY id",
        "SELECT *, 'order by id' AS x FROM houses",
    ],
)
def test_a_query_without_an_order_is_refused(project, database, query):
    with pytest.raises(HarnessError, match="no ORDER BY"):
        data_of(project, f'sql = "{query}"\nurl = "{database}"')


def test_the_error_of_a_database_does_not_show_its_password(project):
    with pytest.raises(HarnessError) as caught:
        data_of(project, 'sql = "SELECT 1 ORDER BY 1"\nurl = "nosuch://me:hunter2@db/x"')
    assert "hunter2" not in str(caught.value)


def test_bundled_sets_come_by_name(project):
    found = data_of(project, 'bundled = "load_wine"', **{'"regression"': '"classification"'})
    assert len(found) == 178
    assert set(found.target) == {"class_0", "class_1", "class_2"}
    with pytest.raises(HarnessError) as caught:
        data_of(project, 'bundled = "load_wien"')
    assert caught.value.hint == 'did you mean "load_wine"?'


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"id": 1, "size": 2}\n{"id": 2}\n', 'line 2 lacks "size"'),
        ('{"id": 1}\n{"id": 2, "size": 2}\n', 'line 2 has "size"'),
        ('{"id": 1, "size": 2}\n{"id": 2, "size": "x"}\n', "holds int in line 1 and str in line 2"),
        ('{"id": 1, "size": NaN}\n', "NaN is no JSON"),
        ('{"id": 1, "id": 2}\n', "stands twice"),
        ('{"id": 1, "size": [1]}\n', "a list or an object in line 1"),
        ("[1]\n", "line 1 is no object"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(project, tmp_path, lines, message):
    (tmp_path / "bad.jsonl").write_text(lines)
    with pytest.raises(HarnessError, match=message):
        data_of(project, 'path = "bad.jsonl"')


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ('path = "a.csv"\nbundled = "load_wine"', "path and bundled are both given"),
        ('sql = "SELECT 1"', '"url" is missing'),
        ("max_categories = 5", '"path" is missing'),
        (f'{PATH}\nsha256 = "abc"', "sha256 is 'abc'"),
        (f'{PATH}\nencoding = "klingon"', 'unknown encoding "klingon"'),
        (f'{PATH}\ndrop_missing = ["sise"]', 'no feature "sise" under drop_missing'),
    ],
)
def test_what_is_wrong_with_the_section_is_named(project, new, message):
    with pytest.raises(HarnessError, match=message):
        data_of(project, new)


def test_a_file_in_another_encoding_is_read_where_it_is_said(project, tmp_path):
    table = houses().assign(town=["Köln", "Bonn"] * 60)
    path = project()
    (tmp_path / "houses.csv").write_bytes(table.to_csv(index=False).encode("latin-1"))
    with pytest.raises(HarnessError, match="cannot read the training data: line 2: ") as caught:
        read_data(read_config(path))
    assert "latin-1" in caught.value.hint
    path.write_text(path.read_text().replace(PATH, f'{PATH}\nencoding = "latin-1"'))
    assert read_data(read_config(path)).inputs["town"].categories == ("Bonn", "Köln")


def test_a_query_gives_back_whatever_a_text_holds(project, tmp_path):
    """A snapshot is lines of JSON, and some letters end a line for Python and for nobody else."""
    odd = ["a\u2028b", "c\x85d", "e\x0cf", 'g"h\\i', "j\nk"]
    with sqlite3.connect(tmp_path / "towns.db") as connection:
        houses().assign(town=[odd[i % 5] for i in range(120)]).to_sql("houses", connection, index=False)
    query = f'sql = "SELECT * FROM houses ORDER BY rowid"\nurl = "sqlite:///{tmp_path}/towns.db"'
    assert data_of(project, query).inputs["town"].categories == tuple(sorted(odd))


def test_an_infinite_number_of_a_query_is_named(project, database):
    with pytest.raises(HarnessError, match="infinite number"):
        data_of(project, f'sql = "SELECT *, 9e999 AS x FROM houses ORDER BY id"\nurl = "{database}"')


def test_degenerate_columns_are_named(project):
    many = houses().assign(street=[f"s{i}" for i in range(120)])
    for table, message in [
        (houses().assign(price=3.0), "in every row"),
        (houses().assign(size=np.nan), 'column "size" is empty in every row'),
        (many, "120 categories, more than 100"),
    ]:
        with pytest.raises(HarnessError, match=message):
            read_data(read_config(project(table=table, replace={PATH: f"{PATH}\nmax_categories = 100"})))


SPLIT = 'share = 0.3\nsalt = "houses"'


def test_rows_of_a_group_stay_together_whatever_is_added(project):
    table = houses().assign(owner=[f"o{i % 30}" for i in range(120)])
    split = {SPLIT: f'{SPLIT}\ngroup = "owner"'}
    data = read_data(read_config(project(table=table, replace=split)))
    assert table.assign(held=data.held_out).groupby("owner")["held"].nunique().max() == 1
    assert "owner" not in data.inputs
    few = read_data(read_config(project(table=table.head(80), replace=split)))
    assert few.held_out.tolist() == data.held_out[:80].tolist()


def test_a_split_by_time_holds_out_what_came_later(project):
    table = houses().assign(sold=pd.date_range("2026-01-01", periods=120).astype(str))
    data = read_data(read_config(project(table=table, replace={SPLIT: 'time = "sold"\nafter = 2026-04-01'})))
    assert data.held_out.tolist() == [day >= "2026-04-01" for day in table["sold"]]
    assert "sold" not in data.inputs
    for new, message in [
        ('time = "sold"\nafter = "soon"', "after is 'soon'"),
        ('time = "sold"', '"after" is missing'),
        (f'{SPLIT}\ntime = "sold"\nafter = "2026-04-01"', "beside a split by time"),
    ]:
        with pytest.raises(HarnessError, match=message):
            read_data(read_config(project(table=table, replace={SPLIT: new})))


def test_a_mask_empties_the_same_cells_and_rows_with_gaps_leave_the_training_only(project):
    mask = 'mask = { columns = ["size"], share = 0.2, salt = "m" }'
    data = data_of(project, f'{PATH}\n{mask}\ndrop_missing = ["size"]')
    gaps = data.frame["size"].isna().to_numpy()
    assert 0.1 < gaps.mean() < 0.3
    assert data.inputs["size"].nullable
    assert (gaps & data.held_out).any()
    assert data.trained.tolist() == (~data.held_out & ~gaps).tolist()
    assert data_of(project, PATH).held_out.tolist() == data.held_out.tolist()


def test_what_shapes_the_data_is_in_the_digest_of_the_configuration(project):
    def sha256(old, new):
        return read_config(project(replace={old: new})).sha256

    mask = '{ columns = ["size"], share = 0.2, salt = "m" }'
    made = {sha256(PATH, PATH), sha256(PATH, f"{PATH}\nmask = {mask}"), sha256(PATH, f'{PATH}\ndrop_missing = ["*"]'),
            sha256(SPLIT, f'{SPLIT}\ngroup = "size"')}  # fmt: skip
    assert len(made) == 4
    assert sha256(PATH, f'{PATH}\nsnapshots = "s"') == sha256(PATH, PATH)
