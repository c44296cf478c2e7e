"""What [validation] demands: everything that is wrong is said at once, with the column and the row, before a fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.training import limits
from harness.training.__main__ import main, train
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.profile import drift, profile_of
from harness.versions import wheel as wheels

from .conftest import houses

RIDGE = 'step = "sklearn.linear_model.Ridge"\nalpha = 10'
FOREST = (
    'step = "sklearn.preprocessing.OneHotEncoder"\ncolumns = ["district"]\nsparse_output = false\n\n'
    '[[steps]]\nstep = "sklearn.impute.SimpleImputer"\n\n[[steps]]\nstep = "sklearn.linear_model.Ridge"'
)
SCALER = '[[steps]]\nstep = "sklearn.preprocessing.StandardScaler"\n\n'


def table(rows: int = 200) -> pd.DataFrame:
    return houses(rows).assign(district=np.where(np.arange(rows) % 4 == 0, "north", "south"))


def configured(project, **changes):
    return read_config(project(**changes))


def judged(project, section: str, made: pd.DataFrame, before=None) -> str:
    """The findings of a table under a section, "" for none."""
    path = project(table=made, last=f"{FOREST}\n\n[validation]\n{section}\n", replace={SCALER: ""})
    config = read_config(path)
    try:
        limits.judge(config, read_data(config), before)
    except HarnessError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("section", "spoil", "words"),
    [
        ("max_missing = { size = 0.1 }", {"size": lambda t: t["size"].mask(t.index < 40)}, "size: 0.2 (as a share)"),
        ('max_missing = { "*" = 0.1 }', {"rooms": lambda t: t["rooms"].mask(t.index < 40)}, "rooms: 0.2"),
        ("ranges = { size = { high = 900 } }", {"size": lambda t: t["size"].where(t.index != 7, 1000.0)},
         "size: 1 values are outside -inf to 900, the first is 1000 in row 8"),
        ('categories = { district = ["north", "south"] }',
         {"district": lambda t: t["district"].where(t.index != 3, "noth")},
         "district: 1 values are no known category: noth (the first in row 4)"),
        ("max_duplicates = 0", {"size": lambda t: t["size"].where(t.index != 9, t["size"][8]),
                                "rooms": lambda t: t["rooms"].where(t.index != 9, t["rooms"][8]),
                                "district": lambda t: t["district"].where(t.index != 9, t["district"][8]),
                                "price": lambda t: t["price"].where(t.index != 9, t["price"][8])},
         "rows: 1 repeat another in every feature and the target, the first in row 10"),
        ("max_correlation = 0.999", {"tax": lambda t: t["price"] * 0.01 + 3}, "tax: it tells the target nearly alone"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_data_is_named(project, section, spoil, words):
    assert judged(project, section, table()) == ""
    assert words in judged(project, section, table().assign(**spoil))


def test_everything_that_is_wrong_is_said_at_once(project):
    made = table().assign(
        size=lambda t: t["size"].mask(t.index < 40),
        district=lambda t: t["district"].where(t.index != 3, "noth"),
    )
    said = judged(
        project, 'max_missing = { size = 0.1 }\ncategories = { district = ["north", "south"] }', made
    )
    assert "2 findings" in said
    assert "size:" in said
    assert "district:" in said


def test_a_label_that_a_text_tells_alone_is_a_leak(project):
    made = table().assign(price=lambda t: np.where(t["rooms"] > 3, "dear", "cheap"))
    leak = made.assign(hint=lambda t: t["price"].str.upper())
    last = 'step = "sklearn.dummy.DummyClassifier"\n\n[validation]\nmax_correlation = 0.99\n'
    config = read_config(project(table=leak, task="classification", last=last, replace={SCALER: ""}))
    with pytest.raises(HarnessError, match="hint: it tells the target nearly alone"):
        limits.judge(config, read_data(config), None)
    # as many categories as rows tell each label too, and nothing of the next row's
    apart = made.assign(hint=[f"house {place}" for place in range(len(made))])
    config = read_config(project(table=apart, task="classification", last=last, replace={SCALER: ""}))
    limits.judge(config, read_data(config), None)


# ---- drift


def psi(p: np.ndarray, q: np.ndarray) -> float:
    return float(((q - p) * np.log(q / p)).sum())


def profiled(project, made: pd.DataFrame):
    config = read_config(project(table=made, last=FOREST, replace={SCALER: ""}))
    data = read_data(config)
    return data, profile_of(data)


def test_the_stability_index_is_that_of_the_shares(project):
    data, before = profiled(project, table(2_000).assign(size=lambda t: t["size"].mask(t.index % 10 == 0)))
    column = data.frame["size"][data.trained]
    assert drift(before["size"], column) == pytest.approx(0, abs=1e-9)
    assert drift(before["district"], data.frame["district"][data.trained]) == pytest.approx(0, abs=1e-9)
    moved = (column * 1.2).where(column.index % 3 != 0)
    edges = [-np.inf, *before["size"]["edges"], np.inf]
    old, new = (
        np.array(
            [*(np.histogram(one.dropna(), np.nextafter(edges, np.inf))[0] / len(one)), one.isna().mean()]
        )
        for one in (column, moved)
    )
    assert drift(before["size"], moved) == pytest.approx(psi(old, new))


def test_categories_that_are_new_or_gone_are_drift(project):
    data, before = profiled(project, table(1_000))
    column = data.frame["district"][data.trained]
    assert drift(before["district"], column.replace("north", "harbour")) > 1
    assert drift(before["district"], column.replace("north", "south")) > 1


def test_drift_from_the_previous_version_stops_training(project):
    _, before = profiled(project, table(1_000))
    moved = table(1_000).assign(size=lambda t: t["size"] * 2)
    assert judged(project, "max_drift = 0.2", table(1_000), before) == ""
    assert "size: it drifted from what the previous version was trained on" in judged(
        project, "max_drift = 0.2", moved, before
    )


def test_training_stops_and_writes_nothing(project, tmp_path, capsys):
    path = project(last=f"{RIDGE}\n\n[validation]\nranges = {{ size = {{ high = 50 }} }}\n")
    assert main([str(path), "--out", str(tmp_path / "dist")]) != 0
    assert "size:" in capsys.readouterr().out
    assert not (tmp_path / "dist").exists()


def test_the_profile_of_a_version_is_what_the_next_is_held_against(project, tmp_path):
    limit = f"{RIDGE}\n\n[validation]\nmax_drift = 0.2\n"
    made = train(configured(project, last=limit), tmp_path / "dist", commit="", dirty=False)
    manifest, _ = wheels.read(Path(made["wheel"]))
    (tmp_path / "previous.json").write_text(manifest.dump())
    train(
        configured(project, last=limit), tmp_path / "dist", tmp_path / "previous.json", commit="", dirty=False
    )
    moved = houses().assign(size=lambda t: t["size"] + 100)
    with pytest.raises(HarnessError, match="size: it drifted"):
        train(
            configured(project, last=limit, table=moved),
            tmp_path / "dist",
            tmp_path / "previous.json",
            commit="",
            dirty=False,
        )


def test_limits_shape_no_model(project):
    plain = read_config(project()).sha256
    assert read_config(project(last=f"{RIDGE}\n\n[validation]\nmax_duplicates = 3\n")).sha256 == plain


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("max_mising = {}", 'did you mean "max_missing"'),
        ("max_missing = { sise = 0.1 }", 'did you mean "size"'),
        ("max_missing = { size = 2 }", "max_missing of size is 2"),
        ("ranges = { size = 3 }", "the range of size is 3"),
        ("ranges = { district = { low = 1 } }", "district is text"),
        ('categories = { size = ["a"] }', "size is a number"),
        ("categories = { district = 3 }", "list of names"),
        ("max_correlation = 2", "max_correlation is 2"),
    ],
)
def test_a_section_that_cannot_be_is_refused(project, section, words):
    try:
        said = judged(project, section, table())
    except HarnessError as error:
        said = str(error)
    assert words in said
