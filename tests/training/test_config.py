"""The training configuration says all, and says what is wrong with it."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.training.config import read_config


def test_paths_lie_beside_the_configuration(project, tmp_path):
    config = read_config(project())
    assert config.lock == tmp_path / "house.lock"
    assert config.data.file == tmp_path / "houses.csv"
    assert config.steps[1].parameters == {"alpha": 10}


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ('package = "house', 'pakage = "house', 'unknown key "pakage"', 'did you mean "package"?'),
        ('key = "id"', 'kee = "id"', 'unknown key "kee"', 'did you mean "key"?'),
        ("share = 0.3", "shares = 0.3", 'unknown key "shares"', 'did you mean "share"?'),
        ("seed = 7\n", "", '"seed" is missing', "give seed = a whole number"),
        ("seed = 7", "seed = true", "seed is True", "a whole number"),
        ("seed = 7", "seed = -1", "seed is -1", "from 0"),
        ("share = 0.3", "share = 1", "share is 1", "between 0 and 1"),
        ('"regression"', '"regresion"', 'unknown task "regresion"', 'did you mean "regression"?'),
        ('"1.2.0"', '"1.2-beta"', '"1.2-beta" is no version number', "1.2.0rc1"),
        ('"house_prices"', '"House-Prices"', "no name for an import package", "house_prices"),
        ('"house_prices"', '"json"', '"json" is taken', "lower-case"),
        ('"house-prices"', '"a/b"', "no name for a model", "house-prices"),
        ('"sklearn.linear_model.Ridge"', '"os.system"', "os.system may not be a step", "or shipped"),
        ('"sklearn.linear_model.Ridge"', '"harness.x.Ridge"', "may not be a step", "yesterday's models"),
        ("alpha = 10", "random_state = 3", "random_state is set for one step", "set seed"),
        ('target = "price"', 'target = "price"\nkinds = { rooms = "whole" }', "unknown kind 'whole'", "known: "),
        ('target = "price"', 'target = "price"\nfeatures = ["size", "size"]', 'names "size" twice', "once"),
        ("seed = 7", "seed =", "is no TOML", "mend it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(project, old, new, message, hint):
    path = project(replace={old: new})
    with pytest.raises(HarnessError) as caught:
        read_config(path)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert str(path) in caught.value.where


def test_missing_file_is_an_error_of_ours(tmp_path):
    with pytest.raises(HarnessError, match="cannot read the training configuration"):
        read_config(tmp_path / "none.toml")


def test_the_digest_leaves_out_the_version_and_nothing_that_shapes_the_model(project):
    def sha256(**replace):
        return read_config(project(replace=dict(replace.values()))).sha256

    plain = sha256()
    assert sha256(a=('"1.2.0"', '"1.3.0"')) == plain
    assert sha256(a=("house.lock", "other.lock")) == plain
    others = {
        sha256(a=("alpha = 10", "alpha = 1")),
        sha256(a=("seed = 7", "seed = 8")),
        sha256(a=("share = 0.3", "share = 0.2")),
        sha256(a=('salt = "houses"', 'salt = "x"')),
        sha256(a=('target = "price"', 'target = "price"\nfeatures = ["size"]')),
        sha256(a=('target = "price"', 'target = "price"\nkinds = { rooms = "float" }')),
        sha256(a=("alpha = 10", 'alpha = 10\ncolumns = ["size"]')),
    }
    assert len(others | {plain}) == 8
