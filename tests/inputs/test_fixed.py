"""Fixed tables: the same rows in the same blocks from every format; what is wrong is said."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.inputs import make
from harness.schema import Schema
from harness.settings import Input, RuleSettings, Settings
from harness.tables import BLOCK

SCHEMA = Schema.parse([{"name": "age", "kind": "float"}, {"name": "city", "kind": "str", "nullable": True}])


def settings(folder):
    return Settings(path=folder / "harness.toml", root=folder, model="m")


def source(folder, name="t.csv", schema=SCHEMA, **extra):
    return make(Input("t", path=name, **extra), settings(folder), schema)


@pytest.fixture
def table():
    n = BLOCK * 2 + 10
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "age": np.linspace(0, 99, n).round(2),
            "city": ["Ulm" if i % 3 else None for i in range(n)],
            "price": np.arange(n) * 1.5,
        }
    )


def write(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_parquet(path, row_group_size=1000)


def by(where):
    return RuleSettings("r", "exact", where=where)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_columns_that_a_condition_names_lie_beside_the_inputs(tmp_path, table, name):
    table["segment"] = [f"s{i % 7}" for i in range(len(table))]
    write(table, tmp_path / name)
    item = Input("t", path=name, key="id", target="price", keep=("city",))
    whole = replace(settings(tmp_path), rules=(by("segment == 's1' and id > 3"), by("price is null")))
    found = make(item, whole, SCHEMA)
    batches = list(found.batches())
    # city is an input, so it does not lie beside them too
    assert [sorted(batch.beside) for batch in batches] == [["id", "price", "segment"]] * 3
    rows = slice(BLOCK, 2 * BLOCK)
    assert batches[1].beside["segment"].tolist() == table["segment"].tolist()[rows]
    assert batches[1].beside["price"].tolist() == batches[1].target.tolist() == table["price"].tolist()[rows]
    assert found.kinds() == {"age": "float", "city": "str", "id": "int", "price": "float", "segment": "str"}
    assert found.beside() == {"id", "price", "segment"}
    nothing = make(item, settings(tmp_path), SCHEMA)
    assert next(nothing.batches()).beside == {}
    assert nothing.kinds() == {"age": "float", "city": "str", "id": "", "price": "", "segment": ""}


def test_columns_beside_the_inputs_do_not_depend_on_how_rows_are_spread_over_files(tmp_path, table):
    table["segment"] = [None if i % 5 == 0 else f"s{i % 7}" for i in range(len(table))]
    whole = replace(settings(tmp_path), rules=(by("segment is null"),))
    seen = []
    for number, cuts in enumerate(([], [1], [5000, 5001], [BLOCK])):
        folder = tmp_path / str(number)
        folder.mkdir()
        for part, (a, b) in enumerate(pairwise([0, *cuts, len(table)])):
            write(table[a:b], folder / f"{part}.parquet")
        found = make(Input("t", path=f"{number}/*.parquet"), whole, SCHEMA)
        seen.append([batch.beside["segment"].tolist() for batch in found.batches()])
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_every_format_gives_the_same_cases_in_the_same_blocks(tmp_path, table, name):
    write(table, tmp_path / name)
    found = source(tmp_path, name, key="id", target="price")
    batches = list(found.batches())
    assert found.planned() == len(table)
    assert [len(batch) for batch in batches] == [BLOCK, BLOCK, 10]
    assert [batch.start for batch in batches] == [0, BLOCK, 2 * BLOCK]
    assert batches[2].keys.tolist() == table["id"].tolist()[-10:]
    assert batches[1].columns["age"].values.tolist() == table["age"].tolist()[BLOCK : 2 * BLOCK]
    assert batches[0].columns["city"].tolist()[:3] == [None, "Ulm", "Ulm"]
    assert batches[0].target.tolist()[:2] == [0.0, 1.5]
    assert "price" not in batches[0].columns
    assert "id" not in batches[0].columns


def test_many_files_are_one_source_in_the_order_of_their_names(tmp_path, table):
    for number, start in enumerate(range(0, len(table), 3000)):
        write(table[start : start + 3000], tmp_path / f"part-{number}.parquet")
    batches = list(source(tmp_path, "part-*.parquet", key="id").batches())
    assert [len(batch) for batch in batches] == [BLOCK, BLOCK, 10]
    assert np.concatenate([batch.keys for batch in batches]).tolist() == table["id"].tolist()


def test_a_table_without_the_schemas_columns_is_refused(tmp_path, table):
    write(table.rename(columns={"age": "agee"}), tmp_path / "t.csv")
    with pytest.raises(HarnessError, match="lacks 1 of the schema's columns: age") as caught:
        source(tmp_path)
    assert 'did you mean "agee"?' in str(caught.value)


def test_a_table_without_rows_is_no_comparison(tmp_path):
    (tmp_path / "t.csv").write_text("age,city\n")
    (tmp_path / "t.jsonl").write_text("")
    for name in ("t.csv", "t.jsonl"):
        with pytest.raises(HarnessError, match="0 of 0 comparisons") as caught:
            source(tmp_path, name)
        assert (caught.value.code, caught.value.exit) == ("E10", 10)


def test_a_missing_file_and_a_missing_key_name_what_was_sought(tmp_path, table):
    with pytest.raises(HarnessError, match=r"no file matches nowhere\.csv"):
        source(tmp_path, "nowhere.csv")
    write(table, tmp_path / "t.csv")
    with pytest.raises(HarnessError, match="no column idd, which should be the key"):
        source(tmp_path, key="idd")


def test_keys_name_each_case_once(tmp_path, table):
    write(pd.concat([table[:5], table[:1]]), tmp_path / "t.csv")
    with pytest.raises(HarnessError, match="key id is not unique: 0 stands 2 times"):
        source(tmp_path, key="id")


@pytest.mark.parametrize("text", ["age,city\n1,Ulm\n2\n", "age,city\nold,Ulm\n"])
def test_a_ragged_or_mistyped_file_is_named(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(HarnessError, match="cannot read the table"):
        list(source(tmp_path).batches())


def test_a_column_of_another_kind_than_the_schemas_is_refused(tmp_path):
    (tmp_path / "t.jsonl").write_text(json.dumps({"age": 1.0, "city": "Ulm"}) + "\n")
    wrong = Schema.parse([{"name": "age", "kind": "float"}, {"name": "city", "kind": "json"}])
    list(source(tmp_path, "t.jsonl", wrong).batches())
    pd.DataFrame({"age": ["x"], "city": ["Ulm"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(HarnessError, match="column age holds str, the schema says float"):
        list(source(tmp_path, "t.parquet").batches())


def files(folder, first, second, name="t-*.csv", schema=SCHEMA, **extra):
    (folder / "t-1.csv").write_text(first)
    (folder / "t-2.csv").write_text(second)
    return source(folder, name, schema, **extra)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("age,city\n1,Ulm\n", "agee,city\n2,Ulm\n", r"lacks 1 of the schema's columns: age"),
        (
            "age,city,id\n1,Ulm,1\n",
            "age,city,id\n2,Ulm,b\n",
            "column id holds string in t-2.csv and int64 in t-1",
        ),
        ("age,city,id\n1,Ulm,1\n", "age,city,nr\n2,Ulm,2\n", "no column id, which should be the key"),
        ("age,city,id\n1,Ulm,1\n", "age,city,id,age\n2,Ulm,2,3\n", "column age stands 2 times"),
    ],
)
def test_every_file_of_a_source_is_checked_when_it_is_made(tmp_path, first, second, words):
    with pytest.raises(HarnessError, match=words) as caught:
        files(tmp_path, first, second, key="id" if "id" in first else "")
    assert caught.value.exit == 4
    assert "t-2.csv" in str(caught.value)
    assert caught.value.hint


def test_a_target_of_two_types_is_refused_and_a_column_that_nobody_reads_is_not(tmp_path):
    with pytest.raises(HarnessError, match=r"column y holds double in t-2\.csv and int64 in t-1\.csv"):
        files(tmp_path, "age,city,y\n1,Ulm,1\n", "age,city,y\n2,Ulm,1.5\n", target="y")
    one = files(tmp_path, "age,city,note\n1,Ulm,1\n", "age,city,note\n2,Ulm,b\n")
    assert sum(len(batch) for batch in one.batches()) == 2
    with pytest.raises(HarnessError, match="note"):
        files(tmp_path, "age,city,note\n1,Ulm,1\n", "age,city,note\n2,Ulm,b\n", schema=None)
    with pytest.raises(HarnessError, match=r"t-2\.csv has other columns than t-1\.csv"):
        files(tmp_path, "age,city\n1,Ulm\n", "age,town\n2,Ulm\n", schema=None)


def test_a_file_whose_column_is_empty_fits_any_type(tmp_path):
    one = files(tmp_path, "age,city,y\n1,Ulm,\n", "age,city,y\n2,Ulm,1.5\n", target="y")
    assert [batch.target.tolist() for batch in one.batches()] == [[None, 1.5]]


def test_a_folder_is_no_table(tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(HarnessError, match=r"t\.csv is a folder") as caught:
        source(tmp_path)
    assert caught.value.exit == 4


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "t.csv").symlink_to(tmp_path / "t.csv")
    with pytest.raises(HarnessError, match=r"no file matches t\.csv|cannot read"):
        source(tmp_path)


@pytest.mark.parametrize("value", [1e300, -1e300, 2.0**63, 2.5, float("inf")])
def test_a_float_that_is_no_integer_of_64_bits_does_not_become_one(tmp_path, value):
    pd.DataFrame({"age": [1.0, value]}).to_parquet(tmp_path / "t.parquet")
    whole = Schema.parse([{"name": "age", "kind": "int"}])
    with pytest.raises(HarnessError, match="column age holds float, the schema says int"):
        list(source(tmp_path, "t.parquet", whole).batches())


def test_decimals_are_numbers_and_times_of_day_are_refused(tmp_path):
    import datetime
    import decimal

    plain = Schema.parse([{"name": "age", "kind": "float"}])
    pd.DataFrame({"age": [decimal.Decimal("1.50"), None], "y": [decimal.Decimal("2.25")] * 2}).to_parquet(
        tmp_path / "t.parquet"
    )
    (batch,) = source(tmp_path, "t.parquet", plain, target="y").batches()
    assert batch.columns["age"].tolist() == [1.5, None]
    assert (batch.target.kind, batch.target.tolist()) == ("float", [2.25, 2.25])
    pd.DataFrame({"age": [datetime.time(12, 30)]}).to_parquet(tmp_path / "t.parquet")
    for schema in (plain, None):
        with pytest.raises(HarnessError, match=r"column age holds time64.*no version can be given"):
            source(tmp_path, "t.parquet", schema)


def test_na_is_a_text_where_the_schema_says_text_and_nothing_elsewhere(tmp_path):
    (tmp_path / "t.csv").write_text("age,city,y\n1,NA,NA\nNA,null,b\n3,,c\n")
    (batch,) = source(tmp_path, target="y").batches()
    assert batch.columns["city"].tolist() == ["NA", "null", None]
    assert batch.columns["age"].tolist() == [1.0, None, 3.0]
    assert batch.target.tolist() == [None, "b", "c"]


def test_a_date_beyond_what_can_be_kept_is_said(tmp_path):
    (tmp_path / "t.csv").write_text("age,city,y\n1,Ulm,3500-01-01 00:00:00\n")
    with pytest.raises(HarnessError, match=r"cannot read the table: .*would result in out of bounds"):
        list(source(tmp_path, target="y").batches())
