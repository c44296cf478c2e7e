"""Training data are checked, typed and split; nothing is repaired in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.training.config import read_config
from harness.training.data import held_out, kind_of, read_data


def houses(rows=120):
    return pd.DataFrame(
        {
            "id": range(rows),
            "size": np.arange(rows) / 7,
            "rooms": np.arange(rows) % 5,
            "price": np.arange(rows) * 9.5,
        }
    )


def test_added_rows_move_no_other_to_the_other_side():
    few, more = held_out(range(200), "s", 0.3), held_out(range(5000), "s", 0.3)
    assert more[:200] == few
    assert 0.28 < np.mean(more) < 0.32
    assert held_out(range(200), "another", 0.3) != few
    assert held_out(reversed(range(200)), "s", 0.3) == few[::-1]


def test_schema_says_kind_range_trained_on_and_gaps_anywhere(project):
    table = houses()
    first, second = np.flatnonzero(held_out(table["id"], "houses", 0.3))[:2]
    table.loc[first, "size"], table.loc[second, "size"] = np.nan, 1e6
    table["area"] = np.where(table.index % 2, "north", "south")
    data = read_data(read_config(project(table=table)))
    seen = table[~data.held_out]
    size, rooms, area = data.inputs["size"], data.inputs["rooms"], data.inputs["area"]
    assert (size.kind, size.nullable, size.maximum) == ("float", True, pytest.approx(seen["size"].max()))
    assert (rooms.kind, rooms.nullable, rooms.minimum, rooms.maximum) == ("int", False, 0, 4)
    assert (area.kind, area.categories) == ("str", ("north", "south"))
    assert data.frame["rooms"].dtype == np.float64
    assert np.isnan(data.frame["size"][first])
    assert data.target.tolist() == table["price"].tolist()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2"], "int"), (["1", None], "float"), (["1", "2.5"], "float"), (["1e3", "-2"], "float"),
        (["True", "false"], "bool"), (["1", "x"], "str"), (["007", "12"], "str"),
    ],
)  # fmt: skip
def test_the_narrowest_kind_holds_every_value(cells, kind):
    assert kind_of(pd.Series(cells, dtype=object)) == kind


def broken(column, row, value):
    table = houses().astype(object)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "replace", "message", "hint"),
    [
        (houses().drop(columns="price"), {}, 'no column "price"', "known: "),
        (houses().rename(columns={"id": "idd"}), {}, 'no column "id"', 'did you mean "idd"?'),
        (houses(0), {}, "no rows", "give it rows"),
        (houses(3), {"0.3": "0.01"}, "0 of 3 rows are held out", "another share"),
        (broken("price", 4, None), {}, 'target "price" is empty in line 6', "without a target"),
        (broken("price", 4, "high"), {}, "should be float, but holds 'high' in line 6", "mend the table"),
        (broken("price", 4, "inf"), {}, "holds 'inf' in line 6", "mend"),
        (broken("id", 4, 7), {}, 'key "id" is not unique: 7 stands 2 times', "duplicates"),
        (broken("id", 4, None), {}, 'key "id" is empty in line 6', "every row needs a key"),
        (broken("size", 4, "big"), {'"price"': '"price"\nkinds = { size = "float" }'},
         "column \"size\" should be float, but holds 'big' in line 6", 'size = "str"'),
        (houses(), {'"price"': '"price"\nkinds = { size = "int" }'}, 'column "size" should be int', "mend"),
        (houses(), {'"price"': '"price"\nfeatures = ["size", "romms"]'}, 'no column "romms"', 'mean "rooms"'),
        (houses(), {'"price"': '"price"\nfeatures = ["size", "price"]'}, "target and feature at once", "take it out"),
        (houses()[["id", "price"]], {}, "no feature is left", "features"),
        (houses(), {"houses.csv": "none.csv"}, "cannot read the training data", "relative to"),
        (houses(), {"houses.csv": "houses.xlsx"}, "type .xlsx is not read", ".csv"),
        (houses(), {'"regression"': '"classification"'}, "not labels", "regression"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_data_is_named(project, table, replace, message, hint):
    config = read_config(project(table=table, replace=replace))
    with pytest.raises(HarnessError) as caught:
        read_data(config)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"id,size,size,price\n1,2,3,4\n", 'column "size" stands 2 times'),
        (b"id,,price\n1,2,3\n", "a column has no name"),
        (b"id,size,price\n1,2,3\n4,5,6,7\n", "line 3 has 4 cells, the header 3"),
        (b"id,size,price\n1,2\n", "line 2 has 2 cells"),
        (b"id,size,price\n1,\xff,3\n", "cannot read the training data"),
    ],
)
def test_a_broken_file_is_named_not_mended(project, tmp_path, content, message):
    config = read_config(project())
    (tmp_path / "houses.csv").write_bytes(content)
    with pytest.raises(HarnessError, match=message):
        read_data(config)


def test_a_label_that_is_never_trained_on_is_an_error(project):
    table = houses()
    table["price"] = np.where(table.index % 2, "high", "low")
    place = held_out(table["id"], "houses", 0.3).index(True)
    table.loc[place, "price"] = "rare"
    config = read_config(project(table=table, task="classification"))
    with pytest.raises(HarnessError, match="label 'rare' is held out altogether"):
        read_data(config)
