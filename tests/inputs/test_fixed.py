"""Fixed tables: the same rows in the same blocks from every format; what is wrong is said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.inputs import make
from harness.schema import Schema
from harness.settings import Input, Settings
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
