"""What goes wrong while training: a clear error, no half-written package, and nothing lost that was there."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.training.__main__ import train
from harness.training.config import read_config

CONFIG = """\
model = "houses"
package = "houses"
version = "1.1.0"
task = "{task}"
seed = 1
lock = "model.lock"

[data]
{source}
key = "id"
target = "price"
{data}
[split]
share = 0.3
salt = "houses"

[[steps]]
step = "sklearn.preprocessing.StandardScaler"

[[steps]]
step = "sklearn.{model}"
"""


def table(rows: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(1)
    size = random.uniform(30, 200, rows).round(1)
    age, price = random.integers(0, 90, rows), (size * 1000 + random.normal(0, 20_000, rows)).round(2)
    return pd.DataFrame({"id": range(rows), "size": size, "age": age, "price": price})


@pytest.fixture
def configured(tmp_path, lock_of_here):
    """`configured(**changes)`: a configuration beside its table, with an older candidate in dist/."""

    def make(task="regression", source='path = "houses.csv"', data="", model="linear_model.Ridge"):
        (tmp_path / "model.lock").write_text(lock_of_here)
        (tmp_path / "houses.toml").write_text(CONFIG.format(task=task, source=source, data=data, model=model))
        return read_config(tmp_path / "houses.toml")

    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "houses-1.0.0-py3-none-any.whl").write_bytes(b"the older candidate")
    return make


@pytest.fixture(scope="session")
def lock_of_here() -> str:
    """A lock of the libraries that are installed here."""
    from importlib import metadata

    names = ("numpy", "scipy", "scikit-learn", "joblib", "pandas")
    return "".join(f"{name}=={metadata.version(name)}\n" for name in names)


def refused(config, folder: Path) -> str:
    """What training says; and nothing is written, nothing is lost."""
    with pytest.raises(HarnessError) as error:
        train(config, folder / "dist", commit="", dirty=False)
    assert error.value.where
    assert error.value.hint
    assert [item.name for item in (folder / "dist").iterdir()] == ["houses-1.0.0-py3-none-any.whl"]
    assert (folder / "dist" / "houses-1.0.0-py3-none-any.whl").read_bytes() == b"the older candidate"
    return error.value.message


def spoilt(**columns) -> pd.DataFrame:
    return table().assign(**columns)


CELLS, PRICES, IDS = table()["size"].astype(object), table()["price"], table()["id"]
MANY = pd.DataFrame({"id": range(100_000), "age": 1.0, "price": range(100_000)})
MANY.insert(1, "size", "s" + MANY["id"].astype(str))

BAD = {
    "missing target": (
        table().drop(columns="price"),
        'no column "price", which the configuration names as target',
    ),
    "gaps in the target": (spoilt(price=PRICES.mask(IDS == 7)), 'target "price" is empty in line 9'),
    "constant target": (spoilt(price=5), 'target "price" is 5 in every row'),
    "all-missing column": (spoilt(age=np.nan), 'column "age" is empty in every row'),
    "duplicate keys": (spoilt(id=IDS // 2), 'key "id" is not unique: 0 stands 2 times'),
    "mixed dtypes": (
        spoilt(size=CELLS.where(IDS != 5, "large")),
        "the pipeline refuses the data: could not convert",
    ),
    "infinite values": (
        spoilt(age=1.5 * IDS.where(IDS != 3, np.inf)),
        "should be float, but holds 'inf' in line 5",
    ),
    "infinite target": (spoilt(price=PRICES.where(IDS != 3, -np.inf)), "holds '-inf' in line 5"),
    "100,000 levels": (MANY, 'column "size" has 100,000 categories, more than 10,000'),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_are_named_and_nothing_is_lost(configured, tmp_path, name):
    made, words = BAD[name]
    made.to_csv(tmp_path / "houses.csv", index=False)
    assert words in refused(configured(), tmp_path)


REASONS = {
    "mixed dtypes": (BAD["mixed dtypes"][0], "\"size\" is text because of 'large' in row 6"),
    "gaps": (spoilt(age=np.where(IDS % 3, 5.0, np.nan)), "there are gaps in age: impute them"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_a_step_refuses_has_its_column_named(configured, tmp_path, name):
    made, words = REASONS[name]
    made.to_csv(tmp_path / "houses.csv", index=False)
    with pytest.raises(HarnessError, match="the pipeline refuses the data") as error:
        train(configured(), tmp_path / "dist", commit="", dirty=False)
    assert words in error.value.hint


def test_one_class_alone_is_named(configured, tmp_path):
    spoilt(price="dear").to_csv(tmp_path / "houses.csv", index=False)
    config = configured(task="classification", model="linear_model.LogisticRegression")
    assert "has one label only: dear" in refused(config, tmp_path)


def test_a_word_in_a_column_that_is_said_to_hold_numbers_is_named(configured, tmp_path):
    BAD["mixed dtypes"][0].to_csv(tmp_path / "houses.csv", index=False)
    words = "column \"size\" should be float, but holds 'large' in line 7"
    assert words in refused(configured(data='kinds = { size = "float" }'), tmp_path)


TEXTS = {
    "ragged": ("id,size,age,price\n1,2,3,4\n2,3,4\n", "line 3 has 3 cells, the header 4"),
    "wrong encoding": (
        "id,size,age,price\n1,2,3,4\ncafé,3,4,5\n".encode("latin-1"),
        "codec can't decode byte 0xe9",
    ),
    "empty": ("", "the training data is empty"),
    "header alone": ("id,size,age,price\n", "the training data has no rows"),
    "an open quote": ('id,size,age,price\n1,"2,3,4\n', "cells, the header 4"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_bad_files_are_named_and_nothing_is_lost(configured, tmp_path, name):
    content, words = TEXTS[name]
    (tmp_path / "houses.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in refused(configured(), tmp_path)


def test_a_query_whose_database_goes_away_is_an_error_or_its_snapshot(configured, tmp_path):
    place = tmp_path / "houses.db"
    with sqlite3.connect(place) as connection:
        table().to_sql("houses", connection, index=False)
    connection.close()
    source = f'sql = "SELECT * FROM houses ORDER BY id"\nurl = "sqlite:///{place}"'
    (tmp_path / "dist" / "houses-1.0.0-py3-none-any.whl").unlink()
    made = train(configured(source=source), tmp_path / "first", commit="", dirty=False)
    (snapshot,) = (tmp_path / "snapshots").iterdir()
    (tmp_path / "dist" / "houses-1.0.0-py3-none-any.whl").write_bytes(b"the older candidate")

    place.write_bytes(b"no database any more")
    assert "the query was not answered: DatabaseError" in refused(configured(source=source), tmp_path)
    # what was kept of it is there, and trains again without asking the database
    pinned = f'{source}\nsha256 = "{snapshot.name.partition(".")[0]}"'
    again = train(configured(source=pinned), tmp_path / "second", commit="", dirty=False)
    assert Path(again["wheel"]).read_bytes()[:2] == b"PK"
    assert again["metrics"] == made["metrics"]


def test_a_database_that_goes_away_in_the_middle_of_the_answer_leaves_no_half_of_a_snapshot(
    configured, tmp_path
):
    place = tmp_path / "houses.db"
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE houses (id INTEGER PRIMARY KEY, size REAL, age INTEGER, price REAL)")
        rows = ((n, n % 7 + 30.5, n % 90, 1000.25 * n) for n in range(60_000))
        connection.executemany("INSERT INTO houses VALUES (?, ?, ?, ?)", rows)
    connection.close()
    with place.open("r+b") as file:
        file.seek(place.stat().st_size * 3 // 4)
        file.write(b"\xff" * (place.stat().st_size // 8))
    source = f'sql = "SELECT * FROM houses ORDER BY id"\nurl = "sqlite:///{place}"'
    # it begins to answer, and does not come to an end
    with sqlite3.connect(place) as connection:
        asked = connection.execute("SELECT * FROM houses ORDER BY id")
        assert len(asked.fetchmany(20_000)) == 20_000
        with pytest.raises(sqlite3.DatabaseError):
            asked.fetchall()
    connection.close()
    assert "the query was not answered: DatabaseError" in refused(configured(source=source), tmp_path)
    assert not (tmp_path / "snapshots").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB; mounting needs root, which CI is."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_while_packaging_leaves_no_half_of_a_package(configured, tmp_path, small_disk):
    table().to_csv(tmp_path / "houses.csv", index=False)
    config = configured(model='ensemble.RandomForestRegressor"\nn_estimators = 200\n# "')
    (small_disk / "houses-1.0.0-py3-none-any.whl").write_bytes(b"the older candidate")
    with pytest.raises(HarnessError, match="cannot write the wheel: No space left on device") as error:
        train(config, small_disk, commit="", dirty=False)
    assert error.value.exit == 11
    assert [item.name for item in small_disk.iterdir()] == ["houses-1.0.0-py3-none-any.whl"]
    assert (small_disk / "houses-1.0.0-py3-none-any.whl").read_bytes() == b"the older candidate"
    # with room, the very same is written
    assert Path(train(config, tmp_path / "roomy", commit="", dirty=False)["wheel"]).is_file()
    shutil.rmtree(tmp_path / "roomy")
