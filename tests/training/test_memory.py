"""Training beyond `memory_limit` is refused before the table is read, or done on a sample that says so."""

from __future__ import annotations

import sqlite3
import sys

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.training.config import read_config
from harness.training.config.data import DataSection
from harness.training.data import read_data
from harness.training.hashed import held_out
from harness.training.sources import columnar, memory
from harness.training.sources.content import of_file
from harness.training.sources.table import Asked
from harness.training.synthetic.write import write

PATH = 'path = "houses.csv"'
COLUMNS = 'features = ["size", "rooms"]'


def large(rows: int = 20_000) -> pd.DataFrame:
    random = np.random.default_rng(3)
    size, rooms = random.uniform(30, 200, rows), random.integers(1, 7, rows)
    return pd.DataFrame(
        {"id": range(rows), "size": size, "rooms": rooms, "price": 1000 * size + 5000 * rooms}
    )


def written(folder, suffix: str, table: pd.DataFrame | None = None) -> str:
    """The source of a table that was written in this form."""
    table = large() if table is None else table
    path = folder / f"large{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path, index=False, row_group_size=3_000)
    elif suffix == ".csv":
        table.to_csv(path, index=False)
    elif suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        with sqlite3.connect(path) as connection:
            table.to_sql("houses", connection, index=False)
        return f'sql = "SELECT * FROM houses ORDER BY id"\nurl = "sqlite:///{path}"'
    return f'path = "{path.name}"'


def config_of(project, source: str, *more: str):
    return read_config(project(replace={PATH: "\n".join([source, *more])}))


SOURCES = (".parquet", ".csv", ".jsonl", ".db")


@pytest.mark.parametrize("suffix", SOURCES)
def test_what_would_take_more_memory_than_it_may_is_refused(project, tmp_path, suffix):
    source = written(tmp_path, suffix)
    with pytest.raises(HarnessError, match="memory_limit is 500 KiB") as caught:
        read_data(config_of(project, source, 'memory_limit = "500 KiB"'))
    assert caught.value.code == "E75"
    assert "training would take" in caught.value.message
    assert "raise memory_limit" in caught.value.hint
    assert len(read_data(config_of(project, source, 'memory_limit = "1 GiB"'))) == 20_000


def test_parquet_is_refused_by_its_description_alone(project, tmp_path):
    """The pages are destroyed: whoever reads one says another thing."""
    source = written(tmp_path, ".parquet")
    path = tmp_path / "large.parquet"
    content = bytearray(path.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    content[4:-footer] = b"\xff" * (len(content) - footer - 4)
    path.write_bytes(content)
    with pytest.raises(HarnessError, match="the table has 20,000 rows of 4 columns, 625 KiB in memory"):
        read_data(config_of(project, source, 'memory_limit = "1 MiB"'))
    with pytest.raises(HarnessError, match="cannot read the training data"):
        read_data(config_of(project, source))


def test_a_text_is_refused_by_its_first_lines(project, tmp_path):
    """Terabytes that are not there: a file with a hole, which nobody could have read."""
    source = written(tmp_path, ".csv")
    with (tmp_path / "large.csv").open("r+b") as file:
        file.truncate(2**42)
    with pytest.raises(HarnessError, match="the table has about ") as caught:
        read_data(config_of(project, source, 'memory_limit = "8 GiB"'))
    assert caught.value.code == "E75"


def test_a_query_is_refused_once_it_gives_too_much(project, tmp_path):
    many = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 150000)"
    query = f"{many} SELECT id, 2 * id AS size, 3 * id AS price FROM n ORDER BY id"
    source = f'sql = "{query}"\nurl = "sqlite:///{tmp_path}/any.db"'
    for more in ("", 'beyond = "sample"'):
        with pytest.raises(
            HarnessError, match=r"the query has given \d0,000 rows of 3 columns, and has more"
        ) as caught:
            read_data(config_of(project, source, 'memory_limit = "2 MiB"', more))
        assert caught.value.code == "E75"


@pytest.mark.parametrize("suffix", SOURCES)
def test_a_sample_is_chosen_by_key_and_says_so(project, tmp_path, suffix):
    source = written(tmp_path, suffix)
    data = read_data(config_of(project, source, 'memory_limit = "1500 KiB"', 'beyond = "sample"'))
    assert data.sampled is not None
    assert data.sampled.rows == 20_000
    assert 0.05 < data.sampled.share < 0.95
    table = large()
    picked = np.array(held_out(table["id"], "houses\0sample", data.sampled.share))
    assert data.target.tolist() == pytest.approx(table["price"][picked].tolist())
    # as many are held out among them as elsewhere: the two choices know nothing of each other
    assert 0.27 < data.held_out.mean() < 0.33
    assert data.held_out.tolist() == held_out(table["id"][picked], "houses", 0.3)


def test_a_sample_of_a_query_is_the_same_from_its_snapshot(project, tmp_path):
    source = written(tmp_path, ".db")
    limit = ('memory_limit = "1500 KiB"', 'beyond = "sample"')
    first = read_data(config_of(project, source, *limit))
    (tmp_path / "large.db").unlink()
    again = read_data(config_of(project, source, f'sha256 = "{first.sha256}"', *limit))
    assert again.sampled == first.sampled
    assert again.target.tolist() == first.target.tolist()


def test_within_the_limit_nothing_is_sampled(project, tmp_path):
    source = written(tmp_path, ".parquet")
    data = read_data(config_of(project, source, 'memory_limit = "1 GiB"', 'beyond = "sample"'))
    assert data.sampled is None
    assert len(data) == 20_000


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_rows_of_a_sample_are_named_by_their_place_in_the_source(project, tmp_path, suffix):
    table = large()
    row = int(np.flatnonzero(held_out(table["id"], "houses\0sample", 0.02))[40])
    table["rooms"] = table["rooms"].astype(float)
    table.loc[row, "price"] = np.nan
    source = written(tmp_path, suffix, table)
    with pytest.raises(HarnessError, match=f"(row|line) {row + (2 if suffix == '.csv' else 1)}\n"):
        read_data(config_of(project, source, 'memory_limit = "1 MiB"', 'beyond = "sample"'))


def test_columns_that_are_no_features_are_neither_read_nor_counted(project, tmp_path):
    table = large().assign(**{f"more{n}": 1.5 for n in range(20)}, odd=[[1]] * 20_000)
    table.to_parquet(tmp_path / "large.parquet", index=False)
    limit = 'memory_limit = "3 MiB"'
    assert len(read_data(config_of(project, 'path = "large.parquet"', COLUMNS, limit)).inputs) == 2
    with pytest.raises(HarnessError, match="rows of 25 columns"):
        read_data(config_of(project, 'path = "large.parquet"', limit))


def test_the_estimate_is_no_less_than_what_the_table_takes(tmp_path):
    write(tmp_path / "large.parquet", 30_000)
    asked = Asked(None, "id", "s")
    found = of_file(tmp_path / "large.parquet")
    size = memory.size_of(DataSection("id", "price"), found, asked)
    with found.open() as file:
        frame = columnar.read_parquet(columnar.opened(file, ""), "", asked)[0]
    texts = [column for _, column in frame.items() if column.dtype == object]
    letters = sum(sys.getsizeof(text) for column in texts for text in column.dropna().unique())
    held = frame.memory_usage(index=False).sum() + letters
    assert size is not None
    assert held < size.table < 2 * held


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('memory_limit = "2 GB"', "memory_limit is '2 GB'"),
        ('memory_limit = "0 GiB"', "memory_limit is '0 GiB'"),
        ("memory_limit = 5", "memory_limit is 5"),
        ('beyond = "sample"', '"memory_limit" is missing'),
        ('memory_limit = "2 GiB"\nbeyond = "smaple"', 'unknown beyond "smaple"'),
    ],
)
def test_what_is_wrong_with_the_limit_is_named(project, more, message):
    with pytest.raises(HarnessError, match=message):
        config_of(project, PATH, more)


def test_a_limit_that_samples_shapes_the_model_and_one_that_refuses_does_not(project):
    plain = config_of(project, PATH).sha256
    assert config_of(project, PATH, 'memory_limit = "2 GiB"').sha256 == plain
    assert config_of(project, PATH, 'memory_limit = "2 GiB"', 'beyond = "sample"').sha256 != plain
